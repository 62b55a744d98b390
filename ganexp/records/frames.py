"""`frames.bin`: what pictures are drawn from, frame after frame, in one file that grows.

After a first line, each frame is a head (step, lengths, checksums), the name of its view, and a body: MessagePack's map from the name of an
array to its type, shape and bytes (those of equal weight together, deflated), or to the place of an earlier frame of the view that holds
the same array. The heads are the index: they are read by leaping over the bodies.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgpack
import numpy as np

from ganexp.observe.view import Arrays, Frame
from ganexp.records.atomic import naming
from ganexp.records.documents import DocumentError, opened
from ganexp.records.growing import AppendOnlyFile

FRAMES_NAME = "frames.bin"
MAGIC = b"ganexp frames 1\n"
# Step, bytes of the body, its checksum, bytes of the name; and the checksum of all this with the name.
HEAD, CHECK = struct.Struct("<qIIH"), struct.Struct("<I")
LARGEST = 2**26  # bytes of an array
LEVEL = 6


class Entry(NamedTuple):
    """Where a frame is: its step and view; the place of its head, and that of its body with its length and checksum."""

    step: int
    view: str
    place: int
    body: int
    length: int
    checksum: int

    @property
    def end(self) -> int:
        """Where the next frame begins."""
        return self.body + self.length


def index(path: Path) -> list[Entry]:
    """Every whole frame of the file, in order; a torn one at its end is left out. Raises DocumentError for what is damaged."""
    with opened(path) as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise DocumentError(path, "is no file of frames, or of another version of ganexp")
        return list(_heads(path, file))


def read(path: Path, entries: Sequence[Entry]) -> list[Frame]:
    """The frames at these places; raises DocumentError for one that is damaged."""
    with opened(path) as file:
        return [Frame(entry.step, _arrays(path, file, entry)) for entry in entries]


def _heads(path: Path, file: BinaryIO) -> Iterator[Entry]:
    size = os.fstat(file.fileno()).st_size
    place = len(MAGIC)
    while place + HEAD.size + CHECK.size <= size:
        file.seek(place)
        head = file.read(HEAD.size)
        step, length, checksum, letters = HEAD.unpack(head)
        name = file.read(letters)
        check = file.read(CHECK.size)
        body = place + HEAD.size + letters + CHECK.size
        if body > size:
            return
        if CHECK.unpack(check)[0] != zlib.crc32(head + name):
            raise DocumentError(path, f"is damaged at byte {place:,}: what is there is no frame")
        entry = Entry(step, name.decode(errors="replace"), place, body, length, checksum)
        if entry.end > size:
            return
        yield entry
        place = entry.end


def _parts(path: Path, file: BinaryIO, entry: Entry) -> dict[str, Any]:
    """A frame's arrays by name, as they are written."""
    file.seek(entry.body)
    content = file.read(entry.length)
    if len(content) != entry.length or zlib.crc32(content) != entry.checksum:
        raise _damaged(path, entry)
    try:
        return dict(msgpack.unpackb(content))
    except (ValueError, TypeError, RecursionError):
        raise _damaged(path, entry) from None


def _arrays(path: Path, file: BinaryIO, entry: Entry) -> Arrays:
    found = {}
    for name, part in _parts(path, file, entry).items():
        if isinstance(part, int):
            part = _earlier(path, file, entry, part).get(name)
        try:
            found[str(name)] = _unpacked(part)
        except (ValueError, TypeError, zlib.error):
            raise _damaged(path, entry) from None
    return found


def _earlier(path: Path, file: BinaryIO, entry: Entry, place: int) -> dict[str, Any]:
    if not len(MAGIC) <= place < entry.place:
        raise _damaged(path, entry)
    file.seek(place)
    head = file.read(HEAD.size)
    if len(head) < HEAD.size:
        raise _damaged(path, entry)
    step, length, checksum, letters = HEAD.unpack(head)
    body = place + HEAD.size + letters + CHECK.size
    return _parts(path, file, Entry(step, entry.view, place, body, length, checksum))


def _damaged(path: Path, entry: Entry) -> DocumentError:
    return DocumentError(path, f"is damaged: its frame of {entry.view} at step {entry.step:,} was changed")


