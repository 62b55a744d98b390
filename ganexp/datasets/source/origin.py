"""The four original files of a data set: where they are, whether they are the right ones, whether they can be had."""

from __future__ import annotations

import csv
import hashlib
import threading
from importlib.resources import files as resources
from pathlib import Path
from typing import NamedTuple

from ganexp.component import SettingError

SECONDS = 4.0
WAYS = (
    "three ways to get it: connect to the network, dataset.files=FOLDER with the four original files in it, "
    "or, for dataset=binarized_mnist, dataset.source=bundled"
)
HOSTS = {"mnist": "storage.googleapis.com", "fashion_mnist": "fashion-mnist.s3-website"}


class Original(NamedTuple):
    """One original file: where it is, its length in bytes, its SHA-256 and its name."""

    url: str
    bytes: int
    sha256: str
    name: str


def originals(name: str) -> list[Original]:
    """The four files of the data set `name`, as TFDS's own list of checksums has them."""
    text = (resources("ganexp.datasets.source") / "checksums.tsv").read_text()
    rows = csv.reader(text.splitlines(), delimiter="\t")
    found = [Original(url, int(size), digest, file) for url, size, digest, file in rows]
    return [original for original in found if HOSTS[name] in original.url]


def check_files(name: str, folder: Path) -> None:
    """Refuse a folder that does not hold the four original files of `name`; raises SettingError."""
    wanted = originals(name)
    if not folder.is_dir():
        raise SettingError("files", f"{folder} is not a folder; it must hold {_listed(wanted)}")
    missing = [original for original in wanted if not (folder / original.name).is_file()]
    if missing:
        raise SettingError("files", f"{folder} lacks {_listed(missing)}; it must hold {_listed(wanted)}")
    for original in wanted:
        path = folder / original.name
        try:
            content = path.read_bytes()
        except OSError as error:
            raise SettingError("files", f"{path} cannot be read ({error.strerror})") from None
        if len(content) != original.bytes:
            raise SettingError(
                "files", f"{path} has {len(content):,} bytes where {name}'s has {original.bytes:,}: "
                "it is cut off, or another file"
            )  # fmt: skip
        if hashlib.sha256(content).hexdigest() != original.sha256:
            raise SettingError("files", f"{path} is damaged, or another file: its checksum is not that of {name}'s")


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
