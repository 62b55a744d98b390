"""The game between the players: the only file that applies their networks, and the loss of each."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PyTree

from ganexp.experiment import ADVERSARIAL, AVERAGE, Experiment
from ganexp.types import (
    DISCRIMINATOR,
    GENERATOR,
    Batch,
    Critique,
    Draws,
    Loss,
    Parameters,
    Player,
    Scalar,
    Scores,
    TrainState,
)

Players = dict[str, Player]
Objective = Callable[[Parameters], tuple[Scalar, "Played"]]
SMALL = 1024  # numbers in a weight matrix


class Played(NamedTuple):
    """What a player's loss was computed from: the generated points, the discriminator's output on both sides, and the terms of
    the loss; and the player's new statistics."""

    fake: Batch
    scores: Scores
    terms: dict[str, Scalar]
    stats: Parameters


def draw_noise(experiment: Experiment, data: PyTree, key: Key[Array, ""], n: int) -> Batch:
    """What `n` generated points are made of: noise, and labels as frequent as the data's, where the data has some."""
    # A key of their own: labels leave the noise as it is.
    return Batch(experiment.prior.sample(key, n), experiment.dataset.labels(data, own_key(key, "label"), n))


def generate(
    experiment: Experiment, player: Player, noise: Batch, key: Key[Array, ""], train: bool
) -> tuple[Batch, Parameters]:
    """Generated points as the discriminator sees them, by the generator's network and the output transform, with the labels of their
    noise; and its new statistics."""
    told = experiment.told(GENERATOR, noise)
    points, _, stats = experiment.networks().generator.apply(player.params, player.stats, told, key, train)
    return Batch(experiment.output.emitted(points, key, train), noise.label), stats


def sample(experiment: Experiment, state: TrainState, noise: Batch, key: Key[Array, ""]) -> Batch:
    """What evaluations, pictures and a person see of the generator: points in evaluation mode, by its averaged weights where there are some."""
    player, average = state.players[GENERATOR], experiment.average
    if average is not None:
        player = player._replace(params=average.weights(state.memory[AVERAGE]))
    return generate(experiment, player, noise, key, train=False)[0]


def judge(
    experiment: Experiment, player: Player, batch: Batch, key: Key[Array, ""], train: bool
) -> tuple[Critique, Parameters]:
    """The discriminator's output on points, by the inputs and its network; and its new statistics."""
    for name, part in experiment.input.items():
        batch = part.apply(batch, own_key(key, name), train)
    apply = experiment.networks().discriminator.apply
    logits, features, stats = apply(player.params, player.stats, experiment.told(DISCRIMINATOR, batch), key, train)
    return Critique(logits, features), stats


def output_anywhere(
    experiment: Experiment, data: PyTree, state: TrainState, x: Float[Array, "n ..."], key: Key[Array, ""]
) -> Float[Array, " n"]:
    """D(x) as the loss reads it, in evaluation mode, of points without labels: where D is told labels, its mean over all of them, each
    weighted by its probability in the data."""

    def output(batch: Batch) -> Float[Array, " n"]:
        critique, _ = judge(experiment, state.players[DISCRIMINATOR], batch, key, train=False)
        return experiment.loss.output(critique.logits)

    if not experiment.conditional:
        return output(Batch(x))
    frequencies = experiment.dataset.frequencies(data)
    assert frequencies is not None

    def add(total: Float[Array, " n"], label: Any) -> tuple[Float[Array, " n"], None]:
        # One label at a time: a thousand labels of every point would not fit in memory.
        return total + frequencies[label] * output(Batch(x, jnp.full(len(x), label))), None

    return jax.lax.scan(add, jnp.zeros(len(x)), jnp.arange(len(frequencies)))[0]


def score(
    experiment: Experiment, player: Player, real: Batch, fake: Batch, key: Key[Array, ""], train: bool
) -> tuple[Scores, Parameters]:
    """The discriminator's output on both sides, and its new statistics: in two passes, real first.

    Where a loss reads one side only, XLA drops the other pass.
    """
    first, second = jax.random.split(key)
    of_real, stats = judge(experiment, player, real, first, train)
    of_fake, stats = judge(experiment, player._replace(stats=stats), fake, second, train)
    return Scores(of_real, of_fake), stats


