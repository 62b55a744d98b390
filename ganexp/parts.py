"""What parts around the game are: bases, which are no options themselves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from jaxtyping import Array, Key, PyTree

from ganexp.component import Component, component
from ganexp.types import Architecture, Batch, Parameters


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
