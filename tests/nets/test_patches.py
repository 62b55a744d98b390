"""Convolutions by patches, and their slopes, against XLA's own."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from convolutions import averaged, check_slopes, doubled, quick_compilation, reference, transposed_reference

from ganexp.nets.patches import convolve, convolve_averaged, convolve_transposed, convolve_upsampled

__all__ = ["quick_compilation"]

KEY = jax.random.key(5)
IMAGES = jax.random.normal(KEY, (6, 8, 12, 3))


def slopes(function, x, kernel):
    """A function's value, its gradients, and the gradients of their squares: penalties on slopes need these."""
    weights = jnp.cos(jnp.arange(jax.eval_shape(function, x, kernel).size))

    def cost(x, kernel):
        return (jnp.tanh(function(x, kernel)).ravel() * weights).sum()

    def square(x, kernel):
        return sum((leaf**2).sum() for leaf in jax.grad(cost, (0, 1))(x, kernel))

    return jax.jit(lambda *pair: (function(*pair), jax.grad(cost, (0, 1))(*pair), jax.grad(square, (0, 1))(*pair)))(
        x, kernel
    )


# Few and many channels on either side: the same sum is taken in different orders.
@pytest.mark.parametrize(
    ("size", "stride", "channels", "outputs"),
    [(4, 2, 3, 5), (4, 2, 9, 1), (3, 1, 2, 3), (4, 1, 3, 2), (5, 2, 2, 3)],
)
def test_a_convolution_and_its_slopes_are_xlas(size, stride, channels, outputs):
    one, two = jax.random.split(KEY)
    x = jax.random.normal(one, (2, 4, 6, channels))
    kernel = jax.random.normal(two, (size, size, channels, outputs))
    found = slopes(lambda x, kernel: convolve(x, kernel, stride), x, kernel)
    check_slopes(found, slopes(lambda x, kernel: reference(x, kernel, stride), x, kernel))


@pytest.mark.parametrize(("channels", "outputs"), [(5, 3), (9, 1), (1, 4)])
def test_a_transposed_convolution_and_its_slopes_are_xlas(channels, outputs):
    one, two = jax.random.split(KEY)
    x, kernel = jax.random.normal(one, (2, 3, 4, channels)), jax.random.normal(two, (4, 4, channels, outputs))
    found = slopes(lambda x, kernel: convolve_transposed(x, kernel, 2), x, kernel)
    assert found[0].shape == (2, 6, 8, outputs)
    check_slopes(found, slopes(lambda x, kernel: transposed_reference(x, kernel, 2), x, kernel))


@pytest.mark.parametrize(("size", "stride"), [(5, 2), (3, 3)])
def test_a_transposed_convolution_is_the_transpose(size, stride):
    one, two, three = jax.random.split(KEY, 3)
    x, kernel = jax.random.normal(one, (2, 6, 6, 3)), jax.random.normal(two, (size, size, 3, 2))
    y = jax.jit(convolve, static_argnums=2)(x, kernel, stride)
    z = jax.random.normal(three, y.shape)
    back = jax.jit(convolve_transposed, static_argnums=2)(z, kernel.swapaxes(2, 3), stride)
    np.testing.assert_allclose((y * z).sum(), (x * back).sum(), rtol=1e-4)


@pytest.mark.parametrize("size", [1, 3])
def test_convolutions_between_sizes_are_those_beside_a_doubling_and_a_mean(size):
    kernel = jax.random.normal(KEY, (size, size, 3, 4))
    np.testing.assert_allclose(
        jax.jit(convolve_upsampled)(IMAGES, kernel), reference(doubled(IMAGES), kernel), rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(
        jax.jit(convolve_averaged)(IMAGES, kernel), averaged(reference(IMAGES, kernel)), rtol=1e-4, atol=1e-5
    )
