"""Penalties against closed forms, and through the update that uses them."""

from __future__ import annotations

import dataclasses

import contracts
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganexp.component import SettingError, arrays, component
from ganexp.game import judge, loss_terms, total, update
from ganexp.parts import Penalty
from ganexp.penalties import R1, Lecam, WeightClipping
from ganexp.training import draw, init, train_step
from ganexp.types import DISCRIMINATOR, GENERATOR, Batch

REAL, FAKE = (Batch(jnp.asarray(x, jnp.float32)) for x in np.random.default_rng(0).normal(size=(2, 32, 3)))
KEY = jax.random.key(0)
W = np.array([1.0, -2.0, 0.5], np.float32)
SMALL = (
    "batch_size=8", "model.generator.width=4", "model.discriminator.width=4", "optimizer=sgd", "schedule=[]",
)  # fmt: skip


def game(critic, real=REAL, fake=FAKE):
    """The game where the discriminator is `critic`."""
    return contracts.game((), lambda _, points: critic(points), real, fake)


@pytest.mark.parametrize("weight", [0.0, 1.0, 10.0])
def test_r1_of_a_linear_critic_is_half_its_squared_slope(weight):
    # D(x) = w . x + 3: the slope is w everywhere.
    term = R1(weight=weight).term(game(lambda batch: batch.x @ W + 3), None, KEY)
    np.testing.assert_allclose(term, weight / 2 * (W**2).sum(), rtol=1e-5)


def test_r1_of_a_quadratic_critic_is_its_mean_squared_slope_on_real_points():
    # D(x) = sum_i w_i x_i^2 / 2: the slope at x is w * x.
    def critic(batch):
        return 0.5 * (batch.x**2) @ W

    expected = 0.5 * 3 * ((W * np.asarray(REAL.x)) ** 2).sum(axis=1).mean()
    np.testing.assert_allclose(R1(weight=3.0).term(game(critic), None, KEY), expected, rtol=1e-5)
    moved = game(critic, fake=Batch(FAKE.x + 100))
    np.testing.assert_allclose(R1(weight=3.0).term(moved, None, KEY), expected, rtol=1e-5)


def test_r1_reads_points_of_any_shape():
    pictures = REAL.x.reshape(8, 4, 3)
    batch = Batch(pictures)
    term = R1(weight=2.0).term(game(lambda batch: (batch.x**2).sum(axis=(1, 2)), batch, batch), None, KEY)
    np.testing.assert_allclose(term, (4 * pictures**2).sum() / 8, rtol=1e-5)


def test_the_gradient_of_r1_is_that_of_its_closed_form():
    slope = jax.grad(lambda w: R1(weight=3.0).term(game(lambda batch: batch.x @ w), None, KEY))(jnp.asarray(W))
    np.testing.assert_allclose(slope, 3 * W, rtol=1e-5)


def test_r1_moves_no_weight_by_itself():
    params = {"a": jnp.array([5.0])}
    assert R1().project(params) is params


def test_clipping_keeps_within_the_bound_and_leaves_the_rest():
    params = {"a": jnp.array([-3.0, -0.5, 0.0, 0.3, 2.0]), "b": {"c": jnp.array([[0.49, 0.51]])}}
    kept = WeightClipping(bound=0.5).project(params)
    np.testing.assert_array_equal(kept["a"], np.float32([-0.5, -0.5, 0.0, 0.3, 0.5]))
    np.testing.assert_array_equal(kept["b"]["c"], np.float32([[0.49, 0.5]]))
    assert WeightClipping().term(game(lambda batch: batch.x @ W), None, KEY) is None


@jax.jit
def one_step(experiment):
    state = init(experiment)
    return state, *train_step(experiment, state, draw(experiment, (), state.step))


