"""Maxout networks (Goodfellow et al. 2013), the first GANs' discriminators."""

from __future__ import annotations

import itertools
import math
from typing import Any

import jax
from flax import nnx

from ganexp.component import component, setting
from ganexp.nets.layers import INITIALIZERS, Affine, dropped
from ganexp.nets.pure import pure
from ganexp.nets.size import Size
from ganexp.parts import Architecture
from ganexp.types import Batch, Net


@component
class Maxout(Architecture):
    """`depth` hidden layers of `width` units, each the largest of `pieces` linear functions, then a linear layer.

    Weights start from `gain` times `initializer`, biases from 0; `input_dropout` and `dropout` are the shares of inputs and of
    hidden units dropped (None: no dropout). As it stands, the discriminator of Goodfellow et al. (2014) for MNIST.
    """

    depth: int = setting(2, least=0, most=1000)
    width: int = setting(240, least=1)
    pieces: int = setting(5, least=1)
    input_dropout: float | None = setting(0.2, least=0, below=1)
    dropout: float | None = setting(0.5, least=0, below=1)
    initializer: str = setting("uniform", options=INITIALIZERS)
    gain: float = setting(0.005, above=0)

    def net(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Net:
        def forward(net: MaxoutLayers, batch: Batch, key: Any, train: bool) -> Any:
            x = dropped(batch.x.reshape(len(batch.x), -1), self.input_dropout, key, 0, train)
            for number, layer in enumerate(net.hidden, start=1):
                x = layer.dense(x, train).reshape(x.shape[0], self.pieces, self.width).max(axis=1)
                x = dropped(x, self.dropout, key, number, train)
            return net.last.dense(x, train).reshape(x.shape[0], *outputs), x

        return pure(
            (jax.tree.structure(self), inputs, outputs),
            lambda rngs: MaxoutLayers(self, math.prod(inputs), math.prod(outputs), rngs),
            forward,
        )

    def size(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Size:
        hidden = self.pieces * self.width
        widths = [math.prod(inputs), *[self.width] * self.depth]
        parameters = sum((one + 1) * hidden for one in widths[:-1]) + (widths[-1] + 1) * math.prod(outputs)
        ends = math.prod(outputs)
        return Size(parameters, self.depth * (hidden + self.width) + ends, max(hidden if self.depth else 0, ends))


class MaxoutLayers(nnx.Module):
    """The layers of a `Maxout` from `inputs` to `outputs` numbers; a hidden layer's units lie piece by piece."""

    def __init__(self, settings: Maxout, inputs: int, outputs: int, rngs: nnx.Rngs):
        def layer(inputs: int, outputs: int) -> Affine:
            return Affine((inputs, outputs), settings.initializer, settings.gain, rngs)

        widths = [inputs, *[settings.width] * settings.depth]
        self.hidden = nnx.List([layer(one, settings.pieces * two) for one, two in itertools.pairwise(widths)])
        self.last = layer(widths[-1], outputs)
