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

import ganexp
from ganexp.records.atomic import write_atomically

SUMMARY_NAME = "run.json"


def write_summary(folder: Path | str, summary: Mapping[str, Any]) -> None:
    """Replace `folder/run.json` as a whole; TypeError for what JSON cannot hold.

    Strict JSON has no numbers that are not finite: they become the strings "nan", "inf" and "-inf", which `float` turns
    back. NumPy's scalars and arrays become numbers and lists.
    """
    text = json.dumps(_plain(summary), indent=2, allow_nan=False, ensure_ascii=False)
    write_atomically(Path(folder) / SUMMARY_NAME, text.encode() + b"\n", durable=True)


def versions(libraries: Iterable[str]) -> dict[str, str]:
    """The versions of Python, of ganexp and of `libraries`."""
    return {
        "python": platform.python_version(),
        "ganexp": ganexp.__version__,
        **{library: version(library) for library in libraries},
    }


def read_summary(folder: Path | str) -> dict[str, Any]:
    """What `write_summary` wrote; ValueError when `folder/run.json` is missing, damaged or not an object."""
    path = Path(folder) / SUMMARY_NAME
    try:
        summary = json.loads(path.read_bytes())
    except OSError as error:
        raise ValueError(f"Cannot read {path} ({error.strerror}): is {folder} the folder of a run?") from error
    except ValueError as error:
        raise ValueError(f"{path} is damaged, it does not hold JSON ({error}).") from error
    if not isinstance(summary, dict):
        raise ValueError(f"{path} should hold a JSON object, but holds a {type(summary).__name__}.")
    return summary


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
