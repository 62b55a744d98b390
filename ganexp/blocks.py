"""Work on some rows of an array at a time, on the device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Shaped


def in_blocks(function: Callable[..., Any], x: Shaped[Array, "n ..."], size: int) -> Any:
    """`function(x)`, which takes rows one by one, on `size` rows at a time: all of its intermediate arrays may not fit in memory."""
    if len(x) <= size:
        return function(x)
    count = -(-len(x) // size)
    padded = jnp.concatenate([x, x[: count * size - len(x)]])
    found = jax.lax.map(function, padded.reshape(count, size, *x.shape[1:]))
    return jax.tree.map(lambda leaf: leaf.reshape(count * size, *leaf.shape[2:])[: len(x)], found)
