"""What a perfect generator scores: a property of the data set and of the number of samples, computed once and kept for all runs."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree

from ganexp.cache import folder
from ganexp.records.atomic import write_atomically
from ganexp.version import __version__

Floors = dict[str, float]


def kept(what: str, data: PyTree, make: Callable[[], Floors]) -> Floors:
    """The floors that `make` makes, or those that were kept of it: `what` describes all that they depend on beside `data`."""
    home = folder()
    if home is None:
        return make()
    path = home / "floors" / f"{_digest(what, data)}.json"
    known = _read(path)
    if known is None:
        known = make()
        # Another run makes them anew where they cannot be kept.
        with suppress(OSError):
            path.parent.mkdir(exist_ok=True)
            write_atomically(path, json.dumps(known).encode(), durable=False)
    return known


def _digest(what: str, data: PyTree) -> str:
    # Another compiler rounds otherwise: what is kept has the bits that this run would make.
    compiler = (
        jax.__version__,
        jax.default_backend(),
        os.environ.get("XLA_FLAGS"),
        jax.config.read("jax_disable_most_optimizations"),
    )
    digest = hashlib.sha256(repr((__version__, *compiler, what)).encode())
    for leaf in jax.tree.leaves(data):
        array: Any = np.ascontiguousarray(leaf)
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(array.data)
    return digest.hexdigest()[:32]


def _read(path: Path) -> Floors | None:
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    whole = isinstance(known, dict) and all(
        isinstance(value, float) and math.isfinite(value) for value in known.values()
    )
    return known if whole else None
