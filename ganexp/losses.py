"""The players' losses, on logits; D(x) = sigmoid(logit) unless the loss says otherwise.

`softplus(-a) = -log D` and `softplus(a) = -log(1 - D)` neither overflow nor lose digits, however sure the discriminator is.
"""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax.nn import softplus
from jaxtyping import Float

from ganexp.component import component, setting
from ganexp.types import RECONSTRUCTOR, Loss, Scalar, Scores


@component
class CrossEntropy(Loss):
    """Base: the discriminator's loss J_D = -E log D(x) - E log(1 - D(G(z))) (Goodfellow et al. 2014)."""

    def discriminator(self, scores: Scores) -> Scalar:
        return self.real_weight * softplus(-scores.real.logits).mean() + softplus(scores.fake.logits).mean()

    def output(self, logits: Float[Any, "*n"]) -> Float[Any, "*n"]:
        return jax.nn.sigmoid(logits)


@component
class Minimax(CrossEntropy):
    """J_G = -J_D: the zero-sum game, which saturates where D is sure (Goodfellow et al. 2014)."""

    def generator(self, scores: Scores) -> Scalar:
        return -self.discriminator(scores)


@component
class NonSaturating(CrossEntropy):
    """J_G = -E log D(G(z)): strong gradients where D is sure (Goodfellow et al. 2014)."""

    def generator(self, scores: Scores) -> Scalar:
        return softplus(-scores.fake.logits).mean()


@component
class MaximumLikelihood(CrossEntropy):
    """J_G = -E exp(logit of G(z)): with an optimal D, the gradient of KL(data || model) (Goodfellow 2014, 2016)."""

    def generator(self, scores: Scores) -> Scalar:
        return -jnp.exp(scores.fake.logits).mean()


@component
class FeatureMatching(CrossEntropy):
    """J_G = ||E f(x) - E f(G(z))||^2, where f are the units of D's last hidden layer (Salimans et al. 2016)."""

    def generator(self, scores: Scores) -> Scalar:
        return ((scores.real.features.mean(axis=0) - scores.fake.features.mean(axis=0)) ** 2).sum()


@component
class Veegan(CrossEntropy):
    """J_G = -E logit of (G(z), z) + w E ||z - F(G(z))||^2 and J_F = w E ||z - F(G(z))||^2, where F is the reconstructor; D tells (x, F(x)) of
    real points from (G(z), z), so that its logit estimates log p_F(x, z) / p_G(x, z) (Srivastava et al. 2017, algorithm 1, with w = 1)."""

    players: ClassVar = (*CrossEntropy.players, RECONSTRUCTOR)
    paired: ClassVar = RECONSTRUCTOR

    reconstruction_weight: float = setting(1.0, least=0)

    def generator(self, scores: Scores) -> Scalar:
        return self.reconstructor(scores) - scores.fake.logits.mean()

    def reconstructor(self, scores: Scores) -> Scalar:
        """The reconstructor's loss, before `scale`."""
        assert scores.noise is not None
        misses = scores.noise - scores.others_fake[RECONSTRUCTOR]
        return self.reconstruction_weight * (misses**2).sum(axis=1).mean()


@component
class LeastSquares(Loss):
    """J_D = E (a - 1)^2 + E b^2, J_G = E (b - 1)^2, where a, b are D(x), D(G(z)) or their logits (Mao et al. 2017)."""

    real_target: float = 1.0
    fake_target: float = 0.0
    generator_target: float = 1.0
    read: str = setting("logits", options=("logits", "probabilities"))

    def discriminator(self, scores: Scores) -> Scalar:
        real, fake = self.output(scores.real.logits), self.output(scores.fake.logits)
        return self.real_weight * ((real - self.real_target) ** 2).mean() + ((fake - self.fake_target) ** 2).mean()

    def generator(self, scores: Scores) -> Scalar:
        return ((self.output(scores.fake.logits) - self.generator_target) ** 2).mean()

    def output(self, logits: Float[Any, "*n"]) -> Float[Any, "*n"]:
        return logits if self.read == "logits" else jax.nn.sigmoid(logits)
