"""The one-parameter problem: all data at 0 (Mescheder et al. 2018)."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Key, PyTree

from ganexp.component import component
from ganexp.types import Batch, Dataset, Extent


@component
class Dirac(Dataset):
    """Every point is 0, in one dimension: the generator's point theta and the discriminator psi * x meet at (0, 0)."""

    @property
    def shape(self) -> tuple[int, ...]:
        return (1,)

    def sample(self, data: PyTree, key: Key[Array, ""], n: int) -> Batch:
        return Batch(jnp.zeros((n, 1)))

    @property
    def extent(self) -> Extent:
        return (-2.0, 2.0), (-2.0, 2.0)
