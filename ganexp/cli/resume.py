"""`ganexp resume`: go on with a run where it stopped."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import jax
from omegaconf import OmegaConf

from ganexp import checkpoints, cli
from ganexp.checkpoints import BadCheckpoint, Checkpoint
from ganexp.cli import train
from ganexp.component import arrays
from ganexp.config.build import load
from ganexp.config.mistakes import Mistake
from ganexp.job import Job
from ganexp.records.summary import read_summary
from ganexp.train import init, no_report

SWEEP = "sweep.json"
LENGTHS = {"steps", "epochs"}  # Each takes the other's place.


def command(words: Sequence[str], typed: argparse.Namespace) -> int:
    """Resume the run in the folder named first, with what is typed behind it; the exit status."""
    if not words:
        raise Mistake("resume needs the folder of a run or of a sweep: ganexp resume FOLDER [steps=N ...]")
    folder, changes = Path(words[0]), list(words[1:])
    if (folder / SWEEP).exists():
        from ganexp.cli import sweep

        return sweep.resume(folder, changes, typed.dry_run)
    known = summary(folder)
    merged = _merged(overrides(folder), changes)
    config, job = load(merged)
    if typed.cfg:
        train.print_config(config, typed.cfg)
        return cli.FINISHED
    if known.get("status") == "diverged":
        raise Mistake(f"{folder}: this run diverged ({known.get('reason')}); going on would diverge again")
    checkpoint = newest(folder, job)
    if checkpoint is not None:
        step = int(checkpoint.state.step)
        if step > job.steps or (step == job.steps and known.get("status") == "finished"):
            raise Mistake(f"{folder}: is at step {step:,} already; give it more, as in steps={2 * step}")
    if typed.dry_run:
        from ganexp.cli import dry

        dry.show(job, folder)
        return cli.FINISHED
    train.load_data(job)
    train.make(folder)
    return train.train(job, folder, config, merged, checkpoint)


def summary(folder: Path) -> dict[str, object]:
    """The run.json of the run in `folder`; raises Mistake."""
    if not (folder / "run.json").exists():
        raise Mistake(f"{folder}: is not the folder of a run (it has no run.json)")
    try:
        return read_summary(folder)
    except ValueError as error:
        raise Mistake(str(error)) from None


def overrides(folder: Path) -> list[str]:
    """What was typed for the run in `folder`; raises Mistake."""
    path = folder / ".hydra" / "overrides.yaml"
    try:
        return [str(word) for word in OmegaConf.load(path)]
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise Mistake(f"{path}: cannot be read ({why}); without it nobody knows what the run was") from None


def _merged(before: Sequence[str], changes: Sequence[str]) -> list[str]:
    """The run's overrides with the changes put in; a run's folder is where it is."""
    changed = {word.partition("=")[0] for word in changes}
    if changed & LENGTHS:
        changed |= LENGTHS
    return [word for word in before if word.partition("=")[0] not in changed] + list(changes)


def newest(folder: Path, job: Job) -> Checkpoint | None:
    """The newest good checkpoint of a run; None where it stopped before its first. Says which ones are damaged."""
    found = checkpoints.paths(folder)
    like = jax.eval_shape(lambda: (init(arrays(job.experiment)), no_report()))
    for path in found:
        try:
            # Settings first: a changed size is better named as a setting than as an array.
            refuse_changes(folder, checkpoints.settings_of(path), job)
            return checkpoints.load(path, like)
        except BadCheckpoint as error:
            print(f"ganexp: {error}; trying the one before it", file=sys.stderr)
    if found:
        raise Mistake(f"{folder}: none of its {len(found)} checkpoints is good; start the run anew in another folder")
    return None


def refuse_changes(folder: Path, before: dict[str, object], job: Job) -> None:
    """Refuse settings that differ from those of the run, naming them; raises Mistake."""
    now = job.settings()
    changed = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
    if changed:
        shown = ", ".join(f"{name} ({before.get(name)} -> {now.get(name)})" for name in changed[:8])
        more = f" and {len(changed) - 8} more" if len(changed) > 8 else ""
        raise Mistake(
            f"{folder}: a resumed run cannot change what made its numbers: {shown}{more}; start a new run for that"
        )
