"""Files, names and texts that may be somebody else's: taken as data, or refused in a sentence."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any, BinaryIO, NoReturn

LARGEST = 64 * 2**20
LONGEST_NAME, LONGEST_TEXT, LONGEST_PATH = 255, 500, 4096
MOST_DEEP = 100
WHOLE_BITS = 64

REPLACEMENT = "\ufffd"
_SURROGATES = re.compile("[\ud800-\udfff]")
# What a terminal obeys: sequences that begin with ESC, or with its form of one character; titles up to their end.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?|\x1b[ -/]*[0-~]?"
)


class DocumentError(ValueError):
    """A file that is not what it should be: its text is one sentence, and `reason` the same with the bare name of the file."""

    def __init__(self, path: Path, what: str):
        self.reason = f"{printable(path.name)} {what}"
        super().__init__(f"{printable(path, LONGEST_PATH)} {what}.")


def read_json(path: Path, largest: int = LARGEST) -> Any:
    """What a JSON file holds, with U+FFFD for halves of surrogate pairs, so that every text can be written again.

    Raises DocumentError, a ValueError, for a file that cannot be read (its `__cause__` is the OSError), has more than
    `largest` bytes, is not UTF-8 or not JSON, is nested more than 100 deep, or has numbers that are not finite or beyond
    64 bits.
    """
    content = read_bytes(path, largest)
    try:
        loaded = json.loads(
            content.decode("utf-8"), parse_int=_whole, parse_float=_finite, parse_constant=_refused_constant
        )
        return _writable(loaded, 0)
    except UnicodeDecodeError as error:
        raise DocumentError(path, f"is damaged, it is not UTF-8 (at byte {error.start})") from error
    except RecursionError:
        raise DocumentError(path, f"is damaged, it is nested more than {MOST_DEEP} deep") from None
    except ValueError as error:
        raise DocumentError(path, f"is damaged, it does not hold JSON ({error})") from error


def read_bytes(path: Path, largest: int = LARGEST) -> bytes:
    """All of a file; raises DocumentError as `opened` does, and for more than `largest` bytes."""
    with opened(path) as file:
        content = file.read(largest + 1)
    if len(content) > largest:
        raise DocumentError(path, f"is too large (more than {largest:,} bytes)")
    return content


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file to read from; raises DocumentError where it cannot be opened or read, or is a folder, a pipe or a device."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise DocumentError(path, "is not a file")
            yield file
    except OSError as error:
        raise DocumentError(path, f"cannot be read ({error.strerror or error})") from error


def _without_waiting(path: str, flags: int) -> int:
    # Opening a pipe would wait for its other end.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def plain_name(name: object) -> bool:
    """Whether `name` names one entry of a folder and nothing else: no separator, no control character, no dot in front."""
    return (
        isinstance(name, str)
        and name.isprintable()
        and not name.startswith(".")
        and not set(name) & set("/\\")
        and PurePath(name).name == name != ""
        and len(name.encode()) <= LONGEST_NAME
    )


def inside(folder: Path, name: object) -> Path | None:
    """The entry `name` of `folder`, be it there or not; None where that is no plain name or a link that leads out of it."""
    if not isinstance(name, str) or not plain_name(name) or leads_out(folder / name, folder):
        return None
    return folder / name


def leads_out(path: Path, folder: Path) -> bool:
    """Whether `path` is not in `folder` once links are followed."""
    return not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def printable(text: str | Path, longest: int = LONGEST_TEXT) -> str:
    """The text as one line that can be shown and written anywhere, cut at `longest` characters.

    Without the escape sequences of terminals; every blank is a space, and U+FFFD stands for what cannot be seen: control
    characters, marks that turn the direction of writing, halves of surrogate pairs.
    """
    text = str(text)
    if not text.isprintable():
        words = _ESCAPES.sub("", text[: 4 * longest]).split()
        text = "".join(letter if letter.isprintable() else REPLACEMENT for letter in " ".join(words))
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _writable(value: Any, deep: int) -> Any:
    if isinstance(value, str):
        return _SURROGATES.sub(REPLACEMENT, value)
    if not isinstance(value, dict | list):
        return value
    if deep == MOST_DEEP:
        raise RecursionError
    if isinstance(value, list):
        return [_writable(item, deep + 1) for item in value]
    return {_writable(key, deep): _writable(item, deep + 1) for key, item in value.items()}


def _whole(digits: str) -> int:
    # The length first: reading very many digits takes long, and Python refuses to.
    if len(digits) > WHOLE_BITS or (value := int(digits)).bit_length() > WHOLE_BITS:
        raise ValueError(f"{printable(digits, 20)} is out of range")
    return value


def _finite(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"{printable(digits, 20)} is out of range")
    return value


def _refused_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
