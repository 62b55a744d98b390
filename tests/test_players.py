"""A third player, VEEGAN's reconstructor: its losses and gradients against NumPy, when it moves, and who carries it."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganexp.blocks import map_in_blocks
from ganexp.component import arrays
from ganexp.game import assess, gradient, update
from ganexp.losses import NonSaturating, Veegan
from ganexp.observe.samples import Samples
from ganexp.training import chunk, draw, init, initial_health, signals, train_step
from ganexp.types import DISCRIMINATOR, GENERATOR, RECONSTRUCTOR
from ganexp.views.of_training import equilibrium

SIZES = tuple(
    f"model.{player}.{size}" for player in (GENERATOR, DISCRIMINATOR, RECONSTRUCTOR) for size in ("width=4", "depth=1")
)


THREE = ("loss=veegan", "model/reconstructor=mlp", "batch_size=8", *SIZES)


SMOOTH = (*(f"model.{player}.activation=tanh" for player in (GENERATOR, DISCRIMINATOR, RECONSTRUCTOR)), "penalty=[]")


WEIGHTS = ("loss.scale=0.5", "loss.real_weight=0.7", "loss.reconstruction_weight=3")


pytestmark = pytest.mark.usefixtures("one_cache")


def start(experiment: Any) -> tuple[Any, Any]:
    """The state before the first step, and its random numbers."""
    return jax.jit(init)(arrays(experiment)), jax.jit(draw)(arrays(experiment), (), np.int32(0))


def batch(draws: Any, number: int) -> Any:
    return jax.tree.map(lambda leaf: leaf[number], draws)


def near(one: Any, other: Any) -> None:
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), one, other)


def perceptron(params: dict[str, Any], x: np.ndarray) -> np.ndarray:
    layer, last = params["hidden"][0], params["last"]
    return np.tanh(x @ layer["kernel"] + layer["bias"]) @ last["kernel"] + last["bias"]


def by_formula(players: dict[str, Any], real: np.ndarray, noise: np.ndarray) -> dict[str, float]:
    """Each player's loss, from the parameters of all: Srivastava et al. (2017), algorithm 1, with the settings of `WEIGHTS`.

    There D is high on generated pairs; here on real ones, so that the logit has the other sign.
    """
    fake = perceptron(players[GENERATOR], noise)
    x_first = np.concatenate([real, perceptron(players[RECONSTRUCTOR], real)], axis=1)
    z_first = np.concatenate([fake, noise], axis=1)
    of_real, of_fake = (-perceptron(players[DISCRIMINATOR], pair)[:, 0] for pair in (x_first, z_first))

    def sigmoid(a: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-a))

    distance = ((noise - perceptron(players[RECONSTRUCTOR], fake)) ** 2).sum(axis=1).mean()
    return {
        DISCRIMINATOR: 0.5 * (-np.log(sigmoid(of_fake)).mean() - 0.7 * np.log(1 - sigmoid(of_real)).mean()),
        GENERATOR: 0.5 * (of_fake.mean() + 3 * distance),
        RECONSTRUCTOR: 0.5 * 3 * distance,
    }


@pytest.fixture(scope="module")
def played(composed) -> tuple[Any, Any, Any, dict[str, Any]]:
    """A small smooth game, its state, one minibatch, and each player's update on it, from that state."""
    experiment = composed(*THREE, *SMOOTH, *WEIGHTS)
    state, draws = start(experiment)
    minibatch = batch(draws, 0)
    single = jax.jit(update, static_argnums=1)
    moves = {player: single(arrays(experiment), player, state, minibatch) for player in experiment.players}
    return experiment, state, minibatch, moves


def exact(state: Any) -> dict[str, Any]:
    """The parameters of all players in 64 bits."""
    return {name: jax.tree.map(lambda leaf: np.asarray(leaf, float), own.params) for name, own in state.players.items()}


