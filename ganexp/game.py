"""The game between the players: the only file that applies their networks, and the loss of each."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PyTree

from ganexp.experiment import ADVERSARIAL, AVERAGE, GRADIENT, PENALTY, Experiment
from ganexp.parts import Game, LossAndGradients, Rule
from ganexp.types import (
    DISCRIMINATOR,
    GENERATOR,
    Batch,
    Critique,
    Loss,
    Memory,
    Minibatches,
    Parameters,
    Player,
    Scalar,
    Scores,
    TrainState,
    Update,
)

Players = dict[str, Player]
Objective = Callable[..., tuple[Scalar, "Played"]]
SMALL = 1024  # numbers in a weight matrix


class Played(NamedTuple):
    """What a player's loss was computed from: the generated points, the discriminator's output on both sides, and the terms of
    the loss; and the player's new statistics and what its penalties remember now."""

    fake: Batch
    scores: Scores
    terms: dict[str, Scalar]
    stats: Parameters
    memory: Memory


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
    points, _, stats = experiment.networks()[GENERATOR].apply(player.params, player.stats, told, key, train)
    return Batch(experiment.output.emitted(points, key, train), noise.label), stats


def sample(experiment: Experiment, state: TrainState, noise: Batch, key: Key[Array, ""]) -> Batch:
    """What evaluations, pictures and a person see of the generator: points in evaluation mode, by its averaged weights where there are some."""
    player, average = state.players[GENERATOR], experiment.average
    if average is not None:
        player = player._replace(params=average.weights(state.memory[AVERAGE]))
    return generate(experiment, player, noise, key, train=False)[0]


def assess(
    experiment: Experiment, state: TrainState, batch: Batch, key: Key[Array, ""], noise: Batch | None = None
) -> Critique:
    """What evaluations, pictures and a person see of the discriminator: its output on points in evaluation mode. Where it judges pairs,
    `noise` is that of generated points; without it, points are judged as real ones."""
    paired, beside = experiment.loss.paired, None if noise is None else noise.x
    if paired is not None and beside is None:
        beside = outputs(experiment, state.players, batch, key, train=False)[0][paired]
    return judge(experiment, state.players[DISCRIMINATOR], shown(experiment, batch, beside), key, train=False)[0]


def output_anywhere(
    experiment: Experiment, data: PyTree, state: TrainState, x: Float[Array, "n ..."], key: Key[Array, ""]
) -> Float[Array, " n"]:
    """D(x) as the loss reads it, in evaluation mode, of points without labels: where D is told labels, its mean over all of them, each
    weighted by its probability in the data."""

    def output(batch: Batch) -> Float[Array, " n"]:
        return experiment.loss.output(assess(experiment, state, batch, key).logits)

    if not experiment.conditional:
        return output(Batch(x))
    frequencies = experiment.dataset.frequencies(data)
    assert frequencies is not None

    def add(total: Float[Array, " n"], label: Any) -> tuple[Float[Array, " n"], None]:
        # One label at a time: a thousand labels of every point would not fit in memory.
        return total + frequencies[label] * output(Batch(x, jnp.full(len(x), label))), None

    return jax.lax.scan(add, jnp.zeros(len(x)), jnp.arange(len(frequencies)))[0]


def outputs(
    experiment: Experiment, players: Players, batch: Batch, key: Key[Array, ""], train: bool
) -> tuple[dict[str, Float[Array, "n ..."]], Players]:
    """What each player beside the generator and the discriminator makes of points; and the players with their new statistics."""
    found, nets = {}, experiment.networks()
    for name in experiment.others:
        player, told = players[name], experiment.told(name, batch)
        found[name], _, stats = nets[name].apply(player.params, player.stats, told, own_key(key, name), train)
        players = {**players, name: player._replace(stats=stats)}
    return found, players


def shown(experiment: Experiment, batch: Batch, beside: Float[Array, "n d"] | None) -> Batch:
    """What the discriminator is shown of points: where its loss judges pairs, each in a row with what stands `beside` it."""
    if experiment.loss.paired is None or beside is None:
        return batch
    sides = [side.reshape(len(beside), -1) for side in (batch.x, beside)]
    return batch._replace(x=jnp.concatenate(sides, axis=1))


