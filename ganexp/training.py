"""Training on the device: the start, one step, and a chunk of steps in one call."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import checkify
from jaxtyping import Array, Bool, Float, Int, Key, PyTree

from ganexp.experiment import AVERAGE, GRADIENT, PENALTY, Experiment, Stream
from ganexp.game import draw_noise, update
from ganexp.types import GENERATOR, Batch, Memory, Minibatches, Player, TrainState, Update

# A block of steps draws its random numbers in one call: about as many numbers as fit in a core's cache.
# Its steps divide a hundred, so that blocks end where records are due, and none is drawn twice.
BLOCK_NUMBERS = 2**17
BLOCK_STEPS = (50, 25, 20, 10, 5, 4, 2, 1)
SMALL = 4096  # numbers in an array that is looked at together with others


class StepHealth(NamedTuple):
    """The last step's losses, named as `Experiment.losses` says; the first step (counted from 1) with a number that is not finite, or 0; and which
    of `signals` were not finite then."""

    losses: dict[str, Float[Array, ""]]
    bad_step: Int[Array, ""]
    bad: Bool[Array, " signals"]


def signals(experiment: Experiment) -> list[str]:
    """What is watched for numbers that are not finite, in the order of `StepHealth.bad`."""
    return [f"{what} of the {player}" for what in ("loss", "gradient", "weights") for player in experiment.players]


def init(experiment: Experiment) -> TrainState:
    """The players before the first step."""
    networks = experiment.networks()
    players = {}
    for number, player in enumerate(experiment.players):
        key, noise = jax.random.split(jax.random.fold_in(experiment.key(Stream.INITIALIZATION), number))
        params, stats = networks[player].init(key)
        players[player] = Player(params, stats, experiment.optimizer(player).init(params, noise))
    return TrainState(jnp.int32(0), players, _memory(experiment, players))


def _memory(experiment: Experiment, players: dict[str, Player]) -> Memory:
    """What parts remember before the first step; a part that remembers nothing has no entry."""
    memory = {PENALTY + own: part.init(players[part.player].params) for own, part in experiment.penalty.items()}
    memory |= {GRADIENT + own: part.init(players) for own, part in experiment.gradient.items()}
    if experiment.average is not None:
        memory[AVERAGE] = experiment.average.init(players[GENERATOR].params)
    return {name: part for name, part in memory.items() if part is not None}


def draw(experiment: Experiment, data: PyTree, step: Int[Array, ""]) -> Minibatches:
    """The random numbers of one step: a function of the seed and the step."""
    experiment = experiment.at(step)
    batches, size = experiment.updates.batches, experiment.batch_size
    key = jax.random.fold_in(experiment.key(Stream.TRAINING), step)
    points, noise, others = jax.random.split(key, 3)
    sides = _real(experiment, data, step, points), draw_noise(experiment, data, noise, batches * size)
    real, noise = jax.tree.map(lambda leaf: leaf.reshape(batches, size, *leaf.shape[1:]), sides)
    return Minibatches(real, noise, jax.random.split(others, experiment.updates.moves))


def _real(experiment: Experiment, data: PyTree, step: Int[Array, ""], key: Key[Array, ""]) -> Batch:
    dataset, size = experiment.dataset, experiment.batch_size
    learned, batches = experiment.updates.learned * size, experiment.updates.batches * size
    if dataset.size is None:
        return dataset.sample(data, key, batches)
    # Epochs are of what the discriminator learns from; the generator's own batches, which few losses read, are by the way.
    first = dataset.training(data, experiment.key(Stream.ORDER), step, key, learned)
    rest = dataset.sample(data, jax.random.fold_in(key, 1), batches - learned)
    return jax.tree.map(lambda *parts: jnp.concatenate(parts), first, rest)


def train_step(experiment: Experiment, state: TrainState, draws: Minibatches) -> tuple[TrainState, dict[str, Update]]:
    """The state after one step, and each player's last update."""
    experiment = experiment.at(state.step)
    state, updates = experiment.updates.step(experiment.players, functools.partial(update, experiment), state, draws)
    memory = state.memory
    if experiment.average is not None:
        memory = {**memory, AVERAGE: experiment.average.update(memory[AVERAGE], state.players[GENERATOR].params)}
    return TrainState(state.step + 1, state.players, memory), updates


