"""Work on some rows of an array at a time, on the device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Shaped


def in_blocks(
    function: Callable[..., Any], x: Shaped[Array, "n ..."], size: int, *beside: Shaped[Array, "n ..."]
) -> Any:
    """`function(x, *beside)`, which takes rows one by one, on `size` rows at a time: all of its intermediate arrays may not fit in memory."""
    if len(x) <= size:
        return function(x, *beside)
    count = -(-len(x) // size)

    def blocks(rows: Any) -> Any:
        padded = jnp.concatenate([rows, rows[: count * size - len(rows)]])
        return padded.reshape(count, size, *rows.shape[1:])

    found = jax.lax.map(lambda rows: function(*rows), tuple(map(blocks, (x, *beside))))
    return jax.tree.map(lambda leaf: leaf.reshape(count * size, *leaf.shape[2:])[: len(x)], found)
