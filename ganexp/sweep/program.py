"""One program of a sweep: its runs as lanes, chunk after chunk, with their records written beside."""

from __future__ import annotations

import shutil
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from ganexp.job import Job
from ganexp.looks import look, wanted
from ganexp.sweep.lanes import Lanes, lane_of
from ganexp.sweep.origin import Origin, restored
from ganexp.sweep.scribe import Scribe
from ganexp.train import Report, block_length
from ganexp.types import TrainState

# How often the progress shows and a signal is heard: see `run`.
SECONDS_PER_CHUNK = 2.0
FIRST_CHUNK = 10
# How many evaluations and pictures may wait to be written before training waits for them.
WAITING = 3


class Progress(NamedTuple):
    """What a progress display is told after each chunk of a program: of how many runs, how many of them still train."""

    runs: int
    alive: int
    step: int
    steps: int
    steps_per_second: float


class Writer:
    """Tasks for the thread that writes, in their order; the error of one is raised at the next."""

    def __init__(self, executor: Executor):
        self._executor = executor
        self._tasks: deque[tuple[Future[None], bool]] = deque()

    def submit(self, large: bool, task: Callable[..., None], *arguments: Any) -> None:
        """Have `task(*arguments)` done; where many `large` ones wait, wait for them."""
        while self._tasks and (self._tasks[0][0].done() or sum(size for _, size in self._tasks) >= WAITING):
            self._tasks.popleft()[0].result()
        self._tasks.append((self._executor.submit(task, *arguments), large))


def train_together(
    job: Job,
    lanes: Lanes,
    scribe: Callable[[int], Scribe],
    stride: int,
    origin: Origin,
    executor: Executor,
    show: Callable[[Progress], None],
    interrupted: Callable[[], int],
) -> None:
    """Train the runs of a program to their end, or until `interrupted` says a signal's number.

    `job` is one of theirs: they differ in the experiment's numbers alone. `scribe` makes what writes their records from a step on.
    `origin` says where they begin; the folder of their checkpoints goes when all runs have ended. The last records may still be
    written by `executor` on return; its next task is then begun after them.
    """
    began = time.perf_counter()
    try:
        state, report = restored(origin, lanes, job)
    except Exception as error:
        _failed(scribe(0), error, executor)
        return
    step = first = int(np.max(state.step))
    scribes, writer = scribe(step), Writer(executor)
    clock, live = scribes.clock, set(scribes.alive)
    length, block = FIRST_CHUNK, block_length(job.experiment)

    def launch() -> tuple[TrainState, Report]:
        # A lane that diverged, failed or only fills up stays where it is.
        stops = np.array(state.step)
        stops[sorted(live)] = job.next_stop(step, length)
        return lanes.advance(state, report, stops)

    writer.submit(False, scribes.start)
    try:
        started = time.perf_counter()
        flight = launch() if step < job.steps else (state, report)
        launched = time.perf_counter()
        clock.seconds |= {"start": started - began, "compile": launched - started}
        while True:
            due = wanted(job, step, stride)
            with clock.spent("compile"):
                seen = look(lanes, due, state, job.eval_samples)
                if first < step < job.steps and live:
                    flight = launch()
            if due.log or due.evaluate or due.draw or due.strip:
                writer.submit(due.evaluate or due.draw, scribes.record, due, seen, report)
            if step > first and (due.checkpoint or interrupted()):
                writer.submit(True, scribes.checkpoint, origin.home, step, state, report)
            if step == job.steps or interrupted() or not live:
                break
            with clock.spent("train"):
                new_state, new_report = jax.block_until_ready(flight)
            for lane in sorted(live):
                if new_report.bad_step[lane]:
                    writer.submit(False, scribes.diverged, lane, *lane_of((state, new_report), lane))
                    live.discard(lane)
            live -= scribes.failed
            now, done = time.perf_counter(), int(np.max(new_state.step)) - step
            pace, launched = done / max(now - launched, 1e-9), now
            length = max(FIRST_CHUNK, int(pace * SECONDS_PER_CHUNK) // block * block)
            state, report, step = new_state, new_report, step + done
            show(Progress(len(scribes.seats), len(live), step, job.steps, pace))
        writer.submit(True, _ended, scribes, origin.home, state, report, step, job.steps, interrupted)
    except Exception as error:
        executor.submit(scribes.fail, error).result()


def _failed(scribe: Scribe, error: Exception, executor: Executor) -> None:
    executor.submit(scribe.start).result()
    executor.submit(scribe.fail, error).result()


def _ended(
    scribe: Scribe, folder: Path, state: TrainState, report: Report, step: int, steps: int, stopped: Callable[[], int]
) -> None:
    try:
        if step == steps:
            scribe.finish(state, report, stopped)
        else:
            scribe.interrupt(step, stopped())
        if not stopped():
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):
                folder.parent.rmdir()
    except Exception as error:
        scribe.fail(error)
    finally:
        scribe.close()
