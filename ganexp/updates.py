"""One player's update, and the order in which the players move."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from ganexp.component import SettingError, component, setting
from ganexp.experiment import Experiment
from ganexp.game import Players, objective
from ganexp.types import DISCRIMINATOR, GENERATOR, Draws, Player, Update, Updates

UNROLLED = 2  # Longer runs of updates are a loop: XLA compiles the body once.


def update(experiment: Experiment, name: str, players: Players, draws: Draws) -> tuple[Player, Update]:
    """The player `name` after one update on one minibatch, and what the update computed."""
    player, optimizer = players[name], experiment.optimizer(name)
    loss = objective(experiment, name, players, draws)
    (value, played), grads = jax.value_and_grad(loss, has_aux=True)(player.params)
    params, opt = optimizer.apply(grads, player.opt, player.params)
    if name == DISCRIMINATOR:
        for penalty in experiment.penalty.values():
            params = penalty.project(params)
    record = Update(draws.noise, draws.real, played.fake, played.scores, played.terms, value, grads)
    return Player(params, played.stats, opt), record


def side(experiment: Experiment, player: str) -> tuple[str, ...]:
    """The players that move together with the discriminator, which has no company, or with the generator."""
    return (DISCRIMINATOR,) if player == DISCRIMINATOR else (GENERATOR, *experiment.others)


def repeat(
    side: tuple[str, ...], times: int, experiment: Experiment, players: Players, draws: Callable[[Any], Draws]
) -> tuple[Players, dict[str, Update]]:
    """`times` updates of the players of one side against a rival that stands still, on the batches `draws(0)`, `draws(1)`, ...; these
    players, and the last update of each. In one update all of them move from where they were before it.

    Players that do not move (`times` = 0) are still scored, on the first batch.
    """

    def once(movers: Players, index: Any) -> tuple[Players, dict[str, Update]]:
        moves = {name: update(experiment, name, {**players, **movers}, draws(index)) for name in side}
        return {name: move[0] for name, move in moves.items()}, {name: move[1] for name, move in moves.items()}

    movers, records = once({}, 0)
    if times == 0:
        return {name: players[name] for name in side}, records
    if times <= UNROLLED:
        for index in range(1, times):
            movers, records = once(movers, index)
        return movers, records
    return jax.lax.fori_loop(1, times, lambda index, carry: once(carry[0], index), (movers, records))


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
    """`d_steps` updates of the discriminator, then `g_steps` of the generator, and of any further player with it, against the
    discriminator so reached.

    `first` says who begins. Algorithm 1 of Goodfellow et al. (2014) is `first: discriminator`, `minibatch: fresh`, `g_steps: 1` and d_steps = k.
    """

    first: str = setting(DISCRIMINATOR, options=(DISCRIMINATOR, GENERATOR))

    def step(self, experiment: Experiment, players: Players, draws: Draws) -> tuple[Players, dict[str, Update]]:
        records: dict[str, Update] = {}
        second = GENERATOR if self.first == DISCRIMINATOR else DISCRIMINATOR
        for player in (self.first, second):
            movers, moves = repeat(
                side(experiment, player), self.times[player], experiment, players, self.batch(player, draws)
            )
            players, records = {**players, **movers}, {**records, **moves}
        return players, records


@component
class Simultaneous(_Counted):
    """All players move against the others as they were at the start of the step (Mescheder et al. 2017)."""

    def step(self, experiment: Experiment, players: Players, draws: Draws) -> tuple[Players, dict[str, Update]]:
        after: Players = {}
        records: dict[str, Update] = {}
        for player in (DISCRIMINATOR, GENERATOR):
            movers, moves = repeat(
                side(experiment, player), self.times[player], experiment, players, self.batch(player, draws)
            )
            after, records = {**after, **movers}, {**records, **moves}
        return after, records
