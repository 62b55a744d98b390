"""Penalties against closed forms, and through the update that uses them."""

from __future__ import annotations

import dataclasses

import contracts
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganexp.component import arrays, component
from ganexp.game import discriminator_terms, judge, total
from ganexp.penalties import R1, WeightClipping
from ganexp.training import draw, init, train_step
from ganexp.types import DISCRIMINATOR, GENERATOR, Batch, Penalty

REAL, FAKE = (Batch(jnp.asarray(x, jnp.float32)) for x in np.random.default_rng(0).normal(size=(2, 32, 3)))
KEY = jax.random.key(0)
W = np.array([1.0, -2.0, 0.5], np.float32)
SMALL = (
    "batch_size=8", "model.generator.width=4", "model.discriminator.width=4", "optimizer=sgd", "updates.d_steps=1",
    "schedule=[]",
)  # fmt: skip


@pytest.mark.parametrize("weight", [0.0, 1.0, 10.0])
def test_r1_of_a_linear_critic_is_half_its_squared_slope(weight):
    # D(x) = w . x + 3: the slope is w everywhere.
    term = R1(weight=weight).term(lambda batch: batch.x @ W + 3, REAL, FAKE, KEY)
    np.testing.assert_allclose(term, weight / 2 * (W**2).sum(), rtol=1e-5)


def test_r1_of_a_quadratic_critic_is_its_mean_squared_slope_on_real_points():
    # D(x) = sum_i w_i x_i^2 / 2: the slope at x is w * x.
    def critic(batch):
        return 0.5 * (batch.x**2) @ W

    expected = 0.5 * 3 * ((W * np.asarray(REAL.x)) ** 2).sum(axis=1).mean()
    np.testing.assert_allclose(R1(weight=3.0).term(critic, REAL, FAKE, KEY), expected, rtol=1e-5)
    np.testing.assert_allclose(R1(weight=3.0).term(critic, REAL, Batch(FAKE.x + 100), KEY), expected, rtol=1e-5)


def test_r1_reads_points_of_any_shape():
    pictures = REAL.x.reshape(8, 4, 3)
    batch = Batch(pictures)
    term = R1(weight=2.0).term(lambda batch: (batch.x**2).sum(axis=(1, 2)), batch, batch, KEY)
    np.testing.assert_allclose(term, (4 * pictures**2).sum() / 8, rtol=1e-5)


def test_the_gradient_of_r1_is_that_of_its_closed_form():
    slope = jax.grad(lambda w: R1(weight=3.0).term(lambda batch: batch.x @ w, REAL, FAKE, KEY))(jnp.asarray(W))
    np.testing.assert_allclose(slope, 3 * W, rtol=1e-5)


def test_r1_moves_no_weight_by_itself():
    params = {"a": jnp.array([5.0])}
    assert R1().project(params) is params


def test_clipping_keeps_within_the_bound_and_leaves_the_rest():
    params = {"a": jnp.array([-3.0, -0.5, 0.0, 0.3, 2.0]), "b": {"c": jnp.array([[0.49, 0.51]])}}
    kept = WeightClipping(bound=0.5).project(params)
    np.testing.assert_array_equal(kept["a"], np.float32([-0.5, -0.5, 0.0, 0.3, 0.5]))
    np.testing.assert_array_equal(kept["b"]["c"], np.float32([[0.49, 0.5]]))
    assert WeightClipping().term(lambda batch: batch.x @ W, REAL, FAKE, KEY) is None


@jax.jit
def one_step(experiment):
    state = init(experiment)
    return state, *train_step(experiment, state, draw(experiment, (), state.step))


def test_penalties_are_added_to_the_discriminators_cost_alone(composed):
    still = (*SMALL, "discriminator_optimizer.learning_rate=0")
    plain = composed(*still, "penalty=[]")
    penalised = composed(*still, "penalty=[r1]", "penalty.r1.weight=3")
    state, _, without = one_step(arrays(plain))
    _, _, with_r1 = one_step(arrays(penalised))

    real = with_r1[DISCRIMINATOR].real
    critic = state.players[DISCRIMINATOR]
    slopes = jax.grad(lambda x: judge(plain, critic, Batch(x), KEY, train=True)[0].logits.sum())(real.x)
    term = 1.5 * (np.asarray(slopes) ** 2).sum(axis=1).mean()
    assert term > 1e-3
    np.testing.assert_allclose(with_r1[DISCRIMINATOR].loss - without[DISCRIMINATOR].loss, term, rtol=1e-3)
    # The discriminator stands still, so the generator meets the same one, and pays no such term.
    assert with_r1[GENERATOR].loss == without[GENERATOR].loss


def test_clipping_holds_after_a_step_of_the_discriminator_and_spares_the_generator(composed):
    experiment = composed(*SMALL, "penalty=[weight_clipping]", "penalty.weight_clipping.bound=0.01")
    _, after, _ = one_step(arrays(experiment))
    largest = {
        player: max(float(abs(leaf).max()) for leaf in jax.tree.leaves(after.players[player].params))
        for player in (DISCRIMINATOR, GENERATOR)
    }
    assert largest[DISCRIMINATOR] == np.float32(0.01)
    assert largest[GENERATOR] > 0.01


def test_a_penalty_has_the_same_random_numbers_whatever_stands_beside_it(composed):
    @component
    class Drawn(Penalty):
        def term(self, critic, real, fake, key):
            return jax.random.uniform(key)

    experiment = composed("penalty=[r1]")
    scores = contracts.scores(jnp.zeros(4), jnp.zeros(4))
    points, key = Batch(jnp.zeros((4, 2))), jax.random.key(3)

    def term(**penalties):
        other = dataclasses.replace(experiment, penalty=penalties)
        return discriminator_terms(other, scores, lambda batch: batch.x.sum(axis=1), points, points, key)

    alone, beside = term(drawn=Drawn()), term(another=Drawn(), drawn=Drawn(), r1=experiment.penalty["r1"])
    assert float(alone["drawn"]) == float(beside["drawn"]) != float(beside["another"])
    assert [*beside] == ["adversarial", "another", "drawn", "r1"]
    assert float(total(beside)) == pytest.approx(sum(map(float, beside.values())))
