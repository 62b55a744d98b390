"""The folder of a run or of a sweep: where it is, whether it is free, and whether it can be written."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from ganexp.component import SettingError
from ganexp.config.compose import grammatical, literal
from ganexp.config.usage_errors import UsageError
from ganexp.job import Job
from ganexp.records.summary import SUMMARY_NAME

SWEEP_NAME = "sweep.json"
FOLDERS = ("out", "dataset.files")


def as_they_stand(words: Sequence[str]) -> list[str]:
    """The words, with folders that Hydra's grammar cannot read in quotes: any name that the file system has will do."""
    found = []
    for word in words:
        key, _, value = word.partition("=")
        if key.lstrip("+") in FOLDERS and value and not grammatical(word):
            word = f"{key}={literal(os.path.expanduser(value))}"
        found.append(word)
    return found


def begun(word: str) -> Path:
    """The folder that is named where a run or a sweep should be; raises UsageError where no folder can have that name."""
    folder = Path(os.path.expanduser(word))
    try:
        folder.exists()
    except OSError as error:
        raise UsageError(f"{folder}: cannot be read ({error.strerror})") from None
    return folder


def load_data(job: Job) -> None:
    """Read the run's data before anything is written, and say so where that takes long; raises SettingError."""
    try:
        job.experiment.dataset.load(lambda text: print(f"ganexp: {text}", file=sys.stderr))
    except SettingError as error:
        raise error.inside("dataset") from None


def folder_of(job: Job) -> Path:
    """The folder of a run or a sweep: `out`, or a new one by date and time under outputs/; raises UsageError where it cannot be one."""
    if job.out is None:
        return fresh(Path("outputs") / datetime.now().strftime("%Y-%m-%d/%H-%M-%S"))
    folder = Path(os.path.expanduser(job.out))
    try:
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"out={folder}: is a file; give the name of a folder")
    except OSError as error:
        raise UsageError(
            f"out={folder}: cannot be a folder ({error.strerror}); choose another with out=FOLDER"
        ) from None
    return folder


def fresh(folder: Path) -> Path:
    """`folder`, or with a number behind it where two starts fall into one second."""
    found, number = folder, 2
    while found.exists():
        found, number = folder.with_name(f"{folder.name}-{number}"), number + 1
    return found


def refuse_sweep(folder: Path) -> None:
    """Refuse a run in a folder that holds a sweep; raises UsageError."""
    if (folder / SWEEP_NAME).exists() or (folder / "multirun.yaml").exists():
        raise UsageError(f"out={folder}: holds a sweep already; choose another folder")


def holds_run(folder: Path) -> bool:
    """Whether a run began in the folder."""
    return (folder / SUMMARY_NAME).exists()


def refuse_run(folder: Path) -> None:
    """Refuse a sweep in a folder that holds a run; raises UsageError."""
    if holds_run(folder):
        raise UsageError(
            f"out={folder}: holds a run already; go on with it by ganexp resume {quoted(folder)}, or choose another folder"
        )


def make(folder: Path) -> None:
    """Make the folder; raises UsageError where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UsageError(
            f"out={folder}: cannot be written ({error.strerror}); choose another folder with out=FOLDER"
        ) from None


def quoted(folder: Path) -> str:
    """The folder as it is typed in a shell."""
    return shlex.quote(str(folder))
