"""Replacing a file as a whole, and errors of files that name them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an OSError of the body say which file it was about: that of a full disk does not."""
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def write_atomically(path: Path, data: bytes, *, durable: bool) -> None:
    """Replace the file `path`: readers see the old or the new one, never a part; `durable`: after a power cut too.

    Raises OSError. The folder is not made: one that disappeared while a run trains is not to come back in part.
    """
    # A fixed name, so that what a kill leaves behind is overwritten the next time.
    partial = path.with_name(path.name + ".partial")
    with naming(path):
        # A link that somebody else left in its place would be written through.
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o666)
        try:
            with open(descriptor, "wb") as file:
                file.write(data)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(partial, path)
        except OSError:
            # It would take the last room of a full disk, which the note of the failure needs.
            with suppress(OSError):
                partial.unlink()
            raise
