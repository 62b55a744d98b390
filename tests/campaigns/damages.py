"""Ways in which a file of a run can be damaged, by name; each changes the file at `path`, by chance where there is a choice."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack

from ganexp.checkpoints import MAGIC

Way = Callable[[Path, random.Random], None]


def remove(path: Path) -> None:
    """What lies there is gone, be it a file or a folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _bytes(change: Callable[[bytes, random.Random], bytes]) -> Way:
    def way(path: Path, chance: random.Random) -> None:
        path.write_bytes(change(path.read_bytes(), chance))

    return way


def _flipped(content: bytes, place: int, chance: random.Random) -> bytes:
    return (
        content[:place] + bytes([content[place] ^ 1 << chance.randrange(8)]) + content[place + 1 :]
        if content
        else b"\x01"
    )


def _folder(path: Path, chance: random.Random) -> None:
    remove(path)
    path.mkdir()


def _file(path: Path, chance: random.Random) -> None:
    remove(path)
    path.write_text("text")


def _full_folder(path: Path, chance: random.Random) -> None:
    _folder(path, chance)
    (path / path.name).write_text("text")


def _linked(where: Callable[[Path], str | Path]) -> Way:
    def way(path: Path, chance: random.Random) -> None:
        target = where(path)
        remove(path)
        path.symlink_to(target)

    return way


def _outside(path: Path) -> Path:
    """A copy of what lies at `path`, in the folder `outside` that the campaign watches."""
    target = (
        path.parents[next(n for n, up in enumerate(path.parents) if (up / "outside").is_dir())] / "outside" / path.name
    )
    if path.is_dir():
        shutil.copytree(path, target)
    else:
        shutil.copy(path, target)
    return target


def _pipe(path: Path, chance: random.Random) -> None:
    remove(path)
    os.mkfifo(path)


