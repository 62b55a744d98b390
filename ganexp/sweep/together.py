"""A sweep: its programs one after the other, what each run came to, and going on where it was interrupted."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import jax

from ganexp.job import Job
from ganexp.outcome import Outcome
from ganexp.recorder import Clock
from ganexp.records.events import EventFile
from ganexp.records.hparams import columns, experiment, groups
from ganexp.run import run as run_alone
from ganexp.sweep.folder import FAILED, is_over, summary
from ganexp.sweep.lanes import Lanes
from ganexp.sweep.origin import Origin, forget, made, origins
from ganexp.sweep.plan import Program
from ganexp.sweep.program import Progress, train_together
from ganexp.sweep.scribe import Scribe, Seat


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
    seats: Mapping[int, Seat],
    programs: Sequence[Program],
    folder: Path,
    display: Display,
    interrupted: Callable[[], int],
) -> None:
    """Train what is left of the runs of a sweep in `folder`, and leave each run's records in its own."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="records") as executor:
        for number, program in enumerate(programs):
            over = {place for place in program.runs if is_over(seats[place].folder, seats[place].job)}
            failed = [place for place in program.runs if summary(seats[place].folder).get("status") == FAILED]
            left = {place: seats[place].folder for place in program.runs if place not in over and place not in failed}
            jobs = {place: seats[place].job for place in program.runs}
            if not left:
                # A kill may have come between the end of the last of them and this.
                forget(folder, program.runs)
            for origin in origins(folder, left, jobs) if left else ():
                if not interrupted():
                    _train(number, program.stride, origin, seats, left, display, executor, interrupted)
            # A run that failed went no further with the others: it begins anew, by itself.
            for place in failed:
                if not interrupted():
                    executor.submit(_train_alone, place, seats[place], display).result()


def _train(
    number: int,
    stride: int,
    origin: Origin,
    seats: Mapping[int, Seat],
    left: Collection[int],
    display: Display,
    executor: Executor,
    interrupted: Callable[[], int],
) -> None:
    jobs = [seats[place].job for place in origin.runs]
    how = mapping(jobs[0])
    by_lane = {lane: seats[place] for lane, place in enumerate(origin.runs) if place in left}
    try:
        lanes = Lanes([job.experiment for job in jobs], jobs[0].experiment.dataset.load(), how)
    except Exception as error:
        for lane in by_lane:
            display.ended(origin.runs[lane], Outcome(FAILED, 0, {}, f"{type(error).__name__}: {error}", 0, []))
        return
    about = {"program": number, "lanes": len(jobs), "how": how, "devices": lanes.mesh.size}
    if stride > 1:
        about["thinned"] = stride

    def scribe(begin: int) -> Scribe:
        return Scribe(
            by_lane,
            lanes,
            begin,
            made(jobs),
            about,
            Clock(),
            lambda lane, outcome: display.ended(origin.runs[lane], outcome),
        )

    train_together(
        jobs[0],
        lanes,
        scribe,
        stride,
        origin,
        executor,
        lambda progress: display.progress(number, progress),
        interrupted,
    )


def _train_alone(place: int, seat: Seat, display: Display) -> None:
    try:
        outcome = run_alone(seat.job, seat.folder, seat.words, meanwhile=seat.note)
    except Exception as error:
        outcome = Outcome(FAILED, 0, {}, f"{type(error).__name__}: {error}", 0, [])
        print(f"ganexp: {seat.folder}: {outcome.reason}", file=sys.stderr)
    display.ended(place, outcome)
