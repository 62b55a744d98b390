"""The multi-layer perceptron, for either player."""

from __future__ import annotations

import itertools
import math
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.nn import leaky_relu

from ganexp.component import component, setting
from ganexp.nets.pure import pure
from ganexp.types import Architecture, Net

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


@component
class Mlp(Architecture):
    """`depth` hidden layers of `width` units, then a linear layer and the `output` function.

    Weights start from `gain` times `initializer` (for `normal` and `uniform`, of deviation or bound 1), biases from 0.
    `slope` is leaky_relu's; `dropout` the share of units dropped after each hidden layer (None: no dropout);
    `features` the width of a linear layer before the last, whose values are drawn (None: no such layer).
    """

    depth: int = setting(2, least=0)
    width: int = setting(64, least=1)
    activation: str = setting("relu", options=ACTIVATIONS)
    slope: float = 0.2
    initializer: str = setting("he_normal", options=INITIALIZERS)
    gain: float = setting(1.0, above=0)
    normalization: str = setting("none", options=NORMALIZATIONS)
    dropout: float | None = setting(None, least=0, below=1)
    features: int | None = setting(None, least=1)
    output: str = setting("linear", options=OUTPUTS)

    def net(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Net:
        structure = (jax.tree.structure(self), inputs, outputs)
        return pure(
            structure,
            lambda rngs: Perceptron(self, math.prod(inputs), math.prod(outputs), rngs),
            self._forward(outputs),
        )

    def _forward(self, outputs: tuple[int, ...]) -> Any:
        activate = ACTIVATIONS[self.activation]

        def forward(net: Perceptron, x: Any, key: Any, train: bool) -> Any:
            x = x.reshape(x.shape[0], -1)
            for number, (layer, norm) in enumerate(zip(net.hidden, net.norms, strict=True)):
                x = layer(x)
                if isinstance(norm, nnx.BatchNorm):
                    x = norm(x, use_running_average=not train)
                elif norm is not None:
                    x = norm(x)
                x = leaky_relu(x, self.slope) if self.activation == "leaky_relu" else activate(x)
                if self.dropout is not None and train:
                    # Flax's own Dropout branches on its rate in Python; a swept rate is traced.
                    kept = jax.random.bernoulli(jax.random.fold_in(key, number), 1 - self.dropout, x.shape)
                    x = jnp.where(kept, x / (1 - self.dropout), 0)
            features = None
            if net.features is not None:
                x = features = net.features(x)
            return OUTPUTS[self.output](net.last(x)).reshape(x.shape[0], *outputs), features

        return forward


class Perceptron(nnx.Module):
    """The layers of an `Mlp` from `inputs` to `outputs` numbers."""

    def __init__(self, settings: Mlp, inputs: int, outputs: int, rngs: nnx.Rngs):
        widths = [inputs, *[settings.width] * settings.depth]
        self.hidden = nnx.List([_linear(settings, *pair, rngs) for pair in itertools.pairwise(widths)])
        self.norms = nnx.List([_norm(settings.normalization, width, rngs) for width in widths[1:]])
        self.features = _linear(settings, widths[-1], settings.features, rngs) if settings.features else None
        self.last = _linear(settings, settings.features or widths[-1], outputs, rngs)


def _linear(settings: Mlp, inputs: int, outputs: int, rngs: nnx.Rngs) -> nnx.Linear:
    layer = nnx.Linear(inputs, outputs, kernel_init=nnx.initializers.zeros, rngs=rngs)
    # Set here, not by `kernel_init`: Flax would keep the function, and with it a traced gain, among the static parts.
    layer.kernel[...] = settings.gain * INITIALIZERS[settings.initializer](rngs.params(), (inputs, outputs))
    return layer


def _norm(kind: str, width: int, rngs: nnx.Rngs) -> nnx.Module | None:
    if kind == "batch":
        return nnx.BatchNorm(width, rngs=rngs)
    return nnx.LayerNorm(width, rngs=rngs) if kind == "layer" else None
