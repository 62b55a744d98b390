"""The runs of a sweep, each by itself, through another of Hydra's launchers."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from ganexp.cli import single
from ganexp.cli.exit_codes import FAILED, SIGNALED
from ganexp.cli.sweep_end import objective
from ganexp.cli.sweep_plan import Planned
from ganexp.config.multirun import Each, launch
from ganexp.job import Job
from ganexp.provenance import refuse_changes
from ganexp.sweeps import folder as records


def each_alone(words: Sequence[str], folder: Path, runs: Sequence[Planned]) -> int:
    """Have the launcher that was typed train the runs; the number of the signal that ended it, or 0."""
    trainer = OneByOne(len(runs))
    try:
        launch(words, folder, Each(trainer.train), [(run.name, run.overrides) for run in runs])
    except KeyboardInterrupt:
        return trainer.signal
    return 0


class OneByOne:
    """Trains one run of `count` at a time. Once a signal has ended one, the others do not begin: raises KeyboardInterrupt."""

    def __init__(self, count: int):
        self.count, self.signal = count, int(signal.SIGINT)

    def train(self, job: Job, place: Path, words: list[str], number: int) -> float:
        """Train the `number`-th run in its folder; how good it is."""
        print(f"run {number + 1} of {self.count}: {place.name}", file=sys.stderr)
        try:
            # The launcher composed it anew, perhaps elsewhere, and later.
            known = records.read(place.parent)
            for run in known.runs if known is not None else ():
                if run.name == place.name:
                    refuse_changes(place, records.job_of(place.parent, run).settings(), job.settings())
            status = single.train(job, place, words, started=None)
        except Exception as error:
            print(f"ganexp: {place.name}: failed: {type(error).__name__}: {error}", file=sys.stderr)
            status = FAILED
        if status > SIGNALED:
            self.signal = status - SIGNALED
            raise KeyboardInterrupt
        return objective(job, records.summary(place))
