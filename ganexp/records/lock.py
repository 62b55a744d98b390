"""One process at a time in a run's folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ganexp.component import SettingError


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """While the body runs no other process can claim `folder`, which is made if missing; raises SettingError where one has."""
    folder.mkdir(parents=True, exist_ok=True)
    # The lock is the folder's own: no file is left behind, and a kill frees it.
    place = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingError("", f"{folder}: another process is training this run; wait for it, or stop it") from None
        except OSError:
            pass  # A network file system without locks: nobody can be kept out.
        yield
    finally:
        os.close(place)