def test_penalties_are_added_to_the_discriminators_cost_alone(composed):
    still = (*SMALL, "discriminator_optimizer.learning_rate=0")
    plain = composed(*still, "penalty=[]")
    penalized = composed(*still, "penalty=[r1]", "penalty.r1.weight=3")
    state, _, without = one_step(arrays(plain))
    _, _, with_r1 = one_step(arrays(penalized))

    real = with_r1[DISCRIMINATOR].real
    critic = state.players[DISCRIMINATOR]
    slopes = jax.grad(lambda x: judge(plain, critic, Batch(x), KEY, train=True)[0].logits.sum())(real.x)
    term = 1.5 * (np.asarray(slopes) ** 2).sum(axis=1).mean()
    assert term > 1e-3
    np.testing.assert_allclose(with_r1[DISCRIMINATOR].loss - without[DISCRIMINATOR].loss, term, rtol=1e-3)
    # The discriminator stands still, so the generator meets the same one, and pays no such term.
    assert with_r1[GENERATOR].loss == without[GENERATOR].loss


@pytest.mark.parametrize(("player", "other"), [(DISCRIMINATOR, GENERATOR), (GENERATOR, DISCRIMINATOR)])
def test_clipping_holds_after_a_step_of_its_player_and_spares_the_other(composed, player, other):
    clipping = ("penalty.weight_clipping.bound=0.01", f"penalty.weight_clipping.player={player}")
    _, after, _ = one_step(arrays(composed(*SMALL, "penalty=[weight_clipping]", *clipping)))
    largest = {
        name: max(float(abs(leaf).max()) for leaf in jax.tree.leaves(after.players[name].params))
        for name in (player, other)
    }
    assert largest[player] == np.float32(0.01)
    assert largest[other] > 0.01


def test_what_has_no_meaning_for_a_player_is_refused(composed):
    for name in ("r1", "lecam"):
        with pytest.raises(SettingError, match=rf"^penalty\.{name}\.player: {name} has no meaning for the generator"):
            composed(f"penalty=[{name}]", f"penalty.{name}.player=generator")
    with pytest.raises(SettingError, match=r"^player: 'critic' is not one of generator, discriminator"):
        R1(player="critic")


@component
class Drawn(Penalty):
    """A random number."""

    def term(self, game, memory, key):
        return jax.random.uniform(key)


def test_a_penalty_has_the_same_random_numbers_whatever_stands_beside_it(composed):
    experiment = composed("penalty=[r1]")
    board, key = game(lambda batch: batch.x.sum(axis=1)), jax.random.key(3)

    def terms(**penalties):
        return loss_terms(dataclasses.replace(experiment, penalty=penalties), DISCRIMINATOR, board, {}, key)[0]

    alone, beside = terms(drawn=Drawn()), terms(another=Drawn(), drawn=Drawn(), r1=experiment.penalty["r1"])
    assert float(alone["drawn"]) == float(beside["drawn"]) != float(beside["another"])
    assert [*beside] == ["adversarial", "another", "drawn", "r1"]
    assert float(total(beside)) == pytest.approx(sum(map(float, beside.values())))


@component
class Spread(Penalty):
    """(E |G(z)| - m)^2 + |theta - first|^2 of the generator, where m is the mean of E |G(z)| over its updates and `first` its first weights."""

    player: str = GENERATOR

    def init(self, params):
        return {"updates": jnp.zeros(()), "mean": jnp.zeros(()), "first": params}

    def term(self, game, memory, key):
        far = sum(((new - old) ** 2).sum() for new, old in leaves(game.params, memory["first"]))
        return (jnp.abs(game.generate(game.noise).x).mean() - memory["mean"]) ** 2 + far

    def remember(self, game, memory):
        count, size = memory["updates"] + 1, jnp.abs(game.fake.x).mean()
        return {**memory, "updates": count, "mean": memory["mean"] + (size - memory["mean"]) * (1 / count)}


def leaves(*trees):
    return zip(*map(jax.tree.leaves, trees), strict=True)


def spread(composed, *words):
    clipped = {"spread": Spread(), "clip": WeightClipping(bound=5.0)}
    return arrays(
        dataclasses.replace(composed(*SMALL, "generator_optimizer.learning_rate=0.1", *words), penalty=clipped)
    )


