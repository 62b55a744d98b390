"""The four original files of a data set: where they are, whether they are the right ones, whether they can be had."""

from __future__ import annotations

import csv
import gzip
import hashlib
import os
import threading
import zlib
from importlib.resources import files as resources
from pathlib import Path
from typing import Any, NamedTuple

from ganexp.component import SettingError

SECONDS = 4.0
WAYS = (
    "three ways to get it: connect to the network, dataset.files=FOLDER with the four original files in it, "
    "or, for dataset=binarized_mnist, dataset.source=bundled"
)
HOSTS = {"mnist": "storage.googleapis.com", "fashion_mnist": "fashion-mnist.s3-website"}


MAGIC = b"\x1f\x8b"  # what a file begins with that gzip packed, whatever its name
PIECE = 2**20  # bytes


class Original(NamedTuple):
    """One original file: where it is, its length in bytes, its SHA-256 and its name; and both of what is packed in it, where
    that is known."""

    url: str
    bytes: int
    sha256: str
    name: str
    content_bytes: int | None
    content_sha256: str | None


def originals(name: str) -> list[Original]:
    """The four files of the data set `name`, as TFDS's own list of checksums has them."""
    contents = {url: (int(size), digest) for url, size, digest in _table("contents.tsv")}
    found = [
        Original(url, int(size), digest, file, *contents.get(url, (None, None)))
        for url, size, digest, file in _table("checksums.tsv")
    ]
    return [original for original in found if HOSTS[name] in original.url]


def _table(name: str) -> list[list[str]]:
    text = (resources("ganexp.datasets.source") / name).read_text(encoding="utf-8")
    return list(csv.reader(text.splitlines(), delimiter="\t"))


def find(name: str, folder: Path) -> dict[str, Path]:
    """The four files of `name` in `folder` by their original names, each packed or unpacked; raises SettingError."""
    wanted = originals(name)
    packing = "packed or unpacked" if wanted[0].content_sha256 else "as they are published"
    must = f"it must hold {_listed(wanted)}, {packing}"
    try:
        there = {entry.name for entry in os.scandir(folder) if entry.is_file()}
    except (FileNotFoundError, NotADirectoryError):
        raise SettingError("files", f"{folder} is not a folder; {must}") from None
    except OSError as error:
        raise SettingError("files", f"{folder} cannot be read ({error.strerror}); {must}") from None
    candidates = {
        original: [folder / file for file in _spellings(original.name) if file in there] for original in wanted
    }
    missing = [original for original, paths in candidates.items() if not paths]
    if missing:
        raise SettingError("files", f"{folder} lacks {_listed(missing)}; {must}")
    found = {}
    for original, paths in candidates.items():
        # Where several are there, one that is right will do.
        wrong = {path: _what_is_wrong(path, name, original) for path in paths}
        right = next((path for path, what in wrong.items() if what is None), None)
        if right is None:
            raise SettingError("files", f"{paths[0]} {wrong[paths[0]]}")
        found[original.name] = right
    return found


def _spellings(name: str) -> list[str]:
    """The usual names of a file: of `train-images-idx3-ubyte.gz` also `train-images.idx3-ubyte`, and both of them without .gz."""
    stem = name.removesuffix(".gz")
    return [stem + ".gz", stem, stem.replace("-idx", ".idx"), stem.replace("-idx", ".idx") + ".gz"]


def content(path: Path) -> bytes:
    """What a file holds that gzip packed, or that nothing packed."""
    with _unpacked(path) as file:
        return file.read()


def _unpacked(path: Path) -> Any:
    with path.open("rb") as file:
        packed = file.read(len(MAGIC)) == MAGIC
    return gzip.open(path) if packed else path.open("rb")


def _what_is_wrong(path: Path, name: str, original: Original) -> str | None:
    try:
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() == original.sha256:
                return None
        if original.content_bytes is None:
            return f"is not the file that {name} is published as; unpacked, or packed anew, it cannot be told from another one"
        with _unpacked(path) as file:
            size, digest = _measured(file, original.content_bytes)
    except EOFError:
        return "is cut off"
    except (gzip.BadGzipFile, zlib.error):
        return "is damaged: it cannot be unpacked"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    if size != original.content_bytes:
        held = f"{size:,}" if size < original.content_bytes else f"more than {original.content_bytes:,}"
        return f"holds {held} bytes where {name}'s holds {original.content_bytes:,}: it is cut off, or another file"
    return (
        None
        if digest == original.content_sha256
        else (f"is damaged, or another file: the checksum of what it holds is not that of {name}'s")
    )


def _measured(file: Any, most: int) -> tuple[int, str]:
    """The length and the SHA-256 of what a file holds, of which little more than `most` bytes are read."""
    size, digest = 0, hashlib.sha256()
    while size <= most and (piece := file.read(PIECE)):
        size += len(piece)
        digest.update(piece)
    return size, digest.hexdigest()


def check_network(name: str) -> None:
    """Refuse to start a download that cannot succeed; raises SettingError, within five seconds."""
    failure: list[str] = ["no answer"]

    def ask() -> None:
        import requests

        try:
            answer = requests.head(originals(name)[0].url, timeout=SECONDS - 1, allow_redirects=True)
            failure[:] = [] if answer.ok else [f"status {answer.status_code}"]
        except requests.RequestException as error:
            failure[:] = [type(error).__name__]

    # In a thread, because looking up a host's name has no time limit; TFDS alone would try for minutes.
    thread = threading.Thread(target=ask, name="asks whether the server is there", daemon=True)
    thread.start()
    thread.join(SECONDS)
    if failure:
        raise SettingError(
            "source", f"{name} is not on this machine, and its server cannot be reached ({failure[0]}); {WAYS}"
        )


def _listed(files: list[Original]) -> str:
    return ", ".join(original.name for original in files)
