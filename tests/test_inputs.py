"""What the discriminator sees: the noise of instances, where it stands and where it does not."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganexp.component import arrays, component
from ganexp.game import generate, judge, sample, score_at_once
from ganexp.inputs import InstanceNoise
from ganexp.parts import Input
from ganexp.training import draw, init, train_step
from ganexp.types import DISCRIMINATOR, GENERATOR, Batch

NOISY = ("dataset=dirac", "optimizer=sgd", "penalty=[]", "input=[instance_noise]")


@pytest.mark.parametrize("std", [0.0, 0.5, 2.0])
def test_logits_of_a_linear_discriminator_spread_by_its_slope_times_the_noise(composed, std):
    # D(x) = psi x: the logits of one point are normal around psi x, with a deviation of |psi| std.
    experiment = composed(*NOISY, f"input.instance_noise.std={std}", "model.discriminator.start=3.0")
    player = init(arrays(experiment)).players[DISCRIMINATOR]
    points = Batch(jnp.full((4000, 1), 0.7))
    logits = np.asarray(judge(experiment, player, points, jax.random.key(1), train=True)[0].logits, float)
    assert logits.mean() == pytest.approx(2.1, abs=0.15 * std + 1e-5)
    assert logits.std() == pytest.approx(3 * std, rel=0.05, abs=1e-5)
    tested = judge(experiment, player, points, jax.random.key(1), train=False)[0].logits
    np.testing.assert_allclose(tested, 2.1, rtol=1e-5)


def test_each_side_and_each_point_has_noise_of_its_own(composed):
    experiment = composed(*NOISY)
    player = init(arrays(experiment)).players[DISCRIMINATOR]
    points = Batch(jnp.zeros((100, 1)))
    scores, _ = score_at_once(experiment, player, points, points, jax.random.key(2), train=True)
    assert len(np.unique(scores.real.logits)) == 100
    assert not np.isin(scores.real.logits, scores.fake.logits).any()


def test_the_generator_gives_its_points_without_noise(composed):
    noisy, plain = composed(*NOISY), composed(*NOISY[:-1])
    state, key = init(arrays(noisy)), jax.random.key(3)
    noise = Batch(noisy.prior.sample(key, 8))
    for train in (True, False):
        made = [generate(part, state.players[GENERATOR], noise, key, train)[0].x for part in (noisy, plain)]
        np.testing.assert_array_equal(*made)
    np.testing.assert_array_equal(sample(noisy, state, noise, key).x, sample(plain, state, noise, key).x)


def test_the_noise_follows_a_schedule(composed):
    experiment = composed(
        *NOISY, "schedule=[linear]", "schedule.linear.setting=input.instance_noise.std", "schedule.linear.final=0",
        "schedule.linear.length=100", "input.instance_noise.std=0.8",
    )  # fmt: skip
    found = [float(experiment.at(jnp.int32(step)).input["instance_noise"].std) for step in (0, 50, 100, 200)]
    np.testing.assert_allclose(found, [0.8, 0.4, 0, 0], atol=1e-6)


def test_noise_of_no_size_changes_nothing(composed):
    sizes = (
        "batch_size=8",
        "model.generator.width=4",
        "model.discriminator.width=4",
        "model.discriminator.dropout=0.2",
    )
    ends = []
    for words in ((), ("input=[instance_noise]", "input.instance_noise.std=0")):
        experiment = arrays(composed(*sizes, *words))
        state = init(experiment)
        ends.append(train_step(experiment, state, draw(experiment, (), state.step))[0].players)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), *ends)


def test_a_coupled_input_never_sees_real_and_generated_points_together(composed):
    @component
    class Centered(Input):
        coupled = True

        def apply(self, batch, key, train):
            return batch._replace(x=batch.x - batch.x.mean(axis=0, keepdims=True))

    experiment = dataclasses.replace(composed(*NOISY), input={"centered": Centered(), "noise": InstanceNoise(std=0.0)})
    player = init(arrays(experiment)).players[DISCRIMINATOR]
    real, fake = Batch(jnp.full((4, 1), 5.0)), Batch(jnp.full((4, 1), -5.0))
    scores, _ = score_at_once(experiment, player, real, fake, jax.random.key(0), train=True)
    np.testing.assert_array_equal(scores.real.logits, np.zeros(4))
    np.testing.assert_array_equal(scores.fake.logits, np.zeros(4))


def test_networks_have_the_shape_that_is_seen(composed):
    @component
    class Doubled(Input):
        def shape(self, shape):
            return (2 * shape[0],)

        def apply(self, batch, key, train):
            return Batch(jnp.concatenate([batch.x, batch.x], axis=1))

    experiment = dataclasses.replace(composed(*NOISY), input={"a": Doubled(), "b": Doubled()})
    player = init(arrays(experiment)).players[DISCRIMINATOR]
    assert player.params["value"].shape == (4,)
    logits = judge(experiment, player, Batch(jnp.ones((3, 1))), jax.random.key(0), train=True)[0].logits
    np.testing.assert_allclose(logits, [4.0] * 3)
