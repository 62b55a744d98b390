"""The discriminator of a tutorial on binarized MNIST, which is never sure."""

from __future__ import annotations

import math
from typing import Any

from ganexp.component import SettingError, component, setting
from ganexp.nets.layers import ACTIVATIONS, INITIALIZERS
from ganexp.nets.mlp import Mlp
from ganexp.nets.size import Size
from ganexp.parts import Architecture
from ganexp.types import Batch, Net


@component
class BoundedMlp(Architecture):
    """A perceptron that ends in two tanh units a and b and the first number of their softmax: its logit is a - b.

    The logit is within [-2, 2], and D(x) = sigmoid(a - b) within [0.119, 0.881]. The hidden layers' settings are those of
    `Mlp`; the features are (a, b).
    """

    depth: int = setting(1, least=0, most=1000)
    width: int = setting(500, least=1)
    activation: str = setting("tanh", options=ACTIVATIONS)
    initializer: str = setting("glorot_uniform", options=INITIALIZERS)
    gain: float = setting(1.0, above=0)

    def net(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Net:
        if math.prod(outputs) != 1:
            raise SettingError("", f"a bounded perceptron is a discriminator: it gives one number, not {outputs}")
        pair = self._pair().net(inputs, (2,))

        def apply(params: Any, stats: Any, batch: Batch, key: Any, train: bool) -> Any:
            both, _, stats = pair.apply(params, stats, batch, key, train)
            return (both[:, 0] - both[:, 1]).reshape(len(both), *outputs), both, stats

        return Net(pair.init, apply)

    def size(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Size:
        return self._pair().size(inputs, (2,))

    def _pair(self) -> Mlp:
        """The perceptron of a and b."""
        return Mlp(
            depth=self.depth,
            width=self.width,
            activation=self.activation,
            initializer=self.initializer,
            gain=self.gain,
            output="tanh",
        )
