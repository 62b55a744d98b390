"""Work on some rows of an array at a time, on the device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree, Shaped


def map_in_blocks(function: Callable[..., Any], rows: PyTree[Shaped[Array, ...]], size: int) -> Any:
    """`function(rows)`, which takes rows one by one, on `size` rows at a time: all of its intermediate arrays may not fit in memory.

    `rows` is an array [n, ...], or several, such as a batch.
    """
    total = len(jax.tree.leaves(rows)[0])
    if total <= size:
        return function(rows)
    count = -(-total // size)

    def blocks(leaf: Any) -> Any:
        padded = jnp.concatenate([leaf, leaf[: count * size - total]])
        return padded.reshape(count, size, *leaf.shape[1:])

    found = jax.lax.map(function, jax.tree.map(blocks, rows))
    return jax.tree.map(lambda leaf: leaf.reshape(count * size, *leaf.shape[2:])[:total], found)
