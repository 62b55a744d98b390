"""`ganexp resume`: go on with a run or a sweep where it stopped, with what made it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from ganexp.cli import notes, reopen, single, workspace
from ganexp.cli.exit_codes import FINISHED
from ganexp.cli.workspace import SWEEP_NAME, quoted
from ganexp.config.usage_errors import UsageError
from ganexp.job import Job


def command(words: Sequence[str], typed: argparse.Namespace) -> int:
    """Resume the run in the folder named first, with what is typed behind it; the exit status."""
    if not words:
        raise UsageError("resume needs the folder of a run or of a sweep: ganexp resume FOLDER [steps=N ...]")
    folder, changes = workspace.begun(words[0]), list(words[1:])
    if (folder / SWEEP_NAME).exists():
        if typed.cfg:
            raise UsageError(f"{folder}: is a sweep, and --cfg prints the config of one run")
        from ganexp.cli import sweep

        return sweep.resume(folder, changes, typed.dry_run)
    known = reopen.summary(folder)
    job, before = reopen.job_of(folder, known), reopen.words_of(known)
    if changes:
        from ganexp.config.changes import continued, merged

        job, before = continued(folder, job, before, changes), merged(before, changes)
        _refuse_lane(folder, job, known)
    if typed.cfg:
        return _print(job, typed.cfg)
    checkpoint = reopen.point(folder, job, known)
    if typed.dry_run:
        from ganexp.cli import dry

        dry.show(job, folder)
        return FINISHED
    workspace.load_data(job)
    workspace.make(folder)
    return single.train(job, folder, before, checkpoint, lambda: notes.note_again(folder, before, job))


def _refuse_lane(folder: Path, job: Job, known: dict[str, object]) -> None:
    from ganexp.sweeps.folder import read

    home = folder.resolve().parent
    if job.steps == known.get("steps") or not (home / SWEEP_NAME).exists():
        return
    sweep = read(home)
    if sweep is not None and folder.resolve().name in {run.name for run in sweep.runs}:
        raise UsageError(
            f"{folder}: is a run of the sweep in {home}, whose runs have one length; lengthen all of them: "
            f"ganexp resume {quoted(home)} steps={job.steps}"
        )


def _print(job: Job, which: str) -> int:
    if which != "job":
        raise UsageError(f"--cfg {which}: a run goes on with its own settings, and nothing of Hydra's; type --cfg job")
    from ganexp.provenance import lines

    print("\n".join(lines(job)))
    return FINISHED
