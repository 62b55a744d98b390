"""A file that grows by whole entries."""

from __future__ import annotations

from pathlib import Path

from ganexp.records.atomic import naming

BATCH = 2**16  # bytes


class AppendOnlyFile:
    """Appends to the file `path`, each entry at once; in `batches`, when 64 KiB of them are there or `flush` is called.

    In batches the file is open only while it is written, so that hundreds of them can grow side by side. An OSError (a full
    disk) is raised where it happens.
    """

    def __init__(self, path: Path, batches: bool):
        self._path, self._batches, self._closed, self._waiting = path, batches, False, bytearray()
        self._file = None if batches else path.open("ab")

    def append(self, entry: bytes) -> None:
        """Add an entry; ValueError after `close`."""
        if self._closed:
            raise ValueError(f"{self._path} is a closed file")
        if self._file is not None:
            with naming(self._path):
                self._file.write(entry)
                self._file.flush()
            return
        self._waiting += entry
        if len(self._waiting) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._waiting:
            with naming(self._path), self._path.open("ab") as file:
                file.write(self._waiting)
            self._waiting.clear()

    def close(self) -> None:
        """Write what waits, and take no more."""
        self._closed = True
        try:
            self.flush()
        finally:
            if self._file is not None:
                with naming(self._path):
                    self._file.close()