FILES: dict[str, Way] = {
    "emptied": _bytes(lambda content, chance: b""),
    "cut after a byte": _bytes(lambda content, chance: content[:1]),
    "cut in the middle": _bytes(lambda content, chance: content[: len(content) // 2]),
    "cut before the last byte": _bytes(lambda content, chance: content[:-1]),
    "cut somewhere": _bytes(lambda content, chance: content[: chance.randrange(len(content) + 1)]),
    "a bit of the first byte": _bytes(lambda content, chance: _flipped(content, 0, chance)),
    "a bit of the last byte": _bytes(lambda content, chance: _flipped(content, len(content) - 1, chance)),
    "a bit somewhere": _bytes(lambda content, chance: _flipped(content, chance.randrange(len(content) or 1), chance)),
    "another bit": _bytes(lambda content, chance: _flipped(content, chance.randrange(len(content) or 1), chance)),
    "a NUL in front": _bytes(lambda content, chance: b"\0" + content),
    "a NUL behind": _bytes(lambda content, chance: content + b"\0"),
    "all NUL": _bytes(lambda content, chance: b"\0" * len(content)),
    "the second half NUL": _bytes(
        lambda content, chance: content[: len(content) // 2] + b"\0" * (len(content) - len(content) // 2)
    ),
    "no UTF-8": _bytes(lambda content, chance: b"\xff\xfe\xc3(" + content),
    "no UTF-8 behind": _bytes(lambda content, chance: content + b"\xed\xa0\x80\xff"),
    "a byte order mark": _bytes(lambda content, chance: b"\xef\xbb\xbf" + content),
    "twice": _bytes(lambda content, chance: content + content),
    "other line ends": _bytes(lambda content, chance: content.replace(b"\n", b"\r\n")),
    "brackets": _bytes(lambda content, chance: b"[" * 100_000),
    "braces": _bytes(lambda content, chance: b'{"a":' * 100_000),
    "null": _bytes(lambda content, chance: b"null\n"),
    "a number": _bytes(lambda content, chance: b"3\n"),
    "a list": _bytes(lambda content, chance: b"[]\n"),
    "an object": _bytes(lambda content, chance: b"{}\n"),
    "digits": _bytes(lambda content, chance: b"1" * 100_000),
}
KINDS: dict[str, Way] = {
    "deleted": lambda path, chance: remove(path),
    "a folder": _folder,
    "a full folder": _full_folder,
    "a link to nowhere": _linked(lambda path: "nowhere"),
    "a link to itself": _linked(lambda path: path.name),
    "a link out": _linked(_outside),
    "a link to null": _linked(lambda path: "/dev/null"),
    "a pipe": _pipe,
}
FOLDERS: dict[str, Way] = {
    **{name: way for name, way in KINDS.items() if "folder" not in name},
    "emptied": _folder,
    "a file": _file,
}
STRANGE: tuple[Any, ...] = (
    None, True, -1, 0, 1.5, 1e308, 2**63, "", "text", "../up", "/", "a\0b", "\n", "\x1b[31m", "x" * 5000, [], [None], {}, {"a": 1}, [[]],
)  # fmt: skip


def _document(change: Callable[[Any, random.Random], Any]) -> Way:
    def way(path: Path, chance: random.Random) -> None:
        path.write_text(json.dumps(change(json.loads(path.read_text()), chance)))

    return way


def _places(content: Any) -> list[tuple[Any, Any]]:
    """Every place in a document: what holds it, and its key or number there."""
    keys = list(content) if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ()
    return [place for key in keys for place in ((content, key), *_places(content[key]))]


def _removed(content: Any, chance: random.Random) -> Any:
    home, key = chance.choice(_places(content))
    del home[key]
    return content


def _strange(content: Any, chance: random.Random) -> Any:
    home, key = chance.choice(_places(content))
    home[key] = chance.choice(STRANGE)
    return content


def _removed_at_top(content: Any, chance: random.Random) -> Any:
    del content[chance.choice(list(content))]
    return content


def _strange_at_top(content: Any, chance: random.Random) -> Any:
    content[chance.choice(list(content))] = chance.choice(STRANGE)
    return content


DOCUMENTS: dict[str, Way] = {
    **{f"a part removed, {number}": _document(_removed) for number in range(4)},
    **{f"a key removed, {number}": _document(_removed_at_top) for number in range(4)},
    **{f"a part strange, {number}": _document(_strange) for number in range(12)},
    **{f"a key strange, {number}": _document(_strange_at_top) for number in range(8)},
    "more than asked": _document(lambda content, chance: {**content, "more": [1], "": None}),
    "not finite": _bytes(
        lambda content, chance: content.replace(b": 0", b": NaN", 1).replace(b"false", b"Infinity", 1)
    ),
}


def _lines(change: Callable[[list[bytes], random.Random], list[bytes]]) -> Way:
    return _bytes(lambda content, chance: b"\n".join([*change(content.split(b"\n")[:-1], chance), b""]))


TABLES: dict[str, Way] = {
    "other columns": _lines(lambda lines, chance: [b"step,a,b,c", *lines[1:]]),
    "no step": _lines(lambda lines, chance: [lines[0].removeprefix(b"step,"), *lines[1:]]),
    "columns in quotes": _lines(lambda lines, chance: [b'"' + lines[0].replace(b",", b'","') + b'"', *lines[1:]]),
    "some in quotes": _lines(lambda lines, chance: [lines[0].replace(b"loss/generator", b'"loss/generator"'), *lines[1:]]),
    "cells in quotes": _lines(lambda lines, chance: [lines[0], *(b'"' + line.replace(b",", b'","') + b'"' for line in lines[1:])]),
    "a column twice": _lines(lambda lines, chance: [line + b"," + line.split(b",")[1] for line in lines]),
    "step twice": _lines(lambda lines, chance: [lines[0] + b",step", *(line + b",0" for line in lines[1:])]),
    "a column without a name": _lines(lambda lines, chance: [lines[0] + b",", *(line + b",1" for line in lines[1:])]),
    "rows doubled": _lines(lambda lines, chance: [lines[0], *(line for line in lines[1:] for _ in range(2))]),
    "rows reversed": _lines(lambda lines, chance: [lines[0], *lines[:0:-1]]),
    "no rows": _lines(lambda lines, chance: lines[:1]),
    "a vast step": _lines(lambda lines, chance: [*lines, b"9" * 30 + lines[-1][lines[-1].index(b",") :]]),
    "a vast step in digits": _lines(lambda lines, chance: [*lines, b"9" * 5000 + lines[-1][lines[-1].index(b",") :]]),
    "a step below zero": _lines(lambda lines, chance: [lines[0], b"-5" + lines[-1][lines[-1].index(b",") :], *lines[1:]]),
    "odd steps": _lines(lambda lines, chance: [lines[0], *(b" 1_0" + line[line.index(b",") :] for line in lines[1:])]),
    "odd numbers": _lines(lambda lines, chance: [lines[0], *(line[: line.index(b",")] + b",nan" * line.count(b",") for line in lines[1:])]),
    "empty lines": _lines(lambda lines, chance: [lines[0], b"", *lines[1:], b"", b""]),
    "semicolons": _bytes(lambda content, chance: content.replace(b",", b";")),
}  # fmt: skip


def sealed(body: bytes) -> bytes:
    """A checkpoint's file with any content, and the checksum of it."""
    return MAGIC + hashlib.sha256(body).digest() + body


def _saved(change: Callable[[dict[str, Any]], Any]) -> Way:
    def way(path: Path, chance: random.Random) -> None:
        held = msgpack.unpackb(path.read_bytes()[len(MAGIC) + 32 :])
        path.write_bytes(sealed(msgpack.packb(change(held))))

    return way


def _array(change: Callable[[list[Any]], Any]) -> Way:
    return _saved(lambda held: {**held, "arrays": [change(held["arrays"][0]), *held["arrays"][1:]]})


CHECKPOINTS: dict[str, Way] = {
    "nothing": _bytes(lambda content, chance: sealed(b"")),
    "nested": _bytes(lambda content, chance: sealed(b"\x91" * 100_000)),
    "no message": _bytes(lambda content, chance: sealed(b"\xc1\xff\x00")),
    "two messages": _bytes(lambda content, chance: sealed(content[len(MAGIC) + 32 :] * 2)),
    "another magic": _bytes(lambda content, chance: content.replace(b"checkpoint 1", b"checkpoint 2", 1)),
    "a whole number": _saved(lambda held: 7),
    "a text": _saved(lambda held: "arrays"),
    "no arrays": _saved(lambda held: {**held, "arrays": []}),
    "no settings": _saved(lambda held: {"arrays": held["arrays"]}),
    "settings of a list": _saved(lambda held: {**held, "settings": [1, 2]}),
    "settings of nothing": _saved(lambda held: {**held, "settings": {}}),
    "other settings": _saved(lambda held: {**held, "settings": {**held["settings"], "seed": 77}}),
    "settings of numbers": _saved(lambda held: {**held, "settings": [["seed", {"a": [1]}], ["lanes", 3]]}),
    "another order": _saved(lambda held: {**held, "arrays": held["arrays"][::-1]}),
    "one too many": _saved(lambda held: {**held, "arrays": [*held["arrays"], held["arrays"][-1]]}),
    "arrays of texts": _saved(lambda held: {**held, "arrays": ["abc"] * len(held["arrays"])}),
    "objects": _array(lambda array: ["|O", array[1], array[2]]),
    "a void type": _array(lambda array: ["|V0", array[1], array[2]]),
    "a strange type": _array(lambda array: ["strange", array[1], array[2]]),
    "a record type": _array(lambda array: ["<i4,<i4", array[1], array[2]]),
    "no type": _array(lambda array: [None, array[1], array[2]]),
    "a vast shape": _array(lambda array: [array[0], [2**40, 2**40], array[2]]),
    "an unknown shape": _array(lambda array: [array[0], [-1, -1], array[2]]),
    "a shape of texts": _array(lambda array: [array[0], "shape", array[2]]),
    "few bytes": _array(lambda array: [array[0], array[1], array[2][:-1]]),
    "bytes of text": _array(lambda array: [array[0], array[1], "text"]),
    "another step": _array(lambda array: [array[0], array[1], bytes([array[2][0] ^ 1]) + array[2][1:]]),
}  # fmt: skip


def ways(name: str) -> dict[str, Way]:
    """The ways to damage a file or folder of this name."""
    if name.endswith(".json"):
        return {**KINDS, **FILES, **DOCUMENTS}
    if name.endswith(".csv"):
        return {**KINDS, **FILES, **TABLES}
    if name.endswith(".ckpt"):
        return {**KINDS, **FILES, **CHECKPOINTS}
    return {**KINDS, **FILES} if "." in name.rpartition("/")[2].lstrip(".") else FOLDERS
