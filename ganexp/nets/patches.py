"""Convolutions as patches times a matrix, which XLA on a CPU runs several times faster in a loop than its own.

With kernel w of size k, stride s and `low` zeros before the first row and column,

    y[i] = sum_u x[s i + u - low] w[u],

in both coordinates. The convolution, its transpose and the kernel's gradient are the three slopes of the one trilinear
form <y, z>; each has the other two as its own slopes. Left to itself JAX would add up shifted copies instead.
"""

from __future__ import annotations

import functools
import itertools
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def convolve(x: Float[Array, "n h w c"], kernel: Float[Array, "k k c o"], stride: int = 1) -> Float[Array, "n H W o"]:
    """The cross-correlation of `x` with `kernel`, padded with zeros to (h / stride, w / stride) places.

    The padding is split as evenly as can be, the odd one at the end; h and w are multiples of the stride.
    """
    low, kernel = _fitted(kernel, stride)
    return _convolve(x, kernel, stride, low)


def convolve_transposed(
    x: Float[Array, "n h w c"], kernel: Float[Array, "k k c o"], stride: int
) -> Float[Array, "n H W o"]:
    """The transpose of `convolve` with the same kernel, its channels swapped: x[i] kernel[u] added up at stride i + u - low."""
    low, kernel = _fitted(kernel, stride)
    return _spread(x, kernel.swapaxes(2, 3), stride, low)


def convolve_upsampled(x: Float[Array, "n h w c"], kernel: Float[Array, "k k c o"]) -> Float[Array, "n H W o"]:
    """`convolve` of `x` with each pixel doubled in both directions, for odd k: one transposed convolution of size k + 1."""
    return convolve_transposed(x, _boxed(kernel)[::-1, ::-1], 2)


def convolve_averaged(x: Float[Array, "n h w c"], kernel: Float[Array, "k k c o"]) -> Float[Array, "n H W o"]:
    """The means of `convolve` over 2 x 2 places, for odd k: one convolution of size k + 1 and stride 2."""
    return convolve(x, _boxed(kernel) / 4, 2)


def _boxed(kernel: Any) -> Any:
    # The sum of the kernel's four copies, each shifted by 0 or 1 in both directions.
    sides = ((0, 1), (1, 0))
    return sum(jnp.pad(kernel, (rows, columns, (0, 0), (0, 0))) for rows in sides for columns in sides)


def _fitted(kernel: Any, stride: int) -> tuple[int, Any]:
    # Zeros at the end make the size a multiple of the stride, and change nothing.
    size = kernel.shape[0]
    extra = -size % stride
    low = (size - stride) // 2
    return low, jnp.pad(kernel, ((0, extra), (0, extra), (0, 0), (0, 0))) if extra else kernel


def _windows(x: Any, size: int, stride: int, low: int) -> Any:
    """What the kernel sees at each place: [n * H * W, size * size * c]."""
    n, height, width, channels = x.shape
    rows, columns, reach = height // stride, width // stride, size // stride
    high = size - stride - low
    x = jnp.pad(x, ((0, 0), (low, high), (low, high), (0, 0)))
    # As many columns as the stride lie side by side in memory: fewer and longer pieces to copy.
    x = x.reshape(n, rows + reach - 1, stride, columns + reach - 1, stride * channels)
    pieces = [
        x[:, i : i + rows, offset, j : j + columns]
        for i in range(reach)
        for offset in range(stride)
        for j in range(reach)
    ]
    return jnp.concatenate(pieces, axis=-1).reshape(n * rows * columns, size * size * channels)