def test_a_penalty_of_the_generator_is_its_loss_s_alone_and_remembers_its_updates_alone(composed):
    experiment, single = spread(composed), jax.jit(update, static_argnums=1)
    assert experiment.losses() == [DISCRIMINATOR, GENERATOR, "generator/adversarial", "generator/spread"]
    draws = jax.tree.map(lambda leaf: leaf[0], draw(experiment, (), jnp.int32(0)))
    first = now = init(experiment)
    mean = 0.0
    for count in range(1, 5):
        before, (now, record) = now, single(experiment, GENERATOR, now, draws)
        pairs = leaves(before.players[GENERATOR].params, first.players[GENERATOR].params)
        far = sum(((np.asarray(new, float) - old) ** 2).sum() for new, old in pairs)
        size = np.abs(np.asarray(record.fake.x, float)).mean()
        np.testing.assert_allclose(record.terms["spread"], (size - mean) ** 2 + far, rtol=1e-3, atol=1e-6)
        np.testing.assert_allclose(record.terms["spread"] + record.terms["adversarial"], record.loss, rtol=1e-5)
        mean += (size - mean) / count
        np.testing.assert_allclose(now.memory["penalty.spread"]["mean"], mean, rtol=1e-5)
    assert far > 1e-4
    after, record = single(experiment, DISCRIMINATOR, now, draws)
    assert [*record.terms] == ["adversarial"]
    jax.tree.map(np.testing.assert_array_equal, after.memory, now.memory)


@pytest.mark.parametrize("updates", ["alternating", "simultaneous"])
@pytest.mark.parametrize("g_steps", [2, 4])
def test_what_is_remembered_goes_from_update_to_update(composed, updates, g_steps):
    experiment = spread(composed, f"updates={updates}", f"updates.g_steps={g_steps}")
    state = init(experiment)
    for number in range(3):
        state, _ = jax.jit(train_step)(experiment, state, draw(experiment, (), jnp.int32(number)))
        assert float(state.memory["penalty.spread"]["updates"]) == g_steps * (number + 1)
    assert [*state.memory] == ["penalty.spread"]


def test_lecam_draws_logits_to_the_mean_of_the_other_side():
    part = Lecam(weight=3.0, decay=0.75)
    memory = part.init(())
    real_mean = fake_mean = 0.0
    for shift in (0.0, 1.0, -2.0):
        board = game(lambda batch, shift=shift: batch.x @ W + shift)
        real, fake = (np.asarray(side.x @ W + shift, float) for side in (REAL, FAKE))
        expected = 3 * (((real - fake_mean) ** 2).mean() + ((fake - real_mean) ** 2).mean())
        np.testing.assert_allclose(part.term(board, memory, KEY), expected, rtol=1e-5)
        memory = part.remember(board, memory)
        real_mean, fake_mean = 0.75 * real_mean + 0.25 * real.mean(), 0.75 * fake_mean + 0.25 * fake.mean()
        np.testing.assert_allclose((memory["real"], memory["fake"]), (real_mean, fake_mean), rtol=1e-5, atol=1e-6)


def test_what_lecam_remembers_is_of_every_update_of_the_discriminator(composed):
    experiment = arrays(composed(*SMALL, "penalty=[lecam]", "penalty.lecam.decay=0.5", "updates.d_steps=3"))
    state = init(experiment)
    draws = draw(experiment, (), state.step)
    reached, expected, single = state, {"real": 0.0, "fake": 0.0}, jax.jit(update, static_argnums=1)
    for number in range(3):
        reached, record = single(experiment, DISCRIMINATOR, reached, jax.tree.map(lambda leaf: leaf[number], draws))  # noqa: B023
        for side in expected:
            expected[side] = 0.5 * expected[side] + 0.5 * float(getattr(record.scores, side).logits.mean())
    memory = jax.jit(train_step)(experiment, state, draws)[0].memory["penalty.lecam"]
    np.testing.assert_allclose([memory[side] for side in expected], [*expected.values()], rtol=1e-4, atol=1e-6)
