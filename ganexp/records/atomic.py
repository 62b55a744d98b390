"""Replacing a file as a whole."""

from __future__ import annotations

import os
from pathlib import Path


def write_atomically(path: Path, data: bytes, *, durable: bool) -> None:
    """Replace the file `path`: readers see the old or the new one, never a part; `durable`: after a power cut too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # A fixed name, so that what a kill leaves behind is overwritten the next time.
    partial = path.with_name(path.name + ".partial")
    with open(partial, "wb") as file:
        file.write(data)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    os.replace(partial, path)
