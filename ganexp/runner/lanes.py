"""Runs side by side: the lanes of one program, spread over the machine's devices."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as Spec
from jaxtyping import PyTree

from ganexp.experiment import Experiment
from ganexp.runner.device import Runs, advance, run_inputs
from ganexp.training import StepHealth
from ganexp.types import TrainState

AXIS = "lanes"


class Lanes(Runs):
    """Runs that differ in numbers alone, one after the other on each device (`map`) or all at once (`vmap`).

    Mapped, a lane is bitwise identical to the same run on its own, on CPU; vectorized, products are batched and round differently.
    States, reports and whatever `apply` returns begin with an axis of `len(lanes)`, which is the number of experiments filled up
    to a multiple of the number of devices with copies of the last.
    """

    def __init__(self, experiments: Sequence[Experiment], data: PyTree, mode: str):
        self.mode, self.mesh = mode, _mesh(jax.device_count())
        self.missing = -len(experiments) % self.mesh.size
        self.inputs = self.stack([run_inputs(experiment) for experiment in experiments])
        self.data = jax.device_put(data, NamedSharding(self.mesh, Spec()))

    def __len__(self) -> int:
        return len(jax.tree.leaves(self.inputs)[0])

    def stack(self, trees: Sequence[PyTree]) -> PyTree:
        """The same tree of each experiment, stacked leaf by leaf and spread over the devices."""
        filled = [*trees, *[trees[-1]] * self.missing]
        return self.spread(jax.tree.map(_stacked, *filled))

    def spread(self, tree: PyTree) -> PyTree:
        """A stacked tree on the devices."""
        return jax.device_put(tree, NamedSharding(self.mesh, Spec(AXIS)))

    def first_copy(self) -> PyTree:
        return jax.tree.map(lambda array: array.addressable_data(0), self.data)

    def lane(self, tree: PyTree, lane: int) -> PyTree:
        return jax.tree.map(lambda leaf: leaf[lane], tree)

    def apply(self, function: Callable[..., Any], *own: PyTree, shared: tuple[Any, ...] = (), **static: Any) -> Any:
        mapped = _mapped(function, self.mesh, self.mode, tuple(static.items()))
        return mapped(self.inputs, self.data, own, shared)

    def advance(
        self, state: TrainState, health: StepHealth, stop: int, live: Collection[int]
    ) -> tuple[TrainState, StepHealth]:
        """Vectorized, all lanes go on: no lane can wait for less than the time that it would take."""
        if self.mode == "map":
            # What is at its own step to stop at costs nothing.
            stops = np.array(state.step)
            stops[sorted(live)] = stop
            return self.apply(advance, state, health, stops)
        step = np.int32(np.max(state.step))
        return self.apply(_advance_together, state.players, state.memory, health, shared=(step, np.int32(stop)))


def _stacked(*leaves: Any) -> Any:
    # A noisy optimizer's state has a key, which NumPy does not know.
    return jnp.stack(leaves) if isinstance(leaves[0], jax.Array) else np.stack(leaves)


def _advance_together(
    inputs: Any, data: PyTree, players: Any, memory: Any, health: StepHealth, step: Any, stop: Any
) -> tuple[TrainState, StepHealth]:
    # With one step for all lanes the loop has one condition, and nothing of a state has to be kept for those that wait.
    return advance(inputs, data, TrainState(step, players, memory), health, stop)


@functools.cache
def _mesh(devices: int) -> Mesh:
    return jax.make_mesh((devices,), (AXIS,), axis_types=(AxisType.Auto,))


@functools.cache
def _mapped(function: Callable[..., Any], mesh: Mesh, mode: str, static: tuple[tuple[str, Any], ...]) -> Any:
    def lanes(inputs: Any, data: PyTree, own: tuple[Any, ...], shared: tuple[Any, ...]) -> Any:
        def one(lane: tuple[Any, tuple[Any, ...]]) -> Any:
            return function(lane[0], data, *lane[1], *shared, **dict(static))

        every = (inputs, own)
        return jax.lax.map(one, every) if mode == "map" else jax.vmap(one)(every)

    over = Spec(AXIS), Spec(), Spec(AXIS), Spec()
    # What is constant when a loop begins varies over the devices later on: the check of that has no use here.
    return jax.jit(jax.shard_map(lanes, mesh=mesh, in_specs=over, out_specs=Spec(AXIS), check_vma=False))
