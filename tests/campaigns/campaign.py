"""What the campaigns share: which form is asked for, seeded choices, and what a folder holds."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

LONG = os.environ.get("GANEXP_CAMPAIGN") == "long"
LONGEST = 300  # seconds after which a command is taken to wait forever
# Of Python, Hydra and OmegaConf: nobody who types a command has to know these words.
DEBRIS = (
    "Traceback",
    "full_key",
    "object_type",
    "reference_type",
    "<class",
    "Error:",
    "Exception",
    "DictConfig",
    "ListConfig",
    "omegaconf",
    "NoneType",
    "object at 0x",
)


def form(short: int, long: int) -> int:
    """How many of something this form of a campaign takes."""
    return long if LONG else short


def seeded(*what: object) -> random.Random:
    """Random choices that are the same each time, and others for anything else."""
    return random.Random("/".join(map(str, what)))


def contents(folder: Path) -> dict[str, str]:
    """What lies in a folder: each entry with a digest of its bytes, where a link points to, or that it is a folder."""
    found = {}
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place) / name
            found[str(path.relative_to(folder))] = _content(path)
    return found


def _content(path: Path) -> str:
    if path.is_symlink():
        return f"link to {os.readlink(path)}"
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        return "folder"
    return hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(mode) else "special"


def changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """The entries that differ."""
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))


def debris(text: str) -> list[str]:
    """The words of libraries in what a command said."""
    return [word for word in DEBRIS if word in text]


@contextmanager
def bounded(what: str) -> Iterator[None]:
    """A body that waits forever fails its test, which is told `what` it does."""

    def hang(*arguments: object) -> NoReturn:
        pytest.fail(f"it waits forever: {what}")

    before = signal.signal(signal.SIGALRM, hang)
    signal.alarm(LONGEST)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