def score_at_once(
    experiment: Experiment, player: Player, real: Batch, fake: Batch, key: Key[Array, ""], train: bool
) -> tuple[Scores, Parameters]:
    """As `score`, in one pass over both where that trains faster, and is the same: where a point's output depends on no other point."""
    # A small network is bound by the number of operations. A larger one is bound by matrix products, and the gradients'
    # products, which sum over the batch, take XLA on a CPU less time on two short batches than on a long one.
    large = any(leaf.size > SMALL for leaf in jax.tree.leaves(player.params))
    coupled = experiment.networks().discriminator.coupled or any(part.coupled for part in experiment.input.values())
    if large or coupled or jax.tree.leaves(player.stats) or not train:
        return score(experiment, player, real, fake, key, train)
    joined = jax.tree.map(lambda *sides: jnp.concatenate(sides), real, fake)
    both, stats = judge(experiment, player, joined, key, train)
    count = len(real.x)
    sides = jax.tree.map(lambda part: part[:count], both), jax.tree.map(lambda part: part[count:], both)
    return Scores(*sides), stats


def objective(experiment: Experiment, name: str, players: Players, draws: Draws, train: bool = True) -> Objective:
    """The loss that the player `name` minimizes on one minibatch, as a function of its parameters alone: the others stand still.

    `train` is the mode of the networks.
    """
    return {GENERATOR: _of_generator, DISCRIMINATOR: _of_discriminator}[name](experiment, players, draws, train)


def _of_discriminator(experiment: Experiment, players: Players, draws: Draws, train: bool) -> Objective:
    make, key, term = jax.random.split(draws.key, 3)
    fake, _ = generate(experiment, players[GENERATOR], draws.noise, make, train)

    def loss(params: Parameters) -> tuple[Scalar, Played]:
        player = players[DISCRIMINATOR]._replace(params=params)
        scores, stats = score_at_once(experiment, player, draws.real, fake, key, train)

        def critic(batch: Batch) -> Any:
            return judge(experiment, player, batch, key, train)[0].logits

        terms = discriminator_terms(experiment, scores, critic, draws.real, fake, term)
        return total(terms), Played(fake, scores, terms, stats)

    return loss


def _of_generator(experiment: Experiment, players: Players, draws: Draws, train: bool) -> Objective:
    make, key, _ = jax.random.split(draws.key, 3)
    # A threshold has no gradient: its generator is differentiated as in training, always.
    smooth = train or experiment.output.discrete

    def loss(params: Parameters) -> tuple[Scalar, Played]:
        player = players[GENERATOR]._replace(params=params)
        fake, stats = generate(experiment, player, draws.noise, make, smooth)
        scores, _ = score(experiment, players[DISCRIMINATOR], draws.real, fake, key, train)
        terms = {ADVERSARIAL: adversarial(experiment.loss, GENERATOR, scores)}
        return total(terms), Played(fake, scores, terms, stats)

    return loss


def gradient(experiment: Experiment, name: str, players: Players, draws: Draws, train: bool = True) -> Parameters:
    """The gradient of the loss of the player `name` on one minibatch, by its parameters."""
    return jax.grad(objective(experiment, name, players, draws, train), has_aux=True)(players[name].params)[0]


def own_key(key: Key[Array, ""], name: str) -> Key[Array, ""]:
    """The key of the part `name` of a list: another part beside it leaves its random numbers as they are."""
    return jax.random.fold_in(key, zlib.crc32(name.encode()))


def adversarial(loss: Loss, name: str, scores: Scores) -> Scalar:
    """The term of the player's loss that pits it against the other."""
    return loss.scale * {GENERATOR: loss.generator, DISCRIMINATOR: loss.discriminator}[name](scores)


def discriminator_terms(
    experiment: Experiment,
    scores: Scores,
    critic: Callable[[Batch], Float[Array, " n"]],
    real: Batch,
    fake: Batch,
    key: Key[Array, ""],
) -> dict[str, Scalar]:
    """The terms of what the discriminator minimizes, by name: the adversarial one, and that of each penalty that has one."""
    terms = {ADVERSARIAL: adversarial(experiment.loss, DISCRIMINATOR, scores)}
    for name, penalty in experiment.penalty.items():
        extra = penalty.term(critic, real, fake, own_key(key, name))
        if extra is not None:
            terms[name] = extra
    return terms


def total(terms: dict[str, Scalar]) -> Scalar:
    """The sum of the terms of a loss."""
    first, *others = terms.values()
    return sum(others, first)
