"""Discrete outputs: what becomes of a generator's probabilities where the data are 0 or 1."""

from __future__ import annotations

from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ganexp.component import component, setting
from ganexp.parts import Output

SMALLEST = 1e-6


def hard(x: Float[Array, "n ..."]) -> Float[Array, "n ..."]:
    """1 where x > 1/2, else 0."""
    return (x > 0.5).astype(x.dtype)


@component
class Soft(Output):
    """The network's own numbers, always."""

    discrete: ClassVar[bool] = False

    def emitted(self, x: Float[Array, "n ..."], key: Key[Array, ""], train: bool) -> Float[Array, "n ..."]:
        return x


@component
class Threshold(Output):
    """Probabilities in training; 1 where they exceed 1/2, else 0, in evaluations and pictures."""

    def emitted(self, x: Float[Array, "n ..."], key: Key[Array, ""], train: bool) -> Float[Array, "n ..."]:
        return x if train else hard(x)


@component
class StraightThrough(Output):
    """1 where the probability exceeds 1/2, else 0; the gradient passes as if nothing had happened (Bengio et al. 2013)."""

    def emitted(self, x: Float[Array, "n ..."], key: Key[Array, ""], train: bool) -> Float[Array, "n ..."]:
        return _straight_through(x) if train else hard(x)


@component
class GumbelSigmoid(Output):
    """sigmoid((logit p + logistic noise) / `temperature`) in training (Jang et al. 2017; Maddison et al. 2017), rounded to
    0 or 1 with a straight-through gradient; p > 1/2 in evaluations and pictures."""

    temperature: float = setting(0.5, above=0)

    def emitted(self, x: Float[Array, "n ..."], key: Key[Array, ""], train: bool) -> Float[Array, "n ..."]:
        if not train:
            return hard(x)
        p = jnp.clip(x, SMALLEST, 1 - SMALLEST)
        logits = jnp.log(p) - jnp.log1p(-p)
        relaxed = jax.nn.sigmoid((logits + jax.random.logistic(key, x.shape)) / self.temperature)
        return _straight_through(relaxed)


def _straight_through(x: Float[Array, "n ..."]) -> Float[Array, "n ..."]:
    # Written so that the value is exactly 0 or 1: x + (hard - x) may round to something between.
    return jax.lax.stop_gradient(hard(x)) + (x - jax.lax.stop_gradient(x))
