"""The game on one minibatch, where everything has a closed form."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from ganexp.component import arrays
from ganexp.game import update
from ganexp.training import draw, init
from ganexp.types import DISCRIMINATOR, GENERATOR

THETA, PSI, SIZE = 0.8, 1.5, 4


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("words", [(), ("gradient=[unrolled]", "gradient.unrolled.steps=1")], ids=["plain", "ruled"])
def test_a_loss_pulls_generated_points_down_its_gradient(composed, words):
    # The Dirac-GAN: G(z) = theta and D(x) = sigmoid(psi x), of which each point is one of `SIZE`.
    experiment = composed(
        "dataset=dirac", "loss=non_saturating", "penalty=[]", "schedule=[]", "optimizer=sgd", "optimizer.momentum=null",
        "optimizer.nesterov=false", "optimizer.learning_rate=0.3", f"batch_size={SIZE}",
        f"model.generator.start={THETA}", f"model.discriminator.start={PSI}", *words,
    )  # fmt: skip
    experiment, psi = arrays(experiment), PSI
    state = init(experiment)
    draws = jax.tree.map(lambda leaf: leaf[0], draw(experiment, (), state.step))
    single = jax.jit(update, static_argnums=1)
    # L_D = ... - log(1 - D(G(z))) falls as generated points get a lower D.
    found = single(experiment, DISCRIMINATOR, state, draws)[1].pull
    np.testing.assert_allclose(found, np.full((SIZE, 1), -sigmoid(psi * THETA) * psi / SIZE), rtol=1e-5)
    if words:
        # Real points lie at 0: only generated ones move psi.
        psi -= 0.3 * THETA * sigmoid(psi * THETA)
    # L_G = -log D(G(z)) falls as they get a higher D.
    found = single(experiment, GENERATOR, state, draws)[1].pull
    np.testing.assert_allclose(found, np.full((SIZE, 1), sigmoid(-psi * THETA) * psi / SIZE), rtol=1e-5)