def judge(
    experiment: Experiment, player: Player, batch: Batch, key: Key[Array, ""], train: bool
) -> tuple[Critique, Parameters]:
    """The discriminator's output on what it is shown of points, by the inputs and its network; and its new statistics."""
    for name, part in experiment.input.items():
        batch = part.apply(batch, own_key(key, name), train)
    apply = experiment.networks()[DISCRIMINATOR].apply
    logits, features, stats = apply(player.params, player.stats, experiment.told(DISCRIMINATOR, batch), key, train)
    return Critique(logits, features), stats


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
    coupled = experiment.networks()[DISCRIMINATOR].coupled or any(part.coupled for part in experiment.input.values())
    if large or coupled or jax.tree.leaves(player.stats) or not train:
        return score(experiment, player, real, fake, key, train)
    joined = jax.tree.map(lambda *sides: jnp.concatenate(sides), real, fake)
    both, stats = judge(experiment, player, joined, key, train)
    count = len(real.x)
    sides = jax.tree.map(lambda part: part[:count], both), jax.tree.map(lambda part: part[count:], both)
    return Scores(*sides), stats


def objective(
    experiment: Experiment, name: str, state: TrainState, draws: Minibatches, train: bool = True
) -> Objective:
    """The loss that the player `name` minimizes on one minibatch, as a function of its parameters alone: the others stand still. It may
    also be given a shift of the generated points, to differentiate by.

    `train` is the mode of the networks.
    """
    make, key, term = jax.random.split(draws.key, 3)
    # A threshold has no gradient: a generator that is differentiated makes points as in training, always.
    smooth = train or (experiment.output.discrete and (name == GENERATOR or bool(experiment.gradient)))
    scored = score_at_once if name == DISCRIMINATOR else score

    def loss(params: Parameters, shift: Any = None) -> tuple[Scalar, Played]:
        players = with_params(state.players, {name: params})
        fake, stats = generate(experiment, players[GENERATOR], draws.noise, make, smooth)
        if shift is not None:
            fake = fake._replace(x=fake.x + shift)
        scores, after, (real, made) = meet(experiment, players, draws, fake, key, train, scored)
        game = Game(
            params, real, draws.noise, made, scores,
            critic=lambda points: judge(experiment, players[DISCRIMINATOR], points, key, train)[0],
            generate=lambda noise: generate(experiment, players[GENERATOR], noise, make, smooth)[0],
        )  # fmt: skip
        terms, memory = loss_terms(experiment, name, game, state.memory, term)
        return total(terms), Played(fake, scores, terms, stats if name == GENERATOR else after[name].stats, memory)

    return loss


def meet(
    experiment: Experiment,
    players: Players,
    draws: Minibatches,
    fake: Batch,
    key: Key[Array, ""],
    train: bool,
    score: Callable[..., tuple[Scores, Parameters]],
) -> tuple[Scores, Players, tuple[Batch, Batch]]:
    """What all players but the generator make of a minibatch, the discriminator by way of `score`; the players with their new statistics;
    and what the discriminator was shown of both sides."""
    sides, noise = (draws.real, fake), None
    of_real: dict[str, Float[Array, "n ..."]] = {}
    of_fake: dict[str, Float[Array, "n ..."]] = {}
    if experiment.others:
        first, second = jax.random.split(key)
        of_real, players = outputs(experiment, players, draws.real, first, train)
        of_fake, players = outputs(experiment, players, fake, second, train)
        noise, beside = draws.noise.x, of_real.get(experiment.loss.paired or "")
        sides = shown(experiment, draws.real, beside), shown(experiment, fake, noise)
    scores, stats = score(experiment, players[DISCRIMINATOR], *sides, key, train)
    judged = players[DISCRIMINATOR]._replace(stats=stats)
    found = Scores(scores.real, scores.fake, noise, of_real, of_fake)
    return found, {**players, DISCRIMINATOR: judged}, sides