def _packed(array: np.ndarray) -> tuple[str, list[int], bytes]:
    # Bytes of equal weight resemble one another: floats are a fifth smaller so.
    weights = np.ascontiguousarray(array).reshape(-1).view(np.uint8).reshape(-1, array.itemsize)
    return array.dtype.newbyteorder("<").str, list(array.shape), zlib.compress(weights.T.tobytes(), LEVEL)


def _unpacked(part: Any) -> np.ndarray:
    kind, shape, content = part
    if not isinstance(kind, str) or not re.fullmatch(r"[<|][biuf][1248]", kind) or min(shape, default=0) < 0:
        raise ValueError(kind)
    dtype = np.dtype(kind)
    size = math.prod(shape) * dtype.itemsize
    if size > LARGEST:
        raise ValueError(size)
    weights = zlib.decompressobj().decompress(content, size + 1) if size else b""
    # The copy has the bytes of each number together again.
    numbers = np.frombuffer(weights, np.uint8).reshape(dtype.itemsize, -1).T.copy() if size else np.empty(0, np.uint8)
    return numbers.view(dtype).reshape(shape)


class FrameFile:
    """Appends frames to the file `path`, which is made by the first one.

    What it holds of step `begin` and of later ones, and a last frame that is torn, is forgotten; what is damaged before, with all that
    follows it: `lost` is a sentence on that, or None. Frames are written at once, or in `batches`: see `AppendOnlyFile`.
    """

    def __init__(self, path: Path, begin: int, batches: bool):
        self._path, self._batches = path, batches
        self._file: AppendOnlyFile | None = None
        self.lost: str | None = None
        self._entries: list[Entry] = []
        # Of each view's arrays, what was last written, and the place of the frame that holds it.
        self._latest: dict[tuple[str, str], tuple[bytes, int]] = {}
        if path.exists():
            self._keep(begin)
        self._end = self._entries[-1].end if self._entries else 0

    def _keep(self, begin: int) -> None:
        with naming(self._path):
            try:
                with opened(self._path) as file:
                    self._recall(file, begin)
            except DocumentError as error:
                if begin:
                    self.lost = f"{error.reason}; its frames from there on are forgotten"
            if self._entries:
                os.truncate(self._path, self._entries[-1].end)
            else:
                self._path.unlink()

    def _recall(self, file: BinaryIO, begin: int) -> None:
        if file.read(len(MAGIC)) != MAGIC:
            raise DocumentError(self._path, "is no file of frames")
        for entry in _heads(self._path, file):
            if entry.step >= begin:
                return
            for name, part in _parts(self._path, file, entry).items():
                if not isinstance(part, int):
                    self._latest[entry.view, name] = _digest(part), entry.place
            self._entries.append(entry)

    def last(self, view: str) -> int | None:
        """The step of a view's last frame."""
        return next((entry.step for entry in reversed(self._entries) if entry.view == view), None)

    def append(self, view: str, frame: Frame) -> None:
        """Add a frame."""
        start = b"" if self._end else MAGIC
        place = self._end + len(start)
        body = msgpack.packb({name: self._part(view, name, array, place) for name, array in frame.arrays.items()})
        name = view.encode()
        head = HEAD.pack(frame.step, len(body), zlib.crc32(body), len(name))
        written = start + head + name + CHECK.pack(zlib.crc32(head + name)) + body
        if self._file is None:
            self._file = AppendOnlyFile(self._path, self._batches)
        self._file.append(written)
        self._end += len(written)
        self._entries.append(Entry(frame.step, view, place, self._end - len(body), len(body), zlib.crc32(body)))

    def _part(self, view: str, name: str, array: np.ndarray, place: int) -> Any:
        packed = _packed(np.asarray(array))
        digest = _digest(packed)
        before = self._latest.get((view, name))
        if before is not None and before[0] == digest:
            return before[1]
        self._latest[view, name] = digest, place
        return packed

    def frames(self, view: str) -> list[Frame]:
        """Every frame of a view so far."""
        self.flush()
        return read(self._path, [entry for entry in self._entries if entry.view == view])

    def flush(self) -> None:
        """Write what waits for its batch."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def _digest(part: Sequence[Any]) -> bytes:
    return hashlib.sha256(msgpack.packb(part)).digest()
