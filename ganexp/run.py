"""One run: train in chunks, record on the way, stop well."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

import jax

from ganexp.checkpoints import Checkpoint
from ganexp.device import Alone
from ganexp.job import Job
from ganexp.outcome import Outcome, begin, diagnosis, ended, fail, git_commit, interruptible
from ganexp.provenance import text
from ganexp.records.lock import locked
from ganexp.records.summary import write_summary
from ganexp.train import Report
from ganexp.types import TrainState

# How often the progress shows and a signal is heard. Chunks are cut to it by the clock, which changes no number.
SECONDS_PER_CHUNK = 0.5
FIRST_CHUNK = 100


class Progress(NamedTuple):
    """What a progress display is told after each chunk."""

    step: int
    steps_per_second: float
    losses: dict[str, float]
    latest: dict[str, float]


def run(
    job: Job,
    folder: Path,
    words: Sequence[str] = (),
    resumed: Checkpoint | None = None,
    show: Callable[[Progress], None] = lambda progress: None,
    started: float | None = None,
    meanwhile: Callable[[], None] = lambda: None,
) -> Outcome:
    """Run `job` in `folder`, from a checkpoint or from the start, and leave its records there.

    `words` are what was typed for it. `started` is when the program began, by `time.perf_counter`; `meanwhile` is called once the
    device is busy. Ctrl-C, SIGTERM and SIGHUP save a checkpoint and end the run with status `interrupted`. Raises SettingError
    where another process trains in the folder, or other settings made what it holds.
    """
    began = time.perf_counter() if started is None else started
    with locked(folder), interruptible() as interrupted:
        summary = begin(folder, job, words, None if resumed is None else int(resumed.state.step))

        def busy() -> str:
            summary["git_commit"] = git_commit()
            write_summary(folder, summary)
            meanwhile()
            return text(job, words)

        try:
            outcome, seconds = _train(job, folder, busy, resumed, show, began, interrupted)
        except BaseException as error:
            fail(folder, summary, error)
            raise
        seconds["total"] = time.perf_counter() - began
        write_summary(folder, summary | ended(outcome, seconds))
    return outcome


def _train(
    job: Job,
    folder: Path,
    describe: Callable[[], str],
    resumed: Checkpoint | None,
    show: Callable[[Progress], None],
    began: float,
    interrupted: Callable[[], int],
) -> tuple[Outcome, dict[str, float]]:
    alone = Alone(job.experiment, job.experiment.dataset.load())
    state, report = alone.start() if resumed is None else jax.device_put(resumed[:2])
    first = step = int(state.step)
    length, reason = FIRST_CHUNK, None

    def launch() -> tuple[TrainState, Report]:
        return alone.advance(state, report, job.next_stop(step, length))

    compiling = time.perf_counter()
    flight = launch()
    launched = time.perf_counter()
    # The device is busy now: what the first chunk does not need is imported meanwhile.
    from ganexp.looks import last_look, look, wanted
    from ganexp.recorder import Clock, Recorder

    clock = Clock()
    clock.seconds |= {"start": compiling - began, "compile": launched - compiling}
    recorder = Recorder(job, alone.data, folder, step, clock)
    with ExitStack() as profiling, closing(recorder):
        recorder.describe(describe())
        while True:
            # The device works in order: what is read at this step goes before the next chunk, and is written during it.
            with clock.spent("compile"):
                due = wanted(job, step)
                seen = look(alone, due, state, job.eval_samples)
                if first < step < job.steps:
                    flight = launch()
            recorder.record(due, seen, report)
            if due.checkpoint and step > first:
                recorder.checkpoint(state, report)
            if step == job.steps or interrupted():
                break
            with clock.spent("train"):
                new_state, new_report = jax.block_until_ready(flight)
            if new_report.bad_step:
                reason = diagnosis(job, alone.data, state, new_report)
                break
            if job.profile and step == first:
                profiling.enter_context(jax.profiler.trace(str(folder / "profile")))
            now, done = time.perf_counter(), int(new_state.step) - step
            pace, launched = done / (now - launched), now
            length = max(FIRST_CHUNK, int(pace * SECONDS_PER_CHUNK))
            state, report, step = new_state, new_report, step + done
            show(Progress(step, pace, {name: float(loss) for name, loss in report.losses.items()}, recorder.latest))
        status = "diverged" if reason else "finished" if step == job.steps else "interrupted"
        if status == "interrupted" and step > first:
            recorder.checkpoint(state, report)
        final = recorder.latest
        if status == "finished":
            with clock.spent("metrics"):
                last = last_look(alone, state, recorder.final_block, recorder.final_blocks, recorder.images)
            final = recorder.final(step, last)
        at = int(new_report.bad_step) if reason else step
        number = interrupted() if status == "interrupted" else 0
        outcome = Outcome(status, at, final, reason, number, list(recorder.warnings.values()))
        recorder.end(outcome)
    return outcome, clock.seconds
