"""One run: train in chunks, record on the way, stop well."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from ganexp.checkpoints import Checkpoint
from ganexp.component import arrays, describe
from ganexp.job import Job
from ganexp.records.claim import claimed
from ganexp.records.summary import versions, write_summary
from ganexp.train import SIGNALS, Report, chunk, first_bad_operation, init, no_report
from ganexp.types import TrainState

# How often the progress shows and a signal is heard. Chunks are cut to it by the clock, which changes no number.
SECONDS_PER_CHUNK = 0.5
FIRST_CHUNK = 100

LIBRARIES = ("jax", "jaxlib", "flax", "optax", "hydra-core", "numpy", "tensorboard")

_init = jax.jit(init)


class Outcome(NamedTuple):
    """How a run ended: its status, at which step, its last metrics by tag, a sentence where it diverged, and the number of the
    signal that interrupted it, or 0; and sentences on what its numbers hide."""

    status: str
    step: int
    final: dict[str, float]
    reason: str | None
    signal: int
    warnings: list[str]


class Progress(NamedTuple):
    """What a progress display is told after each chunk."""

    step: int
    steps_per_second: float
    losses: dict[str, float]
    latest: dict[str, float]


def run(
    job: Job,
    folder: Path,
    describe_config: Callable[[], str] = str,
    resumed: Checkpoint | None = None,
    show: Callable[[Progress], None] = lambda progress: None,
    started: float | None = None,
) -> Outcome:
    """Run `job` in `folder`, from a checkpoint or from the start, and leave its records there.

    `describe_config` is called once the device is busy, to note the config; what it returns is shown in TensorBoard.
    `started` is when the program began, by `time.perf_counter`. Ctrl-C and SIGTERM save a checkpoint and end the run with
    status `interrupted`. Raises SettingError where another process trains in the folder.
    """
    began = time.perf_counter() if started is None else started
    summary = _summary(job, folder, resumed)

    def meanwhile() -> str:
        summary["git_commit"] = _git_commit()
        write_summary(folder, summary)
        return describe_config()

    with claimed(folder):
        write_summary(folder, summary)
        try:
            with interruptible() as interrupted:
                outcome, seconds = _train(job, folder, meanwhile, resumed, show, began, interrupted)
        except BaseException as error:
            write_summary(folder, summary | {"status": "failed", "reason": f"{type(error).__name__}: {error}"[:2000]})
            raise
        seconds["total"] = time.perf_counter() - began
        ended = {"status": outcome.status, "step": outcome.step, "final": outcome.final, "wall_seconds": seconds}
        more = {name: value for name, value in (("reason", outcome.reason), ("warnings", outcome.warnings)) if value}
        write_summary(folder, summary | ended | {"ended": _now()} | more)
    return outcome


def _train(
    job: Job,
    folder: Path,
    describe_config: Callable[[], str],
    resumed: Checkpoint | None,
    show: Callable[[Progress], None],
    began: float,
    interrupted: Callable[[], int],
) -> tuple[Outcome, dict[str, float]]:
    experiment = jax.device_put(arrays(job.experiment))
    # Once, or every call would copy it to the device anew.
    data = jax.device_put(job.experiment.dataset.load())
    state, report = (_init(experiment), no_report()) if resumed is None else jax.device_put(resumed[:2])
    first = step = int(state.step)
    length, reason = FIRST_CHUNK, None

    def launch() -> tuple[TrainState, Report]:
        stop = _next_stop(job, step, length)
        return chunk(experiment, data, state, report, np.int32(stop))

    compiling = time.perf_counter()
    flight = launch()
    launched = time.perf_counter()
    # The device is busy now: what the first chunk does not need is imported meanwhile.
    from ganexp.recorder import Clock, Recorder

    clock = Clock()
    clock.seconds |= {"start": compiling - began, "compile": launched - compiling}
    recorder = Recorder(job, experiment, data, folder, step, clock)
    with ExitStack() as profiling, closing(recorder):
        recorder.describe(describe_config())
        while True:
            # The device works in order: what is read at this step goes before the next chunk, and is written during it.
            with clock.spent("compile"):
                due = recorder.due(step, state)
                if first < step < job.steps:
                    flight = launch()
            recorder.record(due, state, report)
            if step == job.steps or interrupted():
                break
            with clock.spent("train"):
                new_state, new_report = jax.block_until_ready(flight)
            if new_report.bad_step:
                reason = diagnosis(new_report)
                if job.explain_divergence:
                    found = first_bad_operation(experiment, data, state, int(new_report.bad_step))
                    reason += f"; first: {found or 'no single operation: a number outgrew 32 bits'}"
                break
            if job.profile and step == first:
                profiling.enter_context(jax.profiler.trace(str(folder / "profile")))
            now, done = time.perf_counter(), int(new_state.step) - step
            pace, launched = done / (now - launched), now
            length = max(FIRST_CHUNK, int(pace * SECONDS_PER_CHUNK))
            state, report, step = new_state, new_report, step + done
            show(Progress(step, pace, {name: float(loss) for name, loss in report.losses.items()}, recorder.latest))
        status = "diverged" if reason else "finished" if step == job.steps else "interrupted"
        if status == "interrupted":
            recorder.checkpoint(state, report)
        final = recorder.final(state) if status == "finished" else recorder.latest
    last = int(new_report.bad_step) if reason else step
    number = interrupted() if status == "interrupted" else 0
    return Outcome(status, last, final, reason, number, list(recorder.warnings.values())), clock.seconds


def _next_stop(job: Job, step: int, length: int) -> int:
    """The next step at which something is due, but at most `length` steps on."""
    everies = (job.log_every, job.eval_every, job.image_every, job.checkpoint_every)
    return min(job.next_strip(step), step + length, *(every - step % every + step for every in everies if every))


@contextmanager
def interruptible() -> Iterator[Callable[[], int]]:
    """While the body runs, Ctrl-C and SIGTERM only set what the yielded function tells: the signal's number, or 0."""
    heard: list[int] = []
    before: dict[int, Any] = {}
    for number in (int(signal.SIGINT), int(signal.SIGTERM)):
        # Python lets only the main thread set handlers; elsewhere (a notebook's worker) signals stay as they are.
        try:
            before[number] = signal.signal(number, lambda number, frame: heard.append(number))
        except ValueError:
            break
    try:
        yield lambda: heard[0] if heard else 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def diagnosis(report: Report) -> str:
    """One sentence on what stopped being finite, when, and what usually helps."""
    bad = [name for name, flag in zip(SIGNALS, report.bad, strict=True) if flag]
    return (
        f"at step {int(report.bad_step)} the {_listed(bad)} stopped being finite; "
        "a lower learning rate, optimizer.clip_norm=1 or a bounded loss usually helps"
    )


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _summary(job: Job, folder: Path, resumed: Checkpoint | None) -> dict[str, Any]:
    device = jax.devices()[0]
    return {
        "status": "running",
        "seed": job.experiment.seed,
        "steps": job.steps,
        "started": _now(),
        "resumed_from_step": None if resumed is None else int(resumed.state.step),
        "versions": versions(LIBRARIES),
        "git_commit": None,
        "device": {"platform": device.platform, "kind": device.device_kind, "count": jax.device_count()},
        "settings": describe(job.experiment),
        "final": {},
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _git_commit() -> str | None:
    try:
        asked = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.strip() or None
