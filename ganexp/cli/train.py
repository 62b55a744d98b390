"""`ganexp train`: one run, a sweep, a dry run, or the composed config."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ganexp.cli import notes, reopen, single, workspace
from ganexp.cli.exit_codes import FINISHED
from ganexp.config.build import load
from ganexp.config.compose import text
from ganexp.config.grid import refuse_of_sweeps, refuse_single


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
    if workspace.holds_run(folder) and reopen.summary(folder).get("status") == "finished":
        workspace.refuse_run(folder)
    checkpoint = reopen.start(folder, job)
    if typed.dry_run:
        from ganexp.cli import dry

        dry.show(job, folder)
        return FINISHED
    workspace.load_data(job)
    workspace.make(folder)
    return single.train(job, folder, words, checkpoint, lambda: notes.note(folder, config, words))
