"""One player's update, and the order in which the players move."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ganexp.component import SettingError, component, setting
from ganexp.experiment import ADVERSARIAL, Experiment, Networks
from ganexp.types import DISCRIMINATOR, GENERATOR, Draws, Player, Scalar, Scores, Update, Updates

Players = dict[str, Player]
SMALL = 1024  # numbers in a weight matrix
UNROLLED = 2  # Longer runs of updates are a loop: XLA compiles the body once.


def score(
    networks: Networks, player: Player, real: Float[Array, "n ..."], fake: Float[Array, "n ..."], key: Key[Array, ""]
) -> tuple[Scores, Any]:
    """The discriminator's logits on both sides in training mode, and its new statistics: in two passes, real first.

    Where a loss reads one side only, XLA drops the other pass.
    """
    apply = networks.discriminator.apply
    first, second = jax.random.split(key)
    real_logits, _, stats = apply(player.params, player.stats, real, first, True)
    fake_logits, _, stats = apply(player.params, stats, fake, second, True)
    return Scores(real_logits, fake_logits), stats


def score_at_once(
    networks: Networks, player: Player, real: Float[Array, "n ..."], fake: Float[Array, "n ..."], key: Key[Array, ""]
) -> tuple[Scores, Any]:
    """As `score`, in one pass over both where that is faster, and the same: without statistics of the batch."""
    # A small network is bound by the number of operations. A larger one is bound by matrix products, and the gradients'
    # products, which sum over the batch, take XLA on a CPU less time on two short batches than on a long one.
    large = any(leaf.size > SMALL for leaf in jax.tree.leaves(player.params))
    if large or jax.tree.leaves(player.stats):
        return score(networks, player, real, fake, key)
    points = jnp.concatenate([real, fake])
    logits, _, stats = networks.discriminator.apply(player.params, player.stats, points, key, True)
    return Scores(logits[: len(real)], logits[len(real) :]), stats


def discriminator_update(experiment: Experiment, players: Players, draws: Draws) -> tuple[Player, Update]:
    """The discriminator after one update on one batch, and what the update computed."""
    networks = experiment.networks()
    generator, discriminator = players[GENERATOR], players[DISCRIMINATOR]
    make, judge, term = jax.random.split(draws.key, 3)
    fake, _, _ = networks.generator.apply(generator.params, generator.stats, draws.noise, make, True)

    def cost(params: Any) -> Any:
        player = discriminator._replace(params=params)
        scores, stats = score_at_once(networks, player, draws.real, fake, judge)

        def critic(points: Any) -> Any:
            return networks.discriminator.apply(params, player.stats, points, judge, True)[0]

        terms = discriminator_terms(experiment, scores, critic, draws.real, fake, term)
        return total(terms), (scores, stats, terms)

    (loss, (scores, stats, terms)), grads = jax.value_and_grad(cost, has_aux=True)(discriminator.params)
    params, opt = experiment.discriminator_optimizer.apply(grads, discriminator.opt, discriminator.params)
    for penalty in experiment.penalty.values():
        params = penalty.project(params)
    return Player(params, stats, opt), Update(draws.noise, draws.real, fake, scores, terms, loss, grads)


def discriminator_terms(
    experiment: Experiment,
    scores: Scores,
    critic: Callable[[Any], Any],
    real: Float[Array, "n ..."],
    fake: Float[Array, "n ..."],
    key: Key[Array, ""],
) -> dict[str, Scalar]:
    """The terms of what the discriminator minimizes, by name: the adversarial one, and that of each penalty that has one."""
    terms = {ADVERSARIAL: experiment.loss.scale * experiment.loss.discriminator(scores)}
    for name, penalty in experiment.penalty.items():
        # By name: another penalty beside it leaves this one's random numbers as they are.
        extra = penalty.term(critic, real, fake, jax.random.fold_in(key, zlib.crc32(name.encode())))
        if extra is not None:
            terms[name] = extra
    return terms


def total(terms: dict[str, Scalar]) -> Scalar:
    """The sum of the terms of a loss."""
    first, *others = terms.values()
    return sum(others, first)


def generator_update(experiment: Experiment, players: Players, draws: Draws) -> tuple[Player, Update]:
    """The generator after one update on one batch, and what the update computed."""
    networks = experiment.networks()
    generator, discriminator = players[GENERATOR], players[DISCRIMINATOR]
    make, judge, _ = jax.random.split(draws.key, 3)

    def cost(params: Any) -> Any:
        fake, _, stats = networks.generator.apply(params, generator.stats, draws.noise, make, True)
        scores, _ = score(networks, discriminator, draws.real, fake, judge)
        return experiment.loss.scale * experiment.loss.generator(scores), (fake, scores, stats)

    (loss, (fake, scores, stats)), grads = jax.value_and_grad(cost, has_aux=True)(generator.params)
    params, opt = experiment.generator_optimizer.apply(grads, generator.opt, generator.params)
    return Player(params, stats, opt), Update(draws.noise, draws.real, fake, scores, {ADVERSARIAL: loss}, loss, grads)


UPDATE = {DISCRIMINATOR: discriminator_update, GENERATOR: generator_update}


def repeat(
    player: str, times: int, experiment: Experiment, players: Players, draws: Callable[[Any], Draws]
) -> tuple[Player, Update]:
    """`times` updates of one player against a rival that stands still, on the batches `draws(0)`, `draws(1)`, ...

    A player that does not move (`times` = 0) is still scored, on the first batch.
    """
    update = UPDATE[player]
    if times == 0:
        return players[player], update(experiment, players, draws(0))[1]
    mover, record = update(experiment, players, draws(0))
    if times <= UNROLLED:
        for index in range(1, times):
            mover, record = update(experiment, {**players, player: mover}, draws(index))
        return mover, record

    def body(index: Any, carry: tuple[Player, Update]) -> tuple[Player, Update]:
        return update(experiment, {**players, player: carry[0]}, draws(index))

    return jax.lax.fori_loop(1, times, body, (mover, record))


class _Counted(Updates):
    def check(self) -> None:
        if self.d_steps == 0 and self.g_steps == 0:
            raise SettingError("d_steps", "d_steps and g_steps are both 0; at least one player must move")

    @property
    def batches(self) -> int:
        return 1 if self.minibatch == "same" else self.moves

    @property
    def moves(self) -> int:
        return max(self.d_steps, 1) + max(self.g_steps, 1)

    @property
    def learned(self) -> int:
        return 1 if self.minibatch == "same" else max(self.d_steps, 1)

    def batch(self, player: str, draws: Draws) -> Callable[[Any], Draws]:
        """The batches of one player's updates, by number."""
        first = 0 if player == DISCRIMINATOR else max(self.d_steps, 1)

        def draw(index: Any) -> Draws:
            number = 0 if self.minibatch == "same" else first + index
            # The key is each update's own even on the same minibatch, so that dropout differs.
            return Draws(draws.real[number], draws.noise[number], draws.key[first + index])

        return draw

    @property
    def times(self) -> dict[str, int]:
        return {DISCRIMINATOR: self.d_steps, GENERATOR: self.g_steps}