def loss_and_gradients(
    experiment: Experiment, name: str, state: TrainState, draws: Minibatches, train: bool = True
) -> tuple[LossAndGradients, Memory]:
    """What the player `name` moves by on one minibatch, as the rules of `gradient` have it; and what parts remember after that."""
    rule: Rule = functools.partial(_plain, experiment, train)
    for own, part in experiment.gradient.items():
        rule = part.wrap(rule, functools.partial(move, experiment), GRADIENT + own)
    return rule(name, state, draws)


def _plain(
    experiment: Experiment, train: bool, name: str, state: TrainState, draws: Minibatches
) -> tuple[LossAndGradients, Memory]:
    """The gradient of the loss as it is: by the player's own parameters and, where rules may read them, by all others'."""

    def loss(params: dict[str, Parameters], shift: Any) -> tuple[Scalar, Played]:
        now = state._replace(players=with_params(state.players, params))
        return objective(experiment, name, now, draws, train)(params[name], shift)

    of = {who: state.players[who].params for who in (state.players if experiment.gradient else (name,))}
    still = jnp.zeros((len(draws.noise.x), *experiment.dataset.shape))
    (value, played), (grads, slope) = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(of, still)
    return LossAndGradients(value, grads, -slope, played), {**state.memory, **played.memory}


def move(experiment: Experiment, name: str, player: Player, found: LossAndGradients) -> Player:
    """The player after one update by its gradient: its optimizer, then the projections of its penalties."""
    params, opt = experiment.optimizer(name).apply(found.grads[name], player.opt, player.params)
    for penalty in experiment.penalties(name).values():
        params = penalty.project(params)
    return Player(params, found.played.stats, opt)


def update(experiment: Experiment, name: str, state: TrainState, draws: Minibatches) -> tuple[TrainState, Update]:
    """The state after one update of the player `name` on one minibatch, and what the update computed."""
    found, memory = loss_and_gradients(experiment, name, state, draws)
    player, played = move(experiment, name, state.players[name], found), found.played
    record = Update(
        draws.noise, draws.real, played.fake, played.scores, played.terms, found.loss, found.grads[name], found.pull
    )  # fmt: skip
    return state._replace(players={**state.players, name: player}, memory=memory), record


def with_params(players: Players, params: dict[str, Parameters]) -> Players:
    """The players, some of them with other parameters."""
    return {**players, **{name: players[name]._replace(params=own) for name, own in params.items()}}


def gradient(
    experiment: Experiment, name: str, state: TrainState, draws: Minibatches, train: bool = True
) -> Parameters:
    """The gradient that the player `name` moves by on one minibatch, by its own parameters."""
    return loss_and_gradients(experiment, name, state, draws, train)[0].grads[name]


def own_key(key: Key[Array, ""], name: str) -> Key[Array, ""]:
    """The key of the part `name` of a list: another part beside it leaves its random numbers as they are."""
    return jax.random.fold_in(key, zlib.crc32(name.encode()))


def adversarial(loss: Loss, name: str, scores: Scores) -> Scalar:
    """The term of the player's loss that pits it against the others: that of `loss`, which has a method of the player's name."""
    term: Scalar = getattr(loss, name)(scores)
    return loss.scale * term


def loss_terms(
    experiment: Experiment, name: str, game: Game, memory: Memory, key: Key[Array, ""]
) -> tuple[dict[str, Scalar], Memory]:
    """The terms of what a player minimizes, by name: the adversarial one, and that of each of its penalties that has one; and what
    these penalties remember now."""
    terms, remembered = {ADVERSARIAL: adversarial(experiment.loss, name, game.scores)}, {}
    for own, penalty in experiment.penalties(name).items():
        known = memory.get(PENALTY + own)
        extra = penalty.term(game, known, own_key(key, own))
        if extra is not None:
            terms[own] = extra
        if known is not None:
            remembered[PENALTY + own] = jax.lax.stop_gradient(penalty.remember(game, known))
    return terms, remembered


def total(terms: dict[str, Scalar]) -> Scalar:
    """The sum of the terms of a loss."""
    first, *others = terms.values()
    return sum(others, first)
