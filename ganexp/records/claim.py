"""One process at a time in a run's folder."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ganexp.component import SettingError

NAME = ".lock"


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """While the body runs no other process can claim `folder`; raises SettingError where one has. A kill frees it."""
    with open(folder / NAME, "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingError("", f"{folder}: another process is training this run; wait for it, or stop it") from None
        except OSError:
            pass  # A network file system without locks: nobody can be kept out.
        yield
