"""Images as memory-mapped arrays in the user's cache folder: prepared once by TFDS, checked at every reading."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ganexp.component import SettingError
from ganexp.datasets.source import origin
from ganexp.paths import cache_home

FORMAT = 1
REMEDY = "set XDG_CACHE_HOME to a folder that can be written"
NEEDED = 150_000_000  # bytes on the disk while preparing: downloads, TFDS's records, arrays


def cached(name: str, files: str | None, show: Callable[[str], None]) -> dict[str, np.ndarray]:
    """The arrays `train_image`, `train_label`, `test_image`, `test_label` of the TFDS data set `name`, memory-mapped.

    They are prepared first where the cache has none, from the original files in the folder `files` or else from the network.
    Raises SettingError.
    """
    # Also where the cache has them: who names files is told when they are not what they should be.
    found = None if files is None else origin.find(name, Path(os.path.expanduser(files)))
    home = cache_home()
    if home is None:
        raise SettingError("source", f"{name} is kept in a cache folder, and you have no home to hold one; {REMEDY}")
    place = home / "data" / name
    if not os.path.exists(place):
        if found is None:
            origin.check_network(name)
        show(f"preparing {name}: once, about 20 seconds")
        _prepare(name, place, found)
    return _read(place)


def _prepare(name: str, place: Path, files: Mapping[str, Path] | None) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(place.parent).free < NEEDED:
            raise OSError(None, f"less than {NEEDED // 10**6} MB are free")
        _sweep(name, place.parent)
        # All work happens in a folder of its own, which becomes the cache in one step, whole or not at all.
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{name}-{os.getpid()}-") as work:
            from ganexp.datasets.source import builder

            with contextlib.redirect_stdout(io.StringIO()):
                arrays = builder.prepare(name, Path(work) / "tfds", files)
            store(arrays, Path(work) / "arrays")
            with contextlib.suppress(FileExistsError, NotADirectoryError):  # Another process was faster.
                os.rename(Path(work) / "arrays", place)
    except OSError as error:
        if not place.exists():
            why = error.strerror or error
            raise SettingError(
                "source", f"{name} could not be prepared in {place.parent}: {why}; nothing of it is kept; {REMEDY}"
            ) from None


def _sweep(name: str, folder: Path) -> None:
    """Remove what a process left that was killed while it prepared."""
    for left in folder.glob(f".{name}-*-*"):
        try:
            os.kill(int(left.name.split("-")[1]), 0)
        except ProcessLookupError:
            shutil.rmtree(left, ignore_errors=True)
        except (OSError, ValueError):  # Somebody else's, and alive.
            continue


def store(arrays: dict[str, np.ndarray], folder: Path) -> None:
    """Write the arrays to `folder`, which must not exist, one file each, with their checksums beside them."""
    folder.mkdir(parents=True)
    digests = {}
    for name, array in arrays.items():
        path = folder / f"{name}.npy"
        np.save(path, array, allow_pickle=False)
        digests[name] = _digest(path)
    notes = json.dumps({"format": FORMAT, "sha256": digests}, indent=1)
    (folder / "arrays.json").write_text(notes, encoding="utf-8")


def _read(place: Path) -> dict[str, np.ndarray]:
    remedy = f"remove the folder {place}, and it is prepared anew"
    try:
        notes: dict[str, Any] = json.loads((place / "arrays.json").read_text(encoding="utf-8"))
        if notes["format"] != FORMAT:
            raise SettingError(
                "source",
                f"the cache was written by another version of ganexp (format {notes['format']}, not {FORMAT}); {remedy}",
            )
        paths = {name: place / f"{name}.npy" for name in notes["sha256"]}
        damaged = [path.name for name, path in paths.items() if _digest(path) != notes["sha256"][name]]
        if damaged:
            raise SettingError("source", f"{damaged[0]} in the cache is damaged: its checksum does not match; {remedy}")
        return {name: np.load(path, mmap_mode="r", allow_pickle=False) for name, path in paths.items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, SettingError):
            raise
        why = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        raise SettingError("source", f"the cache cannot be read ({why}); {remedy}") from None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
