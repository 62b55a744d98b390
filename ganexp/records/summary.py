"""`run.json`: what a run was and how it ended, as one JSON object."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from ganexp.records.atomic import write_atomically
from ganexp.records.documents import DocumentError, printable, read_json
from ganexp.version import __version__

SUMMARY_NAME = "run.json"
# A run leaves a few thousand bytes.
LARGEST = 4 * 2**20


def write_summary(folder: Path | str, summary: Mapping[str, Any]) -> None:
    """Replace `folder/run.json` as a whole; TypeError for what JSON cannot hold.

    Strict JSON has no numbers that are not finite: they become the strings "nan", "inf" and "-inf", which `float` turns
    back. NumPy's scalars and arrays become numbers and lists.
    """
    text = json.dumps(_plain(summary), indent=2, allow_nan=False, ensure_ascii=False)
    # A half of a surrogate pair, as in a path that is not UTF-8, is no letter, but has an escape in JSON.
    content = text.encode("utf-8", "backslashreplace") + b"\n"
    write_atomically(Path(folder) / SUMMARY_NAME, content, durable=True)


def versions(libraries: Iterable[str]) -> dict[str, str]:
    """The versions of Python, of ganexp and of `libraries`."""
    return {
        "python": platform.python_version(),
        "ganexp": __version__,
        **{library: version(library) for library in libraries},
    }


def read_summary(folder: Path | str) -> dict[str, Any]:
    """What `write_summary` wrote; DocumentError, a ValueError, when `folder/run.json` is missing, damaged or not an object."""
    path = Path(folder) / SUMMARY_NAME
    try:
        summary = read_json(path, LARGEST)
    except DocumentError as error:
        if isinstance(error.__cause__, FileNotFoundError | NotADirectoryError):
            raise DocumentError(path, f"cannot be read: is {printable(folder)} the folder of a run?") from error
        raise
    if not isinstance(summary, dict):
        raise DocumentError(path, f"should hold a JSON object, but holds a {type(summary).__name__}")
    return summary


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
