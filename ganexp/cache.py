"""What one run leaves for the next, in the user's cache folder: compiled programs, and how fast they ran."""

from __future__ import annotations

import functools
import hashlib
import json
import math
import os
import shutil
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import jax

from ganexp.component import arrays
from ganexp.experiment import Experiment
from ganexp.paths import cache_home
from ganexp.records.atomic import write_atomically

# bytes: on a full disk JAX would leave parts of programs, which are never replaced.
NEEDED = 20_000_000


def folder() -> Path | None:
    """The cache folder, or None where there is none or it cannot be written."""
    path = cache_home()
    return path if path is not None and _why_not(path) is None else None


def enable() -> None:
    """Keep compiled programs between runs, where JAX was told to or in the cache folder; says so where that cannot be."""
    # A cache that fails on the way (a full disk) costs time and nothing else.
    warnings.filterwarnings("ignore", "Error (reading|writing) persistent compilation cache")
    settings: Any = jax.config
    if not settings.jax_enable_compilation_cache:
        return
    named, home = os.environ.get("JAX_COMPILATION_CACHE_DIR"), cache_home()
    place = named or (None if home is None else str(home / "jax"))
    why = "you have no home folder" if place is None else None if "://" in place else _why_not(Path(place), NEEDED)
    if why is not None:
        variable = "JAX_COMPILATION_CACHE_DIR" if named else "XDG_CACHE_HOME"
        _note(
            f"compiled programs are not kept for the next run ({why}); set {variable} to a folder that can be written"
        )
        place = None
    settings.update("jax_compilation_cache_dir", place)
    if not named:
        # Even a small program takes longer to compile than to read.
        settings.update("jax_persistent_cache_min_compile_time_secs", 0.0)


def _why_not(path: Path, needed: int = 0) -> str | None:
    """Why `needed` bytes cannot be written in the folder `path`, which is made; None where they can."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(path).free
    except OSError as error:
        return f"{path}: {error.strerror}"
    if not os.access(path, os.W_OK | os.X_OK):
        return f"{path}: cannot be written"
    return f"{path}: {free // 10**6} MB are free on its disk" if free < needed else None


@functools.cache
def _note(text: str) -> None:
    print(f"ganexp: note: {text}", file=sys.stderr)


def signature(experiment: Experiment) -> str:
    """A name for the program that trains this experiment: equal where only numbers differ."""
    return hashlib.sha256(str(jax.tree.structure(arrays(experiment))).encode()).hexdigest()[:16]


def remember_pace(experiment: Experiment, pace: float, lanes: str = "") -> None:
    """Note how many steps a second a run made; or, with how they go (`map`, `vmap`), all lanes of its program together."""
    place = folder()
    if place is not None and math.isfinite(pace):
        known = _paces(place) | {signature(experiment) + lanes: pace}
        with suppress(OSError):
            write_atomically(place / "paces.json", json.dumps(known).encode(), durable=False)


def pace(experiment: Experiment, lanes: str = "") -> float | None:
    """Steps a second when this program last ran here, noted by `remember_pace`; None where it never did."""
    place = folder()
    return None if place is None else _paces(place).get(signature(experiment) + lanes)


def _paces(place: Path) -> dict[str, float]:
    try:
        noted = json.loads((place / "paces.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    paces = noted.items() if isinstance(noted, dict) else ()
    return {name: pace for name, pace in paces if isinstance(pace, float) and 0 < pace < math.inf}
