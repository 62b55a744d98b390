"""The network that tells digits apart, for metrics: no player of a GAN."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from ganexp.nets.patches import convolve
from ganexp.nets.pure import pure
from ganexp.types import Batch, Net

CLASSES = 10
FEATURES = 64
# Of the features below 0: with a slope of 0 a third of them are 0 for every image.
SLOPE = 0.1
# Size and channels of each convolution's kernels, its stride, and the side of the squares whose maximum goes on.
CONVOLUTIONS = ((5, 16, 2, 1), (3, 32, 1, 2), (3, 48, 2, 1))
# A frame around the 28 x 28 pixels, so that the side can be halved (LeCun et al. 1998); 32 / 2 / 2 / 2 is left at the end.
FRAME = 2
SIDE = 4


def classifier() -> Net:
    """The network from images [n,28,28] in [0, 1] to logits [n,10]; its features are the 64 units before them."""

    def forward(net: Classifier, batch: Batch, key: Any, train: bool) -> Any:
        x: Any = jnp.pad(batch.x, ((0, 0), (FRAME, FRAME), (FRAME, FRAME)))[..., None]
        for layer, (_, _, stride, square) in zip(net.convolutions, CONVOLUTIONS, strict=True):
            x = _largest(jax.nn.relu(layer(x, stride)), square)
        features = jax.nn.leaky_relu(net.features(x.reshape(x.shape[0], -1)), SLOPE)
        return net.last(features), features

    return pure("classifier", Classifier, forward)


class Classifier(nnx.Module):
    """Three convolutions, a layer of features and one of logits."""

    def __init__(self, rngs: nnx.Rngs):
        he = nnx.initializers.he_normal()
        channels = [1, *[width for _, width, _, _ in CONVOLUTIONS]]
        self.convolutions = nnx.List(
            [
                Convolution(size, inputs, width, rngs)
                for (size, width, _, _), inputs in zip(CONVOLUTIONS, channels, strict=False)
            ]
        )
        self.features = nnx.Linear(SIDE * SIDE * channels[-1], FEATURES, kernel_init=he, rngs=rngs)
        self.last = nnx.Linear(FEATURES, CLASSES, rngs=rngs)


class Convolution(nnx.Module):
    """`outputs` kernels of `size` x `size` x `inputs`, each with a bias."""

    def __init__(self, size: int, inputs: int, outputs: int, rngs: nnx.Rngs):
        self.kernel = nnx.Param(nnx.initializers.he_normal()(rngs.params(), (size, size, inputs, outputs)))
        self.bias = nnx.Param(jnp.zeros(outputs))

    def __call__(self, x: Any, stride: int) -> Any:
        return convolve(x, self.kernel[...], stride) + self.bias[...].reshape(1, 1, 1, -1)


def _largest(x: Any, side: int) -> Any:
    n, height, width, channels = x.shape
    return x.reshape(n, height // side, side, width // side, side, channels).max(axis=(2, 4))
