"""Shapes without modes: two half-moons and a spiral."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PyTree

from ganexp.component import component, setting
from ganexp.types import Batch, Dataset, Extent


@component
class Moons(Dataset):
    """Two interleaving half-circles of radius 1, around (0, 0), label 0, and (1, 1/2), label 1, with noise of standard deviation `std`."""

    std: float = setting(0.05, above=0)

    def sample(self, data: PyTree, key: Key[Array, ""], n: int) -> Batch:
        first, second, third = jax.random.split(key, 3)
        angle = jnp.pi * jax.random.uniform(first, (n,))
        upper = jax.random.bernoulli(second, 0.5, (n,))
        x = jnp.where(upper, jnp.cos(angle), 1 - jnp.cos(angle))
        y = jnp.where(upper, jnp.sin(angle), 0.5 - jnp.sin(angle))
        points = jnp.stack([x, y], axis=1) + self.std * jax.random.normal(third, (n, 2))
        return Batch(points, 1 - upper.astype(jnp.int32))

    @property
    def classes(self) -> int:
        return 2

    def frequencies(self, data: PyTree) -> Float[Array, " classes"]:
        return jnp.full(2, 0.5)

    @property
    def extent(self) -> Extent:
        margin = 0.2 + 4 * self.std
        return (-1 - margin, 2 + margin), (-0.5 - margin, 1 + margin)


@component
class Spiral(Dataset):
    """An Archimedean spiral that reaches `radius` after `turns`, evenly by angle, with noise of standard deviation `std`."""

    turns: float = setting(2.0, above=0)
    radius: float = setting(2.0, above=0)
    std: float = setting(0.05, above=0)

    def sample(self, data: PyTree, key: Key[Array, ""], n: int) -> Batch:
        first, second = jax.random.split(key)
        u = jax.random.uniform(first, (n,))
        angle = 2 * jnp.pi * self.turns * u
        points = self.radius * u[:, None] * jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=1)
        return Batch(points + self.std * jax.random.normal(second, (n, 2)))

    @property
    def extent(self) -> Extent:
        bound = 1.15 * self.radius + 4 * self.std
        return (-bound, bound), (-bound, bound)
