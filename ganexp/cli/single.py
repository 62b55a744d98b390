"""One run, trained while somebody looks on."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ganexp import cache
from ganexp.checkpoints import Checkpoint
from ganexp.cli import display
from ganexp.cli.environment import STARTED
from ganexp.cli.exit_codes import FAILED, SIGNALED, STATUSES
from ganexp.component import SettingError
from ganexp.job import Job
from ganexp.outcome import ERROR_NAME
from ganexp.records.summary import read_summary
from ganexp.run import run


def train(
    job: Job,
    folder: Path,
    words: Sequence[str],
    resumed: Checkpoint | None = None,
    note: Callable[[], None] = lambda: None,
    started: float | None = STARTED,
) -> int:
    """Run the job in its folder, with a display; the exit status. `note` leaves the config there; see `run` for the others."""

    def meanwhile() -> None:
        # The start is over: see `dispatch.main`.
        gc.enable()
        note()

    cache.enable()
    try:
        with display.progress(job.steps) as show:
            outcome = run(job, folder, words, resumed, show, started, meanwhile)
    except (SettingError, OSError):
        raise
    except Exception as error:
        # Nobody's mistake but the program's: what whoever mends it needs is in a file, and no data are lost.
        print(
            f"ganexp: {folder}: failed: {type(error).__name__}: {error}; {folder / ERROR_NAME} says where",
            file=sys.stderr,
        )
        return FAILED
    steps = outcome.step - (int(resumed.state.step) if resumed else 0)
    seconds = read_summary(folder)["wall_seconds"]
    if steps:
        taken = seconds["total"] - seconds["start"] - seconds["compile"]
        cache.remember_pace(job.experiment, steps / max(taken, 1e-9))
    display.show_end(outcome, folder)
    return SIGNALED + outcome.signal if outcome.signal else STATUSES[outcome.status]
