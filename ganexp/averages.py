"""Averages of the generator's weights."""

from __future__ import annotations

import jax
from jaxtyping import PyTree

from ganexp.component import component, setting
from ganexp.parts import Average
from ganexp.types import Parameters


@component
class Ema(Average):
    """a <- `decay` a + (1 - `decay`) w for each weight w, after each step, from a = w (Karras et al. 2018; Yazici et al. 2019)."""

    decay: float = setting(0.999, least=0, below=1)

    def init(self, params: Parameters) -> PyTree:
        return params

    def update(self, memory: PyTree, params: Parameters) -> PyTree:
        return jax.tree.map(lambda mean, new: self.decay * mean + (1 - self.decay) * new, memory, params)

    def weights(self, memory: PyTree) -> Parameters:
        return memory
