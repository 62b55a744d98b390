"""The order in which the players move."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from ganexp.component import SettingError, component, setting
from ganexp.parts import PlayerUpdate, Updates
from ganexp.types import DISCRIMINATOR, GENERATOR, Minibatches, Player, TrainState, Update

UNROLLED = 2  # Longer runs of updates are a loop: XLA compiles the body once.


def side(players: tuple[str, ...], player: str) -> tuple[str, ...]:
    """The players that move together with the discriminator, which has no company, or with the generator."""
    return tuple(name for name in players if (name == DISCRIMINATOR) == (player == DISCRIMINATOR))


def repeat(
    side: tuple[str, ...], times: int, update: PlayerUpdate, state: TrainState, draws: Callable[[Any], Minibatches]
) -> tuple[TrainState, dict[str, Update]]:
    """`times` updates of the players of one side against a rival that stands still, on the batches `draws(0)`, `draws(1)`, ...; and
    the last update of each. In one update all of them move from where they were before it.

    Players that do not move (`times` = 0) are still scored, on the first batch.
    """

    def once(state: TrainState, index: Any) -> tuple[TrainState, dict[str, Update]]:
        moved, records, memory = {}, {}, state.memory
        for name in side:
            # What is remembered goes on from each player to the next.
            after, records[name] = update(name, state._replace(memory=memory), draws(index))
            moved[name], memory = after.players[name], after.memory
        return state._replace(players={**state.players, **moved}, memory=memory), records

    after, records = once(state, 0)
    if times == 0:
        return state, records
    if times <= UNROLLED:
        for index in range(1, times):
            after, records = once(after, index)
        return after, records
    return jax.lax.fori_loop(1, times, lambda index, carry: once(carry[0], index), (after, records))


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

    def batch(self, player: str, draws: Minibatches) -> Callable[[Any], Minibatches]:
        """The batches of one player's updates, by number."""
        first = 0 if player == DISCRIMINATOR else max(self.d_steps, 1)

        def draw(index: Any) -> Minibatches:
            number = 0 if self.minibatch == "same" else first + index
            # The key is each update's own even on the same minibatch, so that dropout differs.
            real, noise = jax.tree.map(lambda leaf: leaf[number], (draws.real, draws.noise))
            return Minibatches(real, noise, draws.key[first + index])

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

    def step(
        self, players: tuple[str, ...], update: PlayerUpdate, state: TrainState, draws: Minibatches
    ) -> tuple[TrainState, dict[str, Update]]:
        records: dict[str, Update] = {}
        second = GENERATOR if self.first == DISCRIMINATOR else DISCRIMINATOR
        for player in (self.first, second):
            movers, batch = side(players, player), self.batch(player, draws)
            state, moves = repeat(movers, self.times[player], update, state, batch)
            records |= moves
        return state, records


@component
class Simultaneous(_Counted):
    """All players move against the others as they were at the start of the step (Mescheder et al. 2017)."""

    def step(
        self, players: tuple[str, ...], update: PlayerUpdate, state: TrainState, draws: Minibatches
    ) -> tuple[TrainState, dict[str, Update]]:
        moved: dict[str, Player] = {}
        records: dict[str, Update] = {}
        memory = state.memory
        for player in (DISCRIMINATOR, GENERATOR):
            movers, batch = side(players, player), self.batch(player, draws)
            # The players start from the same state, but what is remembered goes on from each to the next.
            start = state._replace(memory=memory)
            after, moves = repeat(movers, self.times[player], update, start, batch)
            moved |= {name: after.players[name] for name in movers}
            records, memory = records | moves, after.memory
        return state._replace(players=moved, memory=memory), records
