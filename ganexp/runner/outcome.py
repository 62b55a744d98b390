"""How a run ended, and what its run.json says of it."""

from __future__ import annotations

import functools
import os
import subprocess
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
from jaxtyping import PyTree

from ganexp.component import arrays
from ganexp.job import Job
from ganexp.observe.metric import directions
from ganexp.provenance import record, refuse_changes, restore
from ganexp.records.links import refuse_links
from ganexp.records.summary import SUMMARY_NAME, read_summary, versions, write_summary
from ganexp.training import StepHealth, first_bad_operation, signals
from ganexp.types import TrainState

ERROR_NAME = "error.txt"
FAILED = "failed"
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


def diagnosis(job: Job, data: PyTree, state: TrainState, health: StepHealth) -> str:
    """One sentence on what stopped being finite between `state` and `health`, when, and what usually helps; and, where the job
    asks for it, on the operation that went wrong first."""
    bad = [name for name, flag in zip(signals(job.experiment), health.bad, strict=True) if flag]
    reason = (
        f"at step {int(health.bad_step)} the {_listed(bad)} stopped being finite; "
        "a lower learning rate, optimizer.clip_norm=1 or a bounded loss usually helps"
    )
    if job.explain_divergence:
        found = first_bad_operation(arrays(job.experiment), data, state, int(health.bad_step))
        reason += f"; first: {found or 'no single operation: a number outgrew 32 bits'}"
    return reason


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def begin(
    folder: Path,
    job: Job,
    words: Sequence[str],
    resumed_from_step: int | None,
    more: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """Note in `folder` that `job` begins, or goes on, there; returns what its run.json says now.

    `words` are what was typed, and `more` what else is to be said. Raises SettingError where other settings made what the folder
    holds, or where a link would lead out of it.
    """
    refuse_links(folder)
    if (folder / SUMMARY_NAME).exists():
        refuse_changes(folder, restore(read_summary(folder), folder / SUMMARY_NAME).settings(), job.settings())
    summary = {
        "status": "running",
        "seed": job.experiment.seed,
        "steps": job.steps,
        "started": now(),
        "resumed_from_step": resumed_from_step,
        "versions": _versions(),
        "git_commit": git_commit(),
        "device": _device(),
        "overrides": list(words),
        **record(job),
        "better": directions(job.metric.values()),
        "final": {},
        **more,
    }
    write_summary(folder, summary)
    # What an attempt before this one left of its failure.
    (folder / ERROR_NAME).unlink(missing_ok=True)
    return summary


def fail(folder: Path, summary: dict[str, Any], error: BaseException, seconds: dict[str, float]) -> Outcome:
    """Note that a run failed, and where the error came from. Raises nothing: the disk may be the reason."""
    outcome = Outcome(FAILED, summary["resumed_from_step"] or 0, {}, reason(error), 0, [])
    with suppress(OSError):
        (folder / ERROR_NAME).write_text("".join(traceback.format_exception(error)), "utf-8")
    with suppress(OSError):
        write_summary(folder, summary | ended(outcome, seconds))
    return outcome


def reason(error: BaseException) -> str:
    """The kind of an error, and what it says; of the system's own, such as a full disk, the file and the system's words."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return f"{type(error).__name__}: {error}"[:2000]


def failure(folder: Path, outcome: Outcome) -> str:
    """What is said of the run in `folder`, alone or in a lane, that failed."""
    where = folder / ERROR_NAME
    return f"{folder}: failed: {outcome.reason}" + (f"; {where} says where" if where.exists() else "")


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


def _device() -> dict[str, Any]:
    """What computes, and the flags that XLA compiles with, which may change how numbers are rounded."""
    device = jax.devices()[0]
    known = {"platform": device.platform, "kind": device.device_kind, "count": jax.device_count()}
    flags = os.environ.get("XLA_FLAGS", "").strip()
    return known | {"xla_flags": flags} if flags else known


@functools.cache
def git_commit() -> str | None:
    """The commit of the working folder, where it is one of a repository."""
    try:
        asked = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, check=False, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.decode("ascii", "replace").strip() or None
