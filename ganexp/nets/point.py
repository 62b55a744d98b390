"""The two players of the Dirac-GAN (Mescheder et al. 2018): one number each."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import jax.numpy as jnp
from flax import nnx

from ganexp.component import component
from ganexp.nets.pure import pure
from ganexp.nets.size import Size
from ganexp.parts import Architecture
from ganexp.types import Batch, Net


@component
class Point(Architecture):
    """A generator that puts all its mass on one point theta, whatever the noise; every coordinate starts at `start`.

    It has no hidden layer: its features are the noise.
    """

    reads: ClassVar[str | None] = None

    start: float = 1.0

    def net(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Net:
        def forward(net: Weights, batch: Batch, key: Any, train: bool) -> Any:
            features = batch.x.reshape(len(batch.x), -1)
            return jnp.broadcast_to(net.value[...], (len(batch.x), math.prod(outputs))).reshape(-1, *outputs), features

        return pure(("point", outputs), lambda rngs: Weights(math.prod(outputs), self.start), forward)

    def size(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Size:
        return Size(*[math.prod(outputs)] * 3)


@component
class Linear(Architecture):
    """A discriminator psi * x without a bias; every coordinate of psi starts at `start`. Its features are x."""

    start: float = 1.0

    def net(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Net:
        def forward(net: Weights, batch: Batch, key: Any, train: bool) -> Any:
            features = batch.x.reshape(len(batch.x), -1)
            return (features @ net.value[...]).reshape(-1, *outputs), features

        return pure(("linear", inputs), lambda rngs: Weights(math.prod(inputs), self.start), forward)

    def size(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Size:
        return Size(math.prod(inputs), math.prod(outputs), math.prod(outputs))


class Weights(nnx.Module):
    """One vector of `size` weights that start at `start`."""

    def __init__(self, size: int, start: Any):
        self.value = nnx.Param(jnp.full(size, start, jnp.float32))
