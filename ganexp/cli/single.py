"""One run, trained while somebody looks on."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from pathlib import Path

from ganexp import cache
from ganexp.checkpoints import Checkpoint
from ganexp.cli import display
from ganexp.cli.environment import STARTED
from ganexp.cli.exit_codes import FAILED, SIGNALED, STATUSES
from ganexp.cli.sentences import say
from ganexp.job import Job
from ganexp.records.summary import read_summary
from ganexp.runner.outcome import failure
from ganexp.runner.run import run


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
    with display.progress(job.steps) as show:
        outcome = run(job, folder, words, resumed, show, started, meanwhile)
    if STATUSES.get(outcome.status) == FAILED:
        say(failure(folder, outcome))
        return FAILED
    steps = outcome.step - (int(resumed.state.step) if resumed else 0)
    seconds = read_summary(folder)["wall_seconds"]
    if steps:
        taken = seconds["total"] - seconds["start"] - seconds["compile"]
        cache.remember_pace(job.experiment, steps / max(taken, 1e-9))
    display.show_end(outcome, folder)
    if job.experiment.average is not None:
        print("metrics and pictures are of the generator with averaged weights")
    return SIGNALED + outcome.signal if outcome.signal else STATUSES[outcome.status]
