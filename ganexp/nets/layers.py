"""Layers that several networks are made of, and the functions one can choose for them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.nn import leaky_relu

from ganexp.nets.patches import convolve, convolve_averaged, convolve_transposed, convolve_upsampled

ACTIVATIONS = {
    "relu": jax.nn.relu,
    "leaky_relu": leaky_relu,
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "softplus": jax.nn.softplus,
    "elu": jax.nn.elu,
    "gelu": jax.nn.gelu,
    "silu": jax.nn.silu,
}
INITIALIZERS = {
    "he_normal": jax.nn.initializers.he_normal(),
    "he_uniform": jax.nn.initializers.he_uniform(),
    "glorot_normal": jax.nn.initializers.glorot_normal(),
    "glorot_uniform": jax.nn.initializers.glorot_uniform(),
    "lecun_normal": jax.nn.initializers.lecun_normal(),
    "lecun_uniform": jax.nn.initializers.lecun_uniform(),
    "fan_in_normal": jax.nn.initializers.variance_scaling(1.0, "fan_in", "normal"),
    "orthogonal": jax.nn.initializers.orthogonal(),
    "normal": jax.nn.initializers.normal(1.0),
    "uniform": lambda key, shape: jax.random.uniform(key, shape, minval=-1.0, maxval=1.0),
}
OUTPUTS = {"linear": lambda x: x, "tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid}
NORMALIZATIONS = ("none", "batch", "layer")


class Affine(nnx.Module):
    """A kernel [..., inputs, outputs] and a bias, applied as a matrix or as a convolution of images [n, h, w, inputs].

    The kernel starts from `gain` times `initializer`. With `spectral_norm` it is divided by an estimate of the largest
    singular value of the matrix [everything else, outputs]: one power iteration for each pass in training, from the
    vector the last one left (Miyato et al. 2018).
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        initializer: str,
        gain: Any,
        rngs: nnx.Rngs,
        bias: bool = True,
        spectral_norm: bool = False,
    ):
        # The numbers are set here, not by functions that Flax would keep, and with them a traced gain, among its static parts.
        self.kernel = nnx.Param(gain * INITIALIZERS[initializer](rngs.params(), shape))
        self.bias = nnx.Param(jnp.zeros(shape[-1])) if bias else None
        self.direction = nnx.BatchStat(_unit(jax.random.normal(rngs.params(), shape[-1:]))) if spectral_norm else None

    def dense(self, x: Any, train: bool) -> Any:
        """x [n, inputs] times the kernel."""
        return self._shifted(x @ self._weights(train))

    def convolve(self, x: Any, train: bool, stride: int = 1) -> Any:
        """To [n, h / stride, w / stride, outputs]."""
        return self._shifted(convolve(x, self._weights(train), stride))

    def convolve_transposed(self, x: Any, train: bool) -> Any:
        """To [n, 2 h, 2 w, outputs], with stride 2."""
        return self._shifted(convolve_transposed(x, self._weights(train), 2))

    def convolve_upsampled(self, x: Any, train: bool) -> Any:
        """To [n, 2 h, 2 w, outputs], with stride 1 after each pixel is doubled."""
        return self._shifted(convolve_upsampled(x, self._weights(train)))

    def convolve_averaged(self, x: Any, train: bool) -> Any:
        """To [n, h / 2, w / 2, outputs], with stride 1 before 2 x 2 places become their mean."""
        return self._shifted(convolve_averaged(x, self._weights(train)))

    def _weights(self, train: bool) -> Any:
        kernel = self.kernel[...]
        if self.direction is None:
            return kernel
        matrix = kernel.reshape(-1, kernel.shape[-1])
        fixed, right = jax.lax.stop_gradient(matrix), self.direction[...]
        left = _unit(fixed @ right)
        if train:
            self.direction[...] = right = _unit(left @ fixed)
        return kernel / (left @ (matrix @ right))

    def _shifted(self, x: Any) -> Any:
        return x if self.bias is None else x + self.bias[...].reshape((1,) * (x.ndim - 1) + (-1,))


def _unit(vector: Any) -> Any:
    return vector / (jnp.linalg.norm(vector) + 1e-12)


def normalization(kind: str, width: int, rngs: nnx.Rngs) -> nnx.Module | None:
    """The normalization `kind` of `width` units: over the batch, or over each point by itself."""
    if kind == "batch":
        return nnx.BatchNorm(width, rngs=rngs)
    return nnx.LayerNorm(width, rngs=rngs) if kind == "layer" else None


def image_normalization(kind: str, channels: int, rngs: nnx.Rngs) -> nnx.Module | None:
    """As `normalization`, of images: `batch` by channel over the batch and all places, `layer` over all of each image."""
    return (
        nnx.LayerNorm(channels, reduction_axes=(1, 2, 3), rngs=rngs)
        if kind == "layer"
        else normalization(kind, channels, rngs)
    )


def normalized(layer: nnx.Module | None, x: Any, train: bool) -> Any:
    """x after the layer that `normalization` made."""
    if isinstance(layer, nnx.BatchNorm):
        return layer(x, use_running_average=not train)
    return x if layer is None else layer(x)


def dropped(x: Any, share: Any, key: Any, number: int, train: bool) -> Any:
    """x with a `share` of its units at 0 and the others larger, so that the mean stays; only in training.

    `number` is the layer's: each draws its own.
    """
    if share is None or not train:
        return x
    # Flax's own Dropout branches on its rate in Python; a swept rate is traced.
    kept = jax.random.bernoulli(jax.random.fold_in(key, number), 1 - share, x.shape)
    # A division by a traced number is compiled as one, or as a product, by what stands around it: lanes would round otherwise.
    return jnp.where(kept, x * (1 / (1 - share)), 0)
