"""The loop: runs begin, train chunk after chunk with their records written beside, and end; one run, or the lanes of a program."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import ExitStack
from typing import NamedTuple

import jax
import numpy as np

from ganexp.job import Job
from ganexp.runner.device import Runs
from ganexp.runner.pace import Pace, Progress
from ganexp.runner.recorders import LaneRecorders
from ganexp.runner.writer import Writer
from ganexp.training import StepHealth, block_length
from ganexp.types import TrainState


class Start(NamedTuple):
    """Where runs begin: one of their jobs, which differ in the experiment's numbers alone; and what puts them on the device, with
    the state that they go on from, or None for that before the first step."""

    job: Job
    load: Callable[[], tuple[Runs, tuple[TrainState, StepHealth] | None]]


class Hooks(NamedTuple):
    """Whom the loop tells of its progress, and who says the number of a signal that came, or 0."""

    show: Callable[[Progress], None]
    interrupted: Callable[[], int]


def train(start: Start, recorders: LaneRecorders, executor: Executor, hooks: Hooks, stride: int = 1) -> Future[None]:
    """Train runs to their end, or until a signal; what is returned is done when the last of their records is written.

    They take part in every `stride`-th evaluation and picture on the way. An error ends the runs that it concerns, which say so in
    their folders; only what is no `Exception` is raised. `executor` has one thread, and its next task is begun after the records.
    """
    writer = Writer(executor, recorders.fail)
    try:
        return _train(start, recorders, writer, hooks, stride)
    except BaseException as error:
        failed = writer.fail(error)
        if isinstance(error, Exception):
            return failed
        failed.result()
        raise


def _train(start: Start, recorders: LaneRecorders, writer: Writer, hooks: Hooks, stride: int) -> Future[None]:
    job, clock = start.job, recorders.clock
    runs, restored = start.load()
    step = first = 0 if restored is None else int(np.max(restored[0].step))
    recorders.begin(step)
    live = set(recorders.alive)
    if not live:
        return writer.submit(False, recorders.close)
    state, health = runs.start() if restored is None else restored
    pace = Pace(len(recorders.lanes), block_length(job.experiment))

    def launch() -> tuple[TrainState, StepHealth]:
        return runs.advance(state, health, job.next_stop(step, pace.length), live)

    compiling = time.perf_counter()
    flight = launch() if step < job.steps else (state, health)
    pace.start()
    clock.seconds |= {"start": compiling - recorders.began, "compile": time.perf_counter() - compiling}
    # The device is busy now: what the first chunk does not need is imported meanwhile.
    from ganexp.runner.observations import due_at, observe

    writer.submit(False, recorders.open, runs)
    with ExitStack() as profiling:
        while True:
            stopped, due = hooks.interrupted(), due_at(job, step, stride)
            # The device works in order: what is read at this step goes before the next chunk, and is written during it.
            with clock.spent("compile"):
                seen = observe(runs, due, state, job)
                if first < step < job.steps and not stopped:
                    flight = launch()
            if due.log or due.evaluate or due.frames or due.pictures:
                writer.submit(due.evaluate or bool(due.frames), recorders.record, due, seen, health)
            if step > first and (due.checkpoint or stopped):
                writer.submit(True, recorders.checkpoint, step, state, health)
            if step == job.steps or stopped:
                break
            with clock.spent("train"):
                new_state, new_health = jax.block_until_ready(flight)
            told = jax.device_get(new_health)
            for lane in sorted(live):
                if runs.lane(told, lane).bad_step:
                    writer.submit(False, recorders.diverged, lane, state, new_health)
                    live.discard(lane)
            live &= recorders.alive
            if not live:
                break
            if job.profile and step == first:
                profiling.enter_context(jax.profiler.trace(str(recorders.lanes[min(live)].folder / "profile")))
            done = int(np.max(new_state.step)) - step
            speed = pace.took(done)
            state, health, step = new_state, new_health, step + done
            losses = {name: float(loss) for name, loss in runs.lane(told, min(live)).losses.items()}
            latest = recorders.latest(min(live))
            hooks.show(Progress(len(recorders.lanes), len(live), step, job.steps, speed, losses, latest))
        return writer.submit(True, recorders.end, step, state, health, hooks.interrupted)
