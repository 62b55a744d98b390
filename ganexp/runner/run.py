"""One run: the loop, with a single run on the device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jax

from ganexp.checkpoints import Checkpoint
from ganexp.job import Job
from ganexp.runner.device import Runs, SingleRun
from ganexp.runner.loop import Hooks, Start, train
from ganexp.runner.outcome import Outcome
from ganexp.runner.pace import Progress
from ganexp.runner.recorders import Lane, LaneRecorders
from ganexp.runner.signals import interruptible
from ganexp.training import StepHealth
from ganexp.types import TrainState


def run(
    job: Job,
    folder: Path,
    words: Sequence[str] = (),
    resumed: Checkpoint | None = None,
    show: Callable[[Progress], None] = lambda progress: None,
    started: float | None = None,
    note: Callable[[], None] = lambda: None,
) -> Outcome:
    """Run `job` in `folder`, from a checkpoint or from the start, and leave its records there.

    `words` are what was typed for it. `started` is when the program began, by `time.perf_counter`; `note` is called once the
    device is busy. Ctrl-C, SIGTERM and SIGHUP save a checkpoint and end the run with status `interrupted`; an error ends it
    with `failed`. Raises what keeps it from beginning, such as SettingError where another process trains in the folder, or other
    settings made what it holds.
    """
    outcomes: list[Outcome] = []
    recorders = LaneRecorders(
        {0: Lane(job, folder, words, note, {}, "")}, lambda _, outcome: outcomes.append(outcome), began=started
    )
    with interruptible() as interrupted, ThreadPoolExecutor(1, thread_name_prefix="records") as executor:
        train(alone(job, resumed), recorders, executor, Hooks(show, interrupted)).result()
    if recorders.refused:
        raise recorders.refused[0]
    return outcomes[0]


def alone(job: Job, resumed: Checkpoint | None = None) -> Start:
    """Where one run begins."""

    def load() -> tuple[Runs, tuple[TrainState, StepHealth] | None]:
        runs = SingleRun(job.experiment, job.experiment.dataset.load())
        return runs, None if resumed is None else jax.device_put(resumed[:2])

    return Start(job, load)
