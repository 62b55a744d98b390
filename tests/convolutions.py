"""XLA's own convolutions: what those by patches are compared with."""

from __future__ import annotations

import functools

import jax
import numpy as np
import pytest


@pytest.fixture(autouse=True, scope="module")
def quick_compilation():
    """Compiling takes longer here than all there is to compute."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@functools.partial(jax.jit, static_argnums=2)
def reference(x, kernel, stride=1):
    """XLA's convolution, with `convolve`'s padding."""
    low = (kernel.shape[0] - stride) // 2
    padding = (low, kernel.shape[0] - stride - low)
    axes = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(x, kernel, (stride, stride), (padding, padding), dimension_numbers=axes)


@functools.partial(jax.jit, static_argnums=2)
def transposed_reference(x, kernel, stride):
    """XLA's transposed convolution of size 2 * stride, padded as PyTorch's `padding=stride / 2`."""
    padding = 2 * (2 * stride - 1 - stride // 2,)
    axes = ("NHWC", "HWIO", "NHWC")
    # XLA slides the kernel where a transposed convolution lays it down: the other way round.
    return jax.lax.conv_transpose(x, kernel[::-1, ::-1], (stride, stride), (padding, padding), dimension_numbers=axes)


def doubled(x):
    return x.repeat(2, axis=1).repeat(2, axis=2)


def averaged(x):
    n, height, width, channels = x.shape
    return x.reshape(n, height // 2, 2, width // 2, 2, channels).mean(axis=(2, 4))


def check_slopes(found, expected):
    for one, two in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-4 * np.abs(two).max())