def test_losses_equal_their_formulas(played):
    _, state, minibatch, moves = played
    real, noise = np.asarray(minibatch.real.x, float), np.asarray(minibatch.noise.x, float)
    expected = by_formula(exact(state), real, noise)
    assert set(moves) == set(expected)
    for player, (_, record) in moves.items():
        np.testing.assert_allclose(record.loss, expected[player], rtol=1e-5)


@pytest.mark.parametrize("player", [GENERATOR, DISCRIMINATOR, RECONSTRUCTOR])
def test_gradients_are_those_of_the_players_own_parameters(played, player):
    experiment, state, minibatch, moves = played
    real, noise = np.asarray(minibatch.real.x, float), np.asarray(minibatch.noise.x, float)
    params, random = exact(state), np.random.default_rng(0)
    for _ in range(3):
        toward = jax.tree.map(lambda leaf: random.normal(size=leaf.shape), params[player])
        ends = []
        for step in (1e-5, -1e-5):
            moved = jax.tree.map(lambda leaf, change, step=step: leaf + step * change, params[player], toward)
            ends.append(by_formula({**params, player: moved}, real, noise)[player])
        slope = (ends[0] - ends[1]) / 2e-5
        pairs = zip(jax.tree.leaves(moves[player][1].grads), jax.tree.leaves(toward), strict=True)
        np.testing.assert_allclose(sum((grad * change).sum() for grad, change in pairs), slope, rtol=1e-4, atol=1e-5)
    near(gradient(experiment, player, state, minibatch), moves[player][1].grads)


def test_a_point_is_judged_beside_its_reconstruction_and_a_generated_one_beside_its_noise(played):
    experiment, state, *_ = played
    params, key = exact(state), jax.random.key(0)

    def output(points: Any, beside: Any) -> Any:
        pairs = np.concatenate([np.asarray(points, float), np.asarray(beside, float)], axis=1)
        return 1 / (1 + np.exp(-perceptron(params[DISCRIMINATOR], pairs)[:, 0]))

    samples = Samples(experiment, (), state, 20, jnp.int32(0))
    near(
        samples.output_real,
        output(samples.real.x, perceptron(params[RECONSTRUCTOR], np.asarray(samples.real.x, float))),
    )
    near(samples.output_fake, output(samples.fake.x, samples.noise.x))
    near(
        assess(experiment, state, samples.fake, key, samples.noise).logits, jax.scipy.special.logit(samples.output_fake)
    )
    assert set(samples.weights) == set(samples.gradients) == {*experiment.players}


def test_rows_beside_others_go_in_the_same_blocks():
    x, y = np.arange(14.0).reshape(7, 2), np.arange(7.0)
    for size in (2, 3, 7, 9):
        found = map_in_blocks(lambda rows: rows[0].sum(axis=1) - rows[1], (jnp.asarray(x), jnp.asarray(y)), size)
        np.testing.assert_array_equal(found, x.sum(axis=1) - y)


def test_a_penalty_sees_pairs(composed):
    # R1 is the slope of D by the whole of the pair, with the code held still.
    plain, penalized = (composed(*THREE, *SMOOTH[:-1], f"penalty=[{name}]", *WEIGHTS) for name in ("", "r1"))
    state, draws = start(plain)
    minibatch, params = batch(draws, 0), exact(state)
    real = np.asarray(minibatch.real.x, float)
    pairs = np.concatenate([real, perceptron(params[RECONSTRUCTOR], real)], axis=1)
    layer, last = params[DISCRIMINATOR]["hidden"][0], params[DISCRIMINATOR]["last"]
    units = np.tanh(pairs @ layer["kernel"] + layer["bias"])
    slopes = (1 - units**2) * last["kernel"][:, 0] @ layer["kernel"].T
    single = jax.jit(update, static_argnums=1)
    losses = [single(arrays(part), DISCRIMINATOR, state, minibatch)[1] for part in (plain, penalized)]
    weight = penalized.penalty["r1"].weight
    term = weight / 2 * (slopes**2).sum(axis=1).mean()
    assert term > 1e-3
    np.testing.assert_allclose(losses[1].terms["r1"], term, rtol=1e-4)
    np.testing.assert_allclose(losses[1].loss, losses[0].loss + term, rtol=1e-4)


