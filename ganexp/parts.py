"""What parts around the game are: bases, which are no options themselves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

from jaxtyping import Array, Float, Key, PyTree

from ganexp.component import Component, component, setting
from ganexp.types import (
    DISCRIMINATOR,
    GENERATOR,
    Batch,
    Critique,
    Memory,
    Minibatches,
    Net,
    Parameters,
    Player,
    Scalar,
    Scores,
    TrainState,
    Update,
)


@component
class Prior(Component):
    """The distribution of the generator's input."""

    dimension: int = setting(2, least=1)

    def sample(self, key: Key[Array, ""], n: int) -> Float[Array, "n d"]:
        """`n` independent noise vectors; pure."""
        raise NotImplementedError


@component
class Architecture(Component):
    """One player's network, before the shapes of its input and output are known. `reads` is how it takes a point: as a row of
    `numbers`, as an `image` [height, width, channels] where it is one, or None where it reads nothing."""

    reads: ClassVar[str | None] = "numbers"

    def net(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Net:
        """The network from points of shape `inputs` to points of shape `outputs`."""
        raise NotImplementedError


@component
class Output(Component):
    """What becomes of the generator's numbers before anyone sees them; `discrete` ones are 0 or 1 in evaluations."""

    discrete: ClassVar[bool] = True

    def emitted(self, x: Float[Array, "n ..."], key: Key[Array, ""], train: bool) -> Float[Array, "n ..."]:
        """The points, from the network's `x`; pure."""
        raise NotImplementedError


@component
class Schedule(Component):
    """How one number of the experiment changes with the step. `setting` is its dotted path."""

    setting: str = "optimizer.learning_rate"

    def value(self, base: Any, step: Any) -> Any:
        """The number at `step`, where `base` is its value in the config."""
        raise NotImplementedError


PlayerUpdate = Callable[[str, TrainState, Minibatches], tuple[TrainState, Update]]


@component
class Updates(Component):
    """The order in which the players move: one training step, of `d_steps` and `g_steps` updates.

    Any further player moves with the generator: as often, and on the same minibatches. `minibatch`: every update has a `fresh` one, or all of a step share the `same` one.
    """

    d_steps: int = setting(1, least=0, most=10_000)
    g_steps: int = setting(1, least=0, most=10_000)
    minibatch: str = setting("fresh", options=("fresh", "same"))

    @property
    def batches(self) -> int:
        """How many batches one step draws."""
        raise NotImplementedError

    @property
    def moves(self) -> int:
        """How many updates one step makes or, of a player that stands still, scores."""
        raise NotImplementedError

    @property
    def learned(self) -> int:
        """How many of these, the first ones, the discriminator learns from: epochs are counted by them."""
        raise NotImplementedError

    def step(
        self, players: tuple[str, ...], update: PlayerUpdate, state: TrainState, draws: Minibatches
    ) -> tuple[TrainState, dict[str, Update]]:
        """The state after one step, and each player's last update. `update` is a player's, by its name, from a state and on one minibatch; pure."""
        raise NotImplementedError


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
    """A player's loss on one minibatch, its gradient by the parameters of each player, minus its gradient by each generated point, and what it was computed
    from (`game.Played`).

    The player moves by the gradient by its own parameters; those by the others' are for rules that differentiate through a move.
    """

    loss: Scalar
    grads: dict[str, Parameters]
    pull: Float[Array, "n ..."]
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
