"""The multi-layer perceptron, for either player."""

from __future__ import annotations

import itertools
import math
from typing import Any

import jax
from flax import nnx
from jax.nn import leaky_relu

from ganexp.component import component, setting
from ganexp.nets.layers import ACTIVATIONS, INITIALIZERS, NORMALIZATIONS, OUTPUTS, dropped, normalization, normalized
from ganexp.nets.pure import pure
from ganexp.nets.size import Size
from ganexp.parts import Architecture
from ganexp.types import Batch, Net


@component
class Mlp(Architecture):
    """`depth` hidden layers of `width` units, then a linear layer and the `output` function.

    Weights start from `gain` times `initializer` (for `normal` and `uniform`, of deviation or bound 1), biases from 0, the
    last layer's from `output_bias`. `slope` is leaky_relu's; `dropout` the share of units dropped after each hidden layer
    (None: no dropout); `features` the width of a linear layer before the last (None: no such layer).
    """

    depth: int = setting(2, least=0, most=1000)
    width: int = setting(64, least=1)
    activation: str = setting("relu", options=ACTIVATIONS)
    slope: float = 0.2
    initializer: str = setting("he_normal", options=INITIALIZERS)
    gain: float = setting(1.0, above=0)
    normalization: str = setting("none", options=NORMALIZATIONS)
    dropout: float | None = setting(None, least=0, below=1)
    features: int | None = setting(None, least=1)
    output: str = setting("linear", options=OUTPUTS)
    output_bias: float = 0.0

    def net(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Net:
        structure = (jax.tree.structure(self), inputs, outputs)
        return pure(
            structure,
            lambda rngs: Perceptron(self, math.prod(inputs), math.prod(outputs), rngs),
            self._forward(outputs),
        )

    def size(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Size:
        before = [] if self.features is None else [self.features]
        widths = [math.prod(inputs), *[self.width] * self.depth, *before, math.prod(outputs)]
        parameters = sum(one * two + two for one, two in itertools.pairwise(widths))
        scales = 0 if self.normalization == "none" else 2 * self.width * self.depth
        return Size(parameters + scales, sum(widths[1:]), max(widths[1:]))

    def _forward(self, outputs: tuple[int, ...]) -> Any:
        activate = ACTIVATIONS[self.activation]

        def forward(net: Perceptron, batch: Batch, key: Any, train: bool) -> Any:
            x: Any = batch.x.reshape(len(batch.x), -1)
            for number, (layer, norm) in enumerate(zip(net.hidden, net.norms, strict=True)):
                x = normalized(norm, layer(x), train)
                x = leaky_relu(x, self.slope) if self.activation == "leaky_relu" else activate(x)
                x = dropped(x, self.dropout, key, number, train)
            if net.features is not None:
                x = net.features(x)
            return OUTPUTS[self.output](net.last(x)).reshape(x.shape[0], *outputs), x

        return forward


class Perceptron(nnx.Module):
    """The layers of an `Mlp` from `inputs` to `outputs` numbers."""

    def __init__(self, settings: Mlp, inputs: int, outputs: int, rngs: nnx.Rngs):
        widths = [inputs, *[settings.width] * settings.depth]
        self.hidden = nnx.List([_linear(settings, *pair, rngs) for pair in itertools.pairwise(widths)])
        self.norms = nnx.List([normalization(settings.normalization, width, rngs) for width in widths[1:]])
        self.features = _linear(settings, widths[-1], settings.features, rngs) if settings.features else None
        self.last = _linear(settings, settings.features or widths[-1], outputs, rngs)
        assert self.last.bias is not None
        self.last.bias[...] += settings.output_bias


def _linear(settings: Mlp, inputs: int, outputs: int, rngs: nnx.Rngs) -> nnx.Linear:
    layer = nnx.Linear(inputs, outputs, kernel_init=nnx.initializers.zeros, rngs=rngs)
    # Set here, not by `kernel_init`: Flax would keep the function, and with it a traced gain, among the static parts.
    layer.kernel[...] = settings.gain * INITIALIZERS[settings.initializer](rngs.params(), (inputs, outputs))
    return layer
