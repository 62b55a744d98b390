"""What one run leaves for the next, in the user's cache folder: compiled programs, and how fast they ran."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import jax

from ganexp.component import arrays
from ganexp.experiment import Experiment
from ganexp.places import cache_home
from ganexp.records.atomic import write_atomically


def folder() -> Path | None:
    """The cache folder, or None where it cannot be written."""
    path = cache_home()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return path if os.access(path, os.W_OK) else None


def enable() -> None:
    """Keep compiled programs between runs, unless JAX was told where to or that folder cannot be written."""
    place = folder()
    if place is not None and not os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        jax.config.update("jax_compilation_cache_dir", str(place / "jax"))
        # Even a small program takes longer to compile than to read.
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


def signature(experiment: Experiment) -> str:
    """A name for the program that trains this experiment: equal where only numbers differ."""
    return hashlib.sha256(str(jax.tree.structure(arrays(experiment))).encode()).hexdigest()[:16]


def remember_pace(experiment: Experiment, pace: float, lanes: str = "") -> None:
    """Note how many steps a second a run made; or, with how they go (`map`, `vmap`), all lanes of its program together."""
    place = folder()
    if place is not None:
        known = _paces(place) | {signature(experiment) + lanes: pace}
        write_atomically(place / "paces.json", json.dumps(known).encode(), durable=False)


def pace(experiment: Experiment, lanes: str = "") -> float | None:
    """Steps a second when this program last ran here, noted by `remember_pace`; None where it never did."""
    place = folder()
    return None if place is None else _paces(place).get(signature(experiment) + lanes)


def _paces(place: Path) -> dict[str, float]:
    try:
        return dict(json.loads((place / "paces.json").read_text()))
    except (OSError, ValueError):
        return {}
