"""Rows of images that a picture grows by, kept so that a resumed run goes on with the same ones."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8

from ganexp.records.atomic import naming, write_atomically


class RowFile:
    """Records of a step, an epoch and `shape` pixels (0 to 255) in the file `path`, each appended whole.

    What it holds of step `begin` and of later ones, and a last record that is torn, is forgotten.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], begin: int):
        self._path, self._shape = path, shape
        self._kind = np.dtype([("step", "<i8"), ("epoch", "<i8"), ("pixels", "u1", (math.prod(shape),))])
        kept = self._records()
        kept = kept[kept["step"] < begin]
        if path.exists():
            write_atomically(path, kept.tobytes(), durable=True)

    def _records(self) -> np.ndarray:
        content = self._path.read_bytes() if self._path.exists() else b""
        whole = len(content) // self._kind.itemsize * self._kind.itemsize
        return np.frombuffer(content[:whole], self._kind)

    def append(self, step: int, epoch: int, pixels: UInt8[np.ndarray, ...]) -> None:
        """Add one row."""
        record = np.zeros(1, self._kind)
        record["step"], record["epoch"], record["pixels"] = step, epoch, pixels.reshape(1, -1)
        self._path.parent.mkdir(exist_ok=True)
        with naming(self._path), self._path.open("ab") as file:
            file.write(record.tobytes())

    def rows(self) -> tuple[Int[np.ndarray, " rows"], UInt8[np.ndarray, "rows ..."]]:
        """Every row's epoch and its pixels."""
        records = self._records()
        return records["epoch"].astype(np.int64), records["pixels"].reshape(-1, *self._shape)