def test_no_equilibrium_is_drawn_where_losses_read_more_than_the_discriminator():
    assert equilibrium(NonSaturating()) == pytest.approx((2 * np.log(2), np.log(2)))
    assert equilibrium(Veegan()) is None


@pytest.mark.parametrize(
    ("words", "g_steps", "first"),
    [
        ((), 1, DISCRIMINATOR),
        (("updates.g_steps=3", "updates.d_steps=2"), 3, DISCRIMINATOR),
        (("updates.g_steps=2", "updates.first=generator"), 2, GENERATOR),
        (("updates=simultaneous", "updates.g_steps=2"), 2, None),
        (("updates.g_steps=0",), 0, DISCRIMINATOR),
    ],
    ids=["once", "often", "first", "simultaneous", "never"],
)
def test_a_third_player_moves_with_the_generator(composed, words, g_steps, first):
    experiment = arrays(composed(*THREE, *words))
    state, draws = start(experiment)
    single, d_steps = jax.jit(update, static_argnums=1), experiment.updates.d_steps

    def moved(name: str, players: Any, number: int) -> Any:
        return single(experiment, name, state._replace(players=players), batch(draws, number))[0].players[name]

    def discriminator(players: Any) -> Any:
        for number in range(d_steps):
            players = {**players, DISCRIMINATOR: moved(DISCRIMINATOR, players, number)}
        return players

    players = discriminator(state.players) if first == DISCRIMINATOR else state.players
    for number in range(g_steps):
        # Both from where they were, on the same minibatch.
        players = players | {name: moved(name, players, d_steps + number) for name in (GENERATOR, RECONSTRUCTOR)}
    if first == GENERATOR:
        players = discriminator(players)
    if first is None:
        players = {**players, DISCRIMINATOR: discriminator(state.players)[DISCRIMINATOR]}
    after, records = jax.jit(train_step)(experiment, state, draws)
    assert set(records) == {GENERATOR, DISCRIMINATOR, RECONSTRUCTOR}
    for name, player in players.items():
        near(after.players[name].params, player.params)
        near(after.players[name].opt, player.opt)


def test_its_statistics_are_its_own_and_move_in_its_own_update(composed):
    experiment = arrays(composed(*THREE, "model.reconstructor.normalization=batch", "model.reconstructor.dropout=0.2"))
    state, draws = start(experiment)
    single = jax.jit(update, static_argnums=1)
    for player in experiment.players:
        moved = single(experiment, player, state, batch(draws, 0))[0].players[player]
        changed = [
            np.any(a != b)
            for a, b in zip(*map(jax.tree.leaves, (moved.stats, state.players[player].stats)), strict=True)
        ]
        assert any(changed) == (player == RECONSTRUCTOR)
        assert jax.tree.structure(moved) == jax.tree.structure(state.players[player])


@pytest.mark.parametrize("rate", [1e30, 1e-3])
def test_its_loss_gradient_and_weights_are_watched(composed, rate):
    experiment = composed(
        *THREE, "schedule=[]", f"reconstructor_optimizer.learning_rate={rate}", "reconstructor_optimizer=sgd"
    )
    names = signals(experiment)
    assert [name for name in names if name.endswith(f"of the {RECONSTRUCTOR}")] == [
        f"{what} of the {RECONSTRUCTOR}" for what in ("loss", "gradient", "weights")
    ]
    state = jax.jit(init)(arrays(experiment))
    _, health = chunk(arrays(experiment), (), state, initial_health(experiment), np.int32(5))
    bad = {name for name, flag in zip(names, health.bad, strict=True) if flag}
    assert bool(health.bad_step) == (rate == 1e30) == (f"loss of the {RECONSTRUCTOR}" in bad)
