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


def repeat(
    player: str, times: int, experiment: Experiment, players: Players, draws: Callable[[Any], Draws]
) -> tuple[Player, Update]:
    """`times` updates of one player against a rival that stands still, on the batches `draws(0)`, `draws(1)`, ...

    A player that does not move (`times` = 0) is still scored, on the first batch.
    """
    if times == 0:
        return players[player], update(experiment, player, players, draws(0))[1]
    mover, record = update(experiment, player, players, draws(0))
    if times <= UNROLLED:
        for index in range(1, times):
            mover, record = update(experiment, player, {**players, player: mover}, draws(index))
        return mover, record

    def body(index: Any, carry: tuple[Player, Update]) -> tuple[Player, Update]:
        return update(experiment, player, {**players, player: carry[0]}, draws(index))

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
            real, noise = jax.tree.map(lambda leaf: leaf[number], (draws.real, draws.noise))
            return Draws(real, noise, draws.key[first + index])

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