@component
class Alternating(_Counted):
    """`d_steps` updates of the discriminator, then `g_steps` of the generator against the discriminator so reached.

    `first` says who begins. Algorithm 1 of Goodfellow et al. (2014) is `first: discriminator`, `minibatch: fresh`, `g_steps: 1` and d_steps = k.
    """

    first: str = setting(DISCRIMINATOR, options=(DISCRIMINATOR, GENERATOR))

    def step(self, experiment: Experiment, players: Players, draws: Draws) -> tuple[Players, dict[str, Update]]:
        records = {}
        second = GENERATOR if self.first == DISCRIMINATOR else DISCRIMINATOR
        for player in (self.first, second):
            mover, records[player] = repeat(player, self.times[player], experiment, players, self.batch(player, draws))
            players = {**players, player: mover}
        return players, records


@component
class Simultaneous(_Counted):
    """Both players move against the rival as it was at the start of the step (Mescheder et al. 2017)."""

    def step(self, experiment: Experiment, players: Players, draws: Draws) -> tuple[Players, dict[str, Update]]:
        moves = {
            player: repeat(player, self.times[player], experiment, players, self.batch(player, draws))
            for player in (DISCRIMINATOR, GENERATOR)
        }
        return {player: move[0] for player, move in moves.items()}, {player: move[1] for player, move in moves.items()}
