"""Terms that need the discriminator as a function, and sets its weights are kept in."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ganexp.component import component, setting
from ganexp.types import Batch, Parameters, Penalty, Scalar


@component
class R1(Penalty):
    """(weight / 2) E |grad D(x)|^2 on real points, of the logit (Mescheder et al. 2018)."""

    weight: float = setting(0.1, least=0)

    def term(
        self, critic: Callable[[Batch], Float[Array, " n"]], real: Batch, fake: Batch, key: Key[Array, ""]
    ) -> Scalar:
        del fake, key
        slopes = jax.grad(lambda points: critic(real._replace(x=points)).sum())(real.x)
        return 0.5 * self.weight * (slopes**2).sum() / len(real.x)


@component
class WeightClipping(Penalty):
    """Each weight of the discriminator is kept in [-bound, bound] (Arjovsky et al. 2017)."""

    bound: float = setting(0.01, above=0)

    def project(self, params: Parameters) -> Parameters:
        return jax.tree.map(lambda weight: jnp.clip(weight, -self.bound, self.bound), params)
