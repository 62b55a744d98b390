"""What parts around the game are: bases, which are no options themselves."""

from __future__ import annotations

from abc import ABC, abstractmethod

from jaxtyping import PyTree

from ganexp.component import Component, component
from ganexp.types import Parameters


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
