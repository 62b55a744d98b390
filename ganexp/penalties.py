"""Terms added to a player's loss, and sets its weights are kept in."""

from __future__ import annotations

from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key, PyTree

from ganexp.component import component, setting
from ganexp.parts import Game, Penalty
from ganexp.types import DISCRIMINATOR, Parameters, Scalar


@component
class R1(Penalty):
    """(weight / 2) E |grad D(x)|^2 on real points, of the logit (Mescheder et al. 2018)."""

    players: ClassVar = (DISCRIMINATOR,)

    weight: float = setting(0.1, least=0)

    def term(self, game: Game, memory: PyTree | None, key: Key[Array, ""]) -> Scalar:
        gradients = jax.grad(lambda points: game.critic(game.real._replace(x=points)).logits.sum())(game.real.x)
        return 0.5 * self.weight * (gradients**2).sum() / len(game.real.x)


@component
class WeightClipping(Penalty):
    """Each weight of the player is kept in [-bound, bound] (Arjovsky et al. 2017)."""

    bound: float = setting(0.01, above=0)

    def project(self, params: Parameters) -> Parameters:
        return jax.tree.map(lambda weight: jnp.clip(weight, -self.bound, self.bound), params)


@component
class Lecam(Penalty):
    """weight (E |D(x) - f|^2 + E |D(G(z)) - r|^2), of logits; r and f are their means on real and generated points over the updates so far,
    m <- `decay` m + (1 - `decay`) E D from 0 (Tseng et al. 2021)."""

    players: ClassVar = (DISCRIMINATOR,)

    weight: float = setting(0.1, least=0)
    decay: float = setting(0.99, least=0, below=1)

    def init(self, params: Parameters) -> PyTree:
        return {"real": jnp.zeros(()), "fake": jnp.zeros(())}

    def term(self, game: Game, memory: PyTree | None, key: Key[Array, ""]) -> Scalar:
        assert memory is not None
        real, fake = game.scores.real.logits, game.scores.fake.logits
        return self.weight * (((real - memory["fake"]) ** 2).mean() + ((fake - memory["real"]) ** 2).mean())

    def remember(self, game: Game, memory: PyTree) -> PyTree:
        means = {"real": game.scores.real.logits.mean(), "fake": game.scores.fake.logits.mean()}
        return jax.tree.map(lambda mean, new: self.decay * mean + (1 - self.decay) * new, memory, means)
