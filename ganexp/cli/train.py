"""`ganexp train`: one run, a sweep, a dry run, or the composed config."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from ganexp.checkpoints import Checkpoint
from ganexp.cli import notes, reopen, single, workspace
from ganexp.cli.exit_codes import FINISHED
from ganexp.config.build import load
from ganexp.config.compose import text
from ganexp.config.grid import refuse_of_sweeps, refuse_single
from ganexp.job import Job
from ganexp.provenance import refuse_changes


def command(words: Sequence[str], typed: argparse.Namespace) -> int:
    """Train a run as the flags say; the exit status."""
    if not typed.cfg:
        refuse_of_sweeps(words)
    config, job = load(words)
    if typed.cfg:
        print(text(config, typed.cfg), end="")
        return FINISHED
    refuse_single(config, words)
    folder = workspace.folder_of(job)
    checkpoint = _begun(folder, job)
    if typed.dry_run:
        from ganexp.cli import dry

        dry.show(job, folder)
        return FINISHED
    workspace.load_data(job)
    workspace.make(folder)
    return single.train(job, folder, words, checkpoint, lambda: notes.note(folder, config, words))


def _begun(folder: Path, job: Job) -> Checkpoint | None:
    """Where `job` goes on from, if it began in its folder before; raises where that holds something else, or the end of it."""
    workspace.refuse_sweep(folder)
    if not workspace.holds_run(folder):
        return None
    known = reopen.summary(folder)
    if known.get("status") == "finished":
        workspace.refuse_run(folder)
    refuse_changes(folder, reopen.job_of(folder, known).settings(), job.settings())
    return reopen.point(folder, job, known)
