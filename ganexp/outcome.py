"""How a run ended, and what its run.json says of it."""

from __future__ import annotations

import functools
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

import jax
from jaxtyping import PyTree

from ganexp.component import arrays, describe
from ganexp.job import Job
from ganexp.records.summary import versions
from ganexp.train import SIGNALS, Report, first_bad_operation
from ganexp.types import TrainState

LIBRARIES = ("jax", "jaxlib", "flax", "optax", "hydra-core", "numpy", "tensorboard")


class Outcome(NamedTuple):
    """How a run ended: its status, at which step, its last metrics by tag, a sentence where it diverged, and the number of the
    signal that interrupted it, or 0; and sentences on what its numbers hide."""

    status: str
    step: int
    final: dict[str, float]
    reason: str | None
    signal: int
    warnings: list[str]


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


def diagnosis(job: Job, data: PyTree, state: TrainState, report: Report) -> str:
    """One sentence on what stopped being finite between `state` and `report`, when, and what usually helps; and, where the job
    asks for it, on the operation that went wrong first."""
    bad = [name for name, flag in zip(SIGNALS, report.bad, strict=True) if flag]
    reason = (
        f"at step {int(report.bad_step)} the {_listed(bad)} stopped being finite; "
        "a lower learning rate, optimizer.clip_norm=1 or a bounded loss usually helps"
    )
    if job.explain_divergence:
        found = first_bad_operation(arrays(job.experiment), data, state, int(report.bad_step))
        reason += f"; first: {found or 'no single operation: a number outgrew 32 bits'}"
    return reason


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def begun(job: Job, resumed_from_step: int | None) -> dict[str, Any]:
    """What is known of a run when it begins, for its run.json."""
    device = jax.devices()[0]
    return {
        "status": "running",
        "seed": job.experiment.seed,
        "steps": job.steps,
        "started": now(),
        "resumed_from_step": resumed_from_step,
        "versions": _versions(),
        "git_commit": None,
        "device": {"platform": device.platform, "kind": device.device_kind, "count": jax.device_count()},
        "settings": describe(job.experiment),
        "final": {},
    }


def ended(outcome: Outcome, seconds: dict[str, float]) -> dict[str, Any]:
    """What is added when it ends; `seconds` by what they were spent on."""
    known = {"status": outcome.status, "step": outcome.step, "final": outcome.final, "wall_seconds": seconds}
    more = {name: value for name, value in (("reason", outcome.reason), ("warnings", outcome.warnings)) if value}
    return known | {"ended": now()} | more


def now() -> str:
    """The time, as text."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@functools.cache
def _versions() -> dict[str, str]:
    return versions(LIBRARIES)


@functools.cache
def git_commit() -> str | None:
    """The commit of the working folder, where it is one of a repository."""
    try:
        asked = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.strip() or None