def _flipped(kernel: Any) -> Any:
    return kernel[::-1, ::-1].swapaxes(2, 3)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _convolve(x: Any, kernel: Any, stride: int, low: int) -> Any:
    size, _, channels, outputs = kernel.shape
    if stride == 1 and outputs < channels:
        # The same sum from the other side: products are fewer numbers than windows.
        return _spread(x, _flipped(kernel), 1, size - 1 - low)
    n, height, width, _ = x.shape
    y = _windows(x, size, stride, low) @ kernel.reshape(size * size * channels, outputs)
    return y.reshape(n, height // stride, width // stride, outputs)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _spread(z: Any, kernel: Any, stride: int, low: int) -> Any:
    """The transpose in x of `_convolve`: from [n, H, W, o] with kernel [k, k, c, o] to [n, h, w, c]."""
    n, rows, columns, outputs = z.shape
    size, _, channels, _ = kernel.shape
    reach = size // stride
    # The output in blocks of stride x stride: block I adds up z[I - a] kernel[a] over a. These are the blocks it touches.
    first = low // stride
    tall, wide = ((low + stride * places - 1) // stride - first + 1 for places in (rows, columns))
    # Whichever holds fewer numbers between its steps.
    make = _summed_blocks if size * size * channels < reach * reach * outputs else _gathered_blocks
    blocks = make(z, kernel.reshape(reach, stride, reach, stride, channels, outputs), first, tall, wide)
    x = blocks.transpose(0, 1, 3, 2, 4, 5).reshape(n, tall * stride, wide * stride, channels)
    start = low - first * stride
    return x[:, start : start + rows * stride, start : start + columns * stride]


def _summed_blocks(z: Any, kernel: Any, first: int, tall: int, wide: int) -> Any:
    # Products, then a sum of shifted ones.
    n, rows, columns, outputs = z.shape
    reach, stride, _, _, channels, _ = kernel.shape
    y = z.reshape(-1, outputs) @ kernel.reshape(-1, outputs).T
    y = y.reshape(n, rows, columns, reach, stride, reach, stride, channels)
    blocks = jnp.zeros((n, tall, wide, stride, stride, channels), z.dtype)
    for a, b in itertools.product(range(reach), repeat=2):
        edges = [(a - first, tall - rows - a + first, 0), (b - first, wide - columns - b + first, 0)]
        blocks += jax.lax.pad(y[:, :, :, a, :, b], jnp.zeros((), z.dtype), [(0, 0, 0), *edges, *[(0, 0, 0)] * 3])
    return blocks


def _gathered_blocks(z: Any, kernel: Any, first: int, tall: int, wide: int) -> Any:
    # Windows, then one product.
    n, rows, columns, outputs = z.shape
    reach, stride, _, _, channels, _ = kernel.shape
    before = reach - 1 - first
    z = jnp.pad(z, ((0, 0), (before, tall - rows + first), (before, wide - columns + first), (0, 0)))
    starts = itertools.product(range(reach - 1, -1, -1), repeat=2)
    windows = jnp.concatenate([z[:, i : i + tall, j : j + wide] for i, j in starts], axis=-1)
    matrix = kernel.transpose(0, 2, 5, 1, 3, 4).reshape(reach * reach * outputs, stride * stride * channels)
    return (windows.reshape(n * tall * wide, -1) @ matrix).reshape(n, tall, wide, stride, stride, channels)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def _correlate(x: Any, z: Any, size: int, stride: int, low: int) -> Any:
    """The kernel's gradient: sum_i x[s i + u - low] z[i], from [n, h, w, c] and [n, H, W, o] to [k, k, c, o]."""
    channels, outputs = x.shape[-1], z.shape[-1]
    if stride == 1 and outputs < channels:
        return _flipped(_correlate(z, x, size, 1, size - 1 - low))
    windows, z = _windows(x, size, stride, low), z.reshape(-1, outputs)
    if outputs >= windows.shape[1]:
        return (windows.T @ z).reshape(size, size, channels, outputs)
    # XLA is quicker where the smaller factor is transposed; without the barrier it would turn the product round again.
    return jax.lax.optimization_barrier(z.T @ windows).T.reshape(size, size, channels, outputs)


def _convolve_forward(x: Any, kernel: Any, stride: int, low: int) -> Any:
    return _convolve(x, kernel, stride, low), (x, kernel)


def _convolve_backward(stride: int, low: int, kept: Any, z: Any) -> Any:
    x, kernel = kept
    return _spread(z, kernel, stride, low), _correlate(x, z, kernel.shape[0], stride, low)


def _spread_forward(z: Any, kernel: Any, stride: int, low: int) -> Any:
    return _spread(z, kernel, stride, low), (z, kernel)


def _spread_backward(stride: int, low: int, kept: Any, x: Any) -> Any:
    z, kernel = kept
    return _convolve(x, kernel, stride, low), _correlate(x, z, kernel.shape[0], stride, low)


def _correlate_forward(x: Any, z: Any, size: int, stride: int, low: int) -> Any:
    return _correlate(x, z, size, stride, low), (x, z)


def _correlate_backward(size: int, stride: int, low: int, kept: Any, kernel: Any) -> Any:
    x, z = kept
    return _spread(z, kernel, stride, low), _convolve(x, kernel, stride, low)


_convolve.defvjp(_convolve_forward, _convolve_backward)
_spread.defvjp(_spread_forward, _spread_backward)
_correlate.defvjp(_correlate_forward, _correlate_backward)
