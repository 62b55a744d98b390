"""What a sweep came to: how good each run is, the table, and the exit status."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganexp.cli.display_sweep import show_end
from ganexp.cli.exit_codes import FAILED, SIGNALED, STATUSES
from ganexp.component import SettingError
from ganexp.job import Job
from ganexp.observe.metric import ranking
from ganexp.sweeps import folder as records

NOT_BEGUN = "not begun"


def metric_of(job: Job) -> str:
    """The metric that the runs of a job are compared by, known before any has run: `sweep.metric`, or the main one of those measured.

    Raises SettingError where there is none.
    """
    known = ranking(job.metric.values())
    main = job.sweep.metric or known.main(known.tags)
    if main is None:
        raise SettingError(
            "metric", "none of these has a best end to compare runs by; add one, as in metric=[sliced_wasserstein]"
        )
    return main


def objective(job: Job, summary: Mapping[str, Any]) -> float:
    """The metric that a run is compared by; the worst value, which is infinite, where it has none."""
    tag = metric_of(job)
    value = float(summary.get("final", {}).get(tag, math.nan))
    return (
        value
        if summary.get("status") == "finished" and math.isfinite(value)
        else ranking(job.metric.values()).worst(tag)
    )


def end(folder: Path, metric: str | None, number: int, count: int = 0) -> int:
    """Show what the sweep in `folder` of at least `count` runs came to; the exit status, that of its worst run or of a signal's
    `number`."""
    known = records.read(folder)
    assert known is not None
    states = [str(records.summary(folder / run.name).get("status", NOT_BEGUN)) for run in known.runs]
    states += [NOT_BEGUN] * (count - len(states))
    show_end(folder, states, metric)
    return SIGNALED + number if number else max((STATUSES.get(state, FAILED) for state in states), default=0)
