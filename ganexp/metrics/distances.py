"""Squared distances between many points, a block of rows at a time: all of them together may not fit in memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

BLOCK = 2**22
FAR = 1e15


def bounded(points: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Points whose coordinates lie within 10^15, and are so large where they are no numbers: their squares are finite.

    A generator may overflow where its weights do not: such a point is far from every other.
    """
    return np.clip(np.nan_to_num(points, nan=FAR), -FAR, FAR)


def squared_distances(
    x: Float[np.ndarray, "m d"], y: Float[np.ndarray, "n d"], most: int = BLOCK
) -> Iterator[tuple[slice, Float[np.ndarray, "rows n"]]]:
    """max(0, |x|^2 + |y|^2 - 2 x.y), some rows of `x` after another against all of `y`, with the rows' place; at most about `most` numbers at a time.

    In the dtype of `y`. Blocks share their memory: each is valid until the next, and may be overwritten.
    """
    x = x.astype(y.dtype, copy=False)
    norms = np.einsum("nd,nd->n", y, y)
    height = max(1, min(len(x), most // len(y)))
    memory = np.empty((height, len(y)), y.dtype)
    for start in range(0, len(x), height):
        rows = slice(start, min(start + height, len(x)))
        block = np.matmul(x[rows], y.T, out=memory[: rows.stop - start])
        block *= -2
        block += norms
        block += np.einsum("nd,nd->n", x[rows], x[rows])[:, None]
        yield rows, np.maximum(block, 0, out=block)
