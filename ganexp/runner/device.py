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
from ganexp.training import Report, chunk, init, no_report
from ganexp.types import TrainState


class Constants(NamedTuple):
    """What never changes of a run: the numbers of its experiment, and the extent of its data, as arrays."""

    experiment: Experiment
    extent: Float[Any, "d 2"]


class Runs(ABC):
    """One run, or several that differ in numbers alone. States and reports are those of all of them."""

    @abstractmethod
    def apply(self, function: Callable[..., Any], *own: PyTree, shared: tuple[Any, ...] = (), **static: Any) -> Any:
        """`function(constants, data, *own, *shared, **static)` of each run; `own` are the arguments that each has its own of."""

    data: PyTree

    @abstractmethod
    def advance(self, state: TrainState, report: Report, stop: int, live: Collection[int]) -> tuple[TrainState, Report]:
        """The state of the lanes that are `live` at step `stop`, and the report of their last step; the others stay where they are."""

    @abstractmethod
    def lane(self, tree: PyTree, lane: int) -> PyTree:
        """One run's part of what is that of all."""

    def first_copy(self) -> PyTree:
        """The data as they lie on the first device."""
        return self.data

    def start(self) -> tuple[TrainState, Report]:
        """The state before the first step, and the report of none."""
        return self.apply(_start)


class SingleRun(Runs):
    """One run, on the default device."""

    def __init__(self, experiment: Experiment, data: PyTree):
        # Once, or every call would copy them to the device anew.
        self.constants, self.data = jax.device_put((constants(experiment), data))

    def apply(self, function: Callable[..., Any], *own: PyTree, shared: tuple[Any, ...] = (), **static: Any) -> Any:
        return _jitted(function, *static)(self.constants, self.data, *own, *shared, **static)

    def advance(self, state: TrainState, report: Report, stop: int, live: Collection[int]) -> tuple[TrainState, Report]:
        return self.apply(advance, state, report, np.int32(stop))

    def lane(self, tree: PyTree, lane: int) -> PyTree:
        return tree


def constants(experiment: Experiment) -> Constants:
    """The constants of one run, as NumPy's arrays."""
    return Constants(arrays(experiment), np.asarray(experiment.dataset.extent, np.float32))


@functools.cache
def _jitted(function: Callable[..., Any], *static: str) -> Any:
    return jax.jit(function, static_argnames=static)


def advance(
    constants: Constants, data: PyTree, state: TrainState, report: Report, stop: Any
) -> tuple[TrainState, Report]:
    """One run's chunk of training; see `training.chunk`."""
    return chunk(constants.experiment, data, state, report, stop)


def _start(constants: Constants, data: PyTree) -> tuple[TrainState, Report]:
    return init(constants.experiment), no_report(constants.experiment)