def block_length(experiment: Experiment) -> int:
    """How many steps draw their random numbers at once: a function of shapes only, and without effect on any number."""
    numbers = math.prod(experiment.dataset.shape) + experiment.prior.dimension
    most = BLOCK_NUMBERS // (numbers * experiment.batch_size * experiment.updates.batches)
    return next((steps for steps in BLOCK_STEPS if steps <= most), 1)


@jax.jit
def chunk(
    experiment: Experiment, data: PyTree, state: TrainState, health: StepHealth, stop: Int[Array, ""]
) -> tuple[TrainState, StepHealth]:
    """The state at step `stop`, and the health of the last step.

    `stop` is traced: chunks of any length run the same program, so that no `*_every` can change a number.
    """
    length = block_length(experiment)

    def block(carry: tuple[TrainState, StepHealth]) -> tuple[TrainState, StepHealth]:
        first = carry[0].step // length * length
        draws = jax.vmap(lambda step: draw(experiment, data, step))(first + jnp.arange(length))
        end = jnp.minimum(stop, first + length)

        def step(carry: tuple[TrainState, StepHealth]) -> tuple[TrainState, StepHealth]:
            state, health = carry
            state, updates = train_step(experiment, state, jax.tree.map(lambda leaf: leaf[state.step - first], draws))
            return state, check_finite(experiment, health, state, updates)

        return jax.lax.while_loop(lambda carry: carry[0].step < end, step, carry)

    return jax.lax.while_loop(lambda carry: carry[0].step < stop, block, (state, health))


def initial_health(experiment: Experiment) -> StepHealth:
    """The health before the first step."""
    # NumPy's, because every little operation of JAX's would be a program of its own to compile.
    nothing: Any = (
        dict.fromkeys(experiment.losses(), np.float32(0)),
        np.int32(0),
        np.zeros(len(signals(experiment)), bool),
    )
    return StepHealth(*nothing)


def first_bad_operation(experiment: Experiment, data: PyTree, state: TrainState, last: int) -> str | None:
    """The operation that first made a number that is not finite, between the steps of `state` and `last`; None if none did."""

    def step(experiment: Experiment, data: PyTree, state: TrainState) -> TrainState:
        return train_step(experiment, state, draw(experiment, data, state.step))[0]

    checked = jax.jit(checkify.checkify(step, errors=checkify.float_checks))
    while int(state.step) < last:
        error, state = checked(experiment, data, state)
        if message := error.get():
            return str(message).splitlines()[0]
    return None


def check_finite(
    experiment: Experiment, health: StepHealth, state: TrainState, updates: dict[str, Update]
) -> StepHealth:
    """The health after a step: its losses, and whether its losses, gradients or weights are the first not to be finite."""

    def not_finite(tree: PyTree) -> Bool[Array, ""]:
        # 0 times a number is 0 when it is finite, and NaN otherwise; a sum keeps NaN. One pass, and no overflow. One sum
        # for all small leaves: a sum for each would be half of a small network's operations. Large ones are not copied.
        large: list[Any] = []
        small: list[Any] = [jnp.zeros(1)]
        for leaf in jax.tree.leaves(tree):
            (large if leaf.size > SMALL else small).append(leaf.ravel())
        return jnp.isnan(sum([(0 * leaf).sum() for leaf in large], (0 * jnp.concatenate(small)).sum()))

    players = experiment.players
    terms = {f"{player}/{term}": value for player in players for term, value in updates[player].terms.items()}
    known = {**{player: updates[player].loss for player in players}, **terms}
    losses = {name: known[name] for name in health.losses}
    bad = jnp.stack(
        [not_finite(losses[player]) for player in players]
        + [not_finite(updates[player].grads) for player in players]
        + [not_finite(state.players[player].params) for player in players]
    )
    first = (health.bad_step == 0) & bad.any()
    return StepHealth(losses, jnp.where(first, state.step, health.bad_step), jnp.where(first, bad, health.bad))
