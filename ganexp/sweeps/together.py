"""A sweep: its programs one after the other, what each run came to, and going on where it was interrupted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import jax

from ganexp.job import Job
from ganexp.records.events import EventFile
from ganexp.records.hparams import columns, experiment, groups
from ganexp.runner.device import Runs
from ganexp.runner.lanes import Lanes
from ganexp.runner.loop import Hooks, Start, train
from ganexp.runner.outcome import FAILED, Outcome
from ganexp.runner.pace import Progress
from ganexp.runner.recorders import Lane, LaneRecorders, Shared
from ganexp.runner.run import alone
from ganexp.sweeps.folder import is_over, summary
from ganexp.sweeps.origin import Origin, forget, made, origins, restored
from ganexp.sweeps.plan import Program
from ganexp.training import StepHealth
from ganexp.types import TrainState


class Display(NamedTuple):
    """Whom a sweep tells, each time with a program's number, of its progress; and with a run's, of its end."""

    progress: Callable[[int, Progress], None]
    ended: Callable[[int, Outcome], None]


def mapping(job: Job) -> str:
    """How the lanes of a program go: `map` on processors, where batched products are slow, and `vmap` on accelerators."""
    if job.sweep.lanes != "auto":
        return job.sweep.lanes
    return "map" if jax.default_backend() == "cpu" else "vmap"


def announce(
    folder: Path, swept: Sequence[dict[str, Any]], tags: Sequence[str]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Write the columns of TensorBoard's HParams page: the swept settings of each run, and the metrics `tags`, the most important
    first. Returns the settings as they stand there, and the name that each run shares with those that differ in the seed alone."""
    rows = columns(swept)
    for old in folder.glob("events.out.tfevents.*"):
        # TensorBoard believes the first it finds, and a search learns of its runs one batch after the other.
        old.unlink()
    events = EventFile(folder, 0)
    events.add(0, experiment(rows, tags))
    events.close()
    return rows, groups(rows, folder.name)


def train_sweep(
    runs: Mapping[int, Lane],
    programs: Sequence[Program],
    folder: Path,
    display: Display,
    interrupted: Callable[[], int],
) -> None:
    """Train what is left of the runs of a sweep in `folder`, and leave each run's records in its own."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="records") as executor:
        for number, program in enumerate(programs):
            over = {run for run in program.runs if is_over(runs[run].folder, runs[run].job)}
            failed = [run for run in program.runs if summary(runs[run].folder).get("status") == FAILED]
            left = {run: runs[run].folder for run in program.runs if run not in over and run not in failed}
            jobs = {run: runs[run].job for run in program.runs}
            if not left:
                # A kill may have come between the end of the last of them and this.
                forget(folder, program.runs)
            for origin in origins(folder, left, jobs) if left else ():
                if not interrupted():
                    _train(number, program.stride, origin, runs, left, display, executor, interrupted)
            # A run that failed went no further with the others: it begins anew, by itself.
            for run in failed:
                if not interrupted():
                    _train_alone(run, runs[run], display, executor, interrupted)


def _train_alone(run: int, lane: Lane, display: Display, executor: Executor, interrupted: Callable[[], int]) -> None:
    recorders = LaneRecorders({0: lane}, lambda _, outcome: display.ended(run, outcome))
    train(alone(lane.job), recorders, executor, Hooks(lambda progress: None, interrupted))


def _train(
    number: int,
    stride: int,
    origin: Origin,
    runs: Mapping[int, Lane],
    left: Collection[int],
    display: Display,
    executor: Executor,
    interrupted: Callable[[], int],
) -> None:
    jobs = [runs[run].job for run in origin.runs]
    mode = mapping(jobs[0])
    about = {"program": number, "lanes": len(jobs), "mode": mode, "devices": jax.device_count()}
    if stride > 1:
        about["thinned"] = stride
    recorders = LaneRecorders(
        {lane: runs[run] for lane, run in enumerate(origin.runs) if run in left},
        lambda lane, outcome: display.ended(origin.runs[lane], outcome),
        Shared(origin.home, made(jobs), about),
    )

    def load() -> tuple[Runs, tuple[TrainState, StepHealth] | None]:
        lanes = Lanes([job.experiment for job in jobs], jobs[0].experiment.dataset.load(), mode)
        return lanes, restored(origin, lanes, jobs[0])

    hooks = Hooks(lambda progress: display.progress(number, progress), interrupted)
    train(Start(jobs[0], load), recorders, executor, hooks, stride)
