"""Runs on the device: their start and their steps; the same for one run and for many side by side."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float, PyTree

from ganexp.component import arrays
from ganexp.experiment import Experiment
from ganexp.training import StepHealth, chunk, init, initial_health
from ganexp.types import TrainState


class RunInputs(NamedTuple):
    """What never changes of a run: the numbers of its experiment, and the extent of its data, as arrays."""

    experiment: Experiment
    extent: Float[Any, "d 2"]


class Runs(ABC):
    """One run, or several that differ in numbers alone. States and reports are those of all of them."""

    @abstractmethod
    def apply(self, function: Callable[..., Any], *own: PyTree, shared: tuple[Any, ...] = (), **static: Any) -> Any:
        """`function(inputs, data, *own, *shared, **static)` of each run; `own` are the arguments that each has its own of."""

    data: PyTree

    @abstractmethod
    def advance(
        self, state: TrainState, health: StepHealth, stop: int, live: Collection[int]
    ) -> tuple[TrainState, StepHealth]:
        """The state of the lanes that are `live` at step `stop`, and the health of their last step; the others stay where they are."""

    @abstractmethod
    def lane(self, tree: PyTree, lane: int) -> PyTree:
        """One run's part of what is that of all."""

    def first_copy(self) -> PyTree:
        """The data as they lie on the first device."""
        return self.data

    def start(self) -> tuple[TrainState, StepHealth]:
        """The state before the first step, and the health of none."""
        return self.apply(_start)


class SingleRun(Runs):
    """One run, on the default device."""

    def __init__(self, experiment: Experiment, data: PyTree):
        # Once, or every call would copy them to the device anew.
        self.inputs, self.data = jax.device_put((run_inputs(experiment), data))

    def apply(self, function: Callable[..., Any], *own: PyTree, shared: tuple[Any, ...] = (), **static: Any) -> Any:
        return _jitted(function, *static)(self.inputs, self.data, *own, *shared, **static)

    def advance(
        self, state: TrainState, health: StepHealth, stop: int, live: Collection[int]
    ) -> tuple[TrainState, StepHealth]:
        return self.apply(advance, state, health, np.int32(stop))

    def lane(self, tree: PyTree, lane: int) -> PyTree:
        return tree


def run_inputs(experiment: Experiment) -> RunInputs:
    """The inputs of one run, as NumPy's arrays."""
    return RunInputs(arrays(experiment), np.asarray(experiment.dataset.extent, np.float32))


@functools.cache
def _jitted(function: Callable[..., Any], *static: str) -> Any:
    return jax.jit(function, static_argnames=static)


def advance(
    inputs: RunInputs, data: PyTree, state: TrainState, health: StepHealth, stop: Any
) -> tuple[TrainState, StepHealth]:
    """One run's chunk of training; see `training.chunk`."""
    return chunk(inputs.experiment, data, state, health, stop)


def _start(inputs: RunInputs, data: PyTree) -> tuple[TrainState, StepHealth]:
    return init(inputs.experiment), initial_health(inputs.experiment)
