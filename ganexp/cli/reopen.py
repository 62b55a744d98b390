"""A run that was begun before: what made it, and where it goes on from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import jax

from ganexp import checkpoints, size
from ganexp.checkpoints import Checkpoint, CheckpointError
from ganexp.cli import workspace
from ganexp.cli.workspace import quoted
from ganexp.component import arrays
from ganexp.config.usage_errors import UsageError
from ganexp.job import Job
from ganexp.provenance import refuse_changes, restore
from ganexp.records.summary import SUMMARY_NAME, read_summary
from ganexp.training import init, initial_health


def summary(folder: Path) -> dict[str, Any]:
    """The run.json of the run in `folder`; raises UsageError."""
    try:
        if not (folder / SUMMARY_NAME).exists():
            raise UsageError(f"{folder}: is not the folder of a run (it has no run.json)")
        return read_summary(folder)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise UsageError(str(error)) from None


def job_of(folder: Path, known: dict[str, Any]) -> Job:
    """The job that made the run in `folder`, whose run.json says what is `known`; raises SettingError."""
    job = restore(known, folder / SUMMARY_NAME)
    size.refuse(job)
    return job


def words_of(known: dict[str, Any]) -> list[str]:
    """What was typed for a run, where its run.json says so."""
    words = known.get("overrides")
    return [str(word) for word in words] if isinstance(words, list) else []


def newest(folder: Path, job: Job, step: int | None = None) -> Checkpoint | None:
    """The newest good checkpoint of a run, or that at `step`; None where it stopped before its first; raises UsageError where none is good.

    Says which ones are damaged. Raises SettingError for one that other settings made.
    """
    found = [path for path in checkpoints.paths(folder) if step is None or int(path.stem) == step]
    like = jax.eval_shape(lambda: (init(arrays(job.experiment)), initial_health(job.experiment)))
    for path in found:
        try:
            # Settings first: a changed size is better named as a setting than as an array.
            refuse_changes(folder, checkpoints.settings_of(path), job.settings())
            return checkpoints.load(path, like)
        except CheckpointError as error:
            if step is not None:
                raise UsageError(str(error)) from None
            print(f"ganexp: {error}; trying the one before it", file=sys.stderr)
    if found:
        raise UsageError(
            f"{folder}: none of its {len(found)} checkpoints is good; start the run anew in another folder"
        )
    return None


def point(folder: Path, job: Job, known: dict[str, Any]) -> Checkpoint | None:
    """Where the run in `folder` goes on from; None for its start; raises UsageError where it has come to its end."""
    if known.get("status") == "diverged":
        raise UsageError(f"{folder}: this run diverged ({known.get('reason')}); going on would diverge again")
    checkpoint = newest(folder, job)
    if checkpoint is not None:
        step = int(checkpoint.state.step)
        if step > job.steps or (step == job.steps and known.get("status") == "finished"):
            raise UsageError(
                f"{folder}: is at step {step:,} already; give it more: ganexp resume {quoted(folder)} steps={2 * step}"
            )
    return checkpoint


def start(folder: Path, job: Job) -> Checkpoint | None:
    """Where `job` goes on from, if it began in `folder` before; None for its start; raises UsageError and SettingError where the folder
    holds something else, or as many steps already."""
    workspace.refuse_sweep(folder)
    if not workspace.holds_run(folder):
        return None
    known = summary(folder)
    refuse_changes(folder, job_of(folder, known).settings(), job.settings())
    return point(folder, job, known)
