"""What parts around the game are: bases, which are no options themselves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

from jaxtyping import Array, Key, PyTree

from ganexp.component import Component, component, setting
from ganexp.types import (
    DISCRIMINATOR,
    GENERATOR,
    Architecture,
    Batch,
    Critique,
    Memory,
    Minibatches,
    Parameters,
    Player,
    Scalar,
    Scores,
    TrainState,
)


@component
class Average(Component, ABC):
    """An average of the generator's weights over the steps: what evaluations, pictures and samples are of, and training never sees."""

    @abstractmethod
    def init(self, params: Parameters) -> PyTree:
        """What is remembered before the first step, from the first weights."""

    @abstractmethod
    def update(self, memory: PyTree, params: Parameters) -> PyTree:
        """What is remembered after a step that left the weights `params`; pure."""

    @abstractmethod
    def weights(self, memory: PyTree) -> Parameters:
        """The averaged weights; pure."""


@component
class Input(Component, ABC):
    """What the discriminator sees of points, real and generated alike. `coupled`: of one point, something of the others of its batch."""

    coupled: ClassVar[bool] = False

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of what is seen of one point of this shape."""
        return shape

    @abstractmethod
    def apply(self, batch: Batch, key: Key[Array, ""], train: bool) -> Batch:
        """What is seen of the batch; pure. Only training has randomness."""


class Conditioning(ABC):
    """How a network is told the label of each point or noise vector, one of `classes`."""

    @abstractmethod
    def shape(self, architecture: Architecture, inputs: tuple[int, ...], classes: int) -> tuple[int, ...]:
        """The shape of what the network reads in place of a point of shape `inputs`; raises SettingError where it takes no labels."""

    @abstractmethod
    def tell(self, batch: Batch, shape: tuple[int, ...], classes: int) -> Batch:
        """The batch as the network reads it, each point of this `shape`; pure."""


class Game(NamedTuple):
    """What a penalty reads of one player's loss on one minibatch: that player's parameters, the points, what the discriminator says of
    them, and both networks as functions, from points to a critique and from noise to points."""

    params: Parameters
    real: Batch
    noise: Batch
    fake: Batch
    scores: Scores
    critic: Callable[[Batch], Critique]
    generate: Callable[[Batch], Batch]


@component
class Penalty(Component, ABC):
    """A term added to the loss of `player`, a set its weights are kept in, or both: `term`, `project`. It may remember: `init`, `remember`.

    `players` are those it makes sense for.
    """

    players: ClassVar[tuple[str, ...]] = (GENERATOR, DISCRIMINATOR)

    player: str = setting(DISCRIMINATOR, options=(GENERATOR, DISCRIMINATOR))

    def init(self, params: Parameters) -> PyTree | None:
        """What is remembered before the first update, from the player's first weights; None: nothing."""

    def term(self, game: Game, memory: PyTree | None, key: Key[Array, ""]) -> Scalar | None:
        """The term, a function of the parameters in `game`; None where there is none. Pure."""

    def remember(self, game: Game, memory: PyTree) -> PyTree:
        """What is remembered after an update of the player, whose loss was that of `game`; no gradient passes it. Pure."""
        return memory

    def project(self, params: Parameters) -> Parameters:
        """The player's weights after an update, put back into the allowed set; pure."""
        return params


class LossAndGradients(NamedTuple):
    """A player's loss on one minibatch, its gradient by the parameters of each player, and what it was computed from (`game.Played`).

    The player moves by the gradient by its own parameters; those by the others' are for rules that differentiate through a move.
    """

    loss: Scalar
    grads: dict[str, Parameters]
    played: Any


Rule = Callable[[str, TrainState, Minibatches], tuple[LossAndGradients, Memory]]
Move = Callable[[str, Player, LossAndGradients], Player]


@component
class Gradient(Component, ABC):
    """A rule that turns the players' losses into the gradients they move by. Each wraps the one before it; the first wraps the plain
    gradient. It may remember: `init`."""

    def init(self, players: dict[str, Player]) -> PyTree | None:
        """What is remembered before the first update, under the rule's own name in a state's memory; None: nothing."""

    def fits(self, optimizers: Mapping[str, str]) -> str | None:
        """Why the rule cannot be where the players have these optimizers, by Optax's names; None where it can."""
        return None

    @abstractmethod
    def wrap(self, before: Rule, move: Move, own: str) -> Rule:
        """The rule that makes the gradients of a player's update, from the rule `before` it; pure.

        `move` is a player after one update by its gradient. What the rule remembers is `memory[own]`, and is passed on, changed or not.
        """

    @property
    def held(self) -> int:
        """How many updates of the discriminator the rule holds on the device at once, to differentiate through them."""
        return 0
