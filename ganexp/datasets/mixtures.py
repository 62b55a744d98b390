"""Mixtures of Gaussians in the plane: a ring and a grid."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, PyTree

from ganexp.component import SettingError, component, setting
from ganexp.types import Batch, Dataset, Extent, Modes


def mixture(
    key: Key[Array, ""], n: int, centers: Float[Array, "k d"], weights: Float[Array, " k"]
) -> tuple[Int[Array, " n"], Float[Array, "n d"], Float[Array, "n d"]]:
    """The modes of `n` points drawn by `weights`, by number, their centers, and unit normal noise for each."""
    pick, noise = jax.random.split(key)
    edges = jnp.cumsum(weights) / jnp.sum(weights)
    u = jax.random.uniform(pick, (n, 1))
    # A handful of comparisons is far cheaper on a CPU than a categorical draw or a binary search. The last edge may be
    # rounded below 1, so it is left out.
    index = (u >= edges[None, :-1]).sum(axis=1)
    return index, centers[index], jax.random.normal(noise, (n, centers.shape[1]))


def check_weights(weights: Sequence[float] | None, modes: int) -> None:
    """Refuse weights that do not match the number of modes, or sum to 0."""
    if weights is None:
        return
    if len(weights) != modes:
        raise SettingError(
            "weights", f"{len(weights)} weights for {modes} modes; give one for each, or null for equal ones"
        )
    if not sum(weights) > 0:
        raise SettingError("weights", f"{list(weights)} sum to 0; at least one must be above 0")


def shares(weights: Sequence[float] | None, modes: int) -> Float[np.ndarray, " k"]:
    """The weights as numbers that sum to 1; equal ones for None."""
    weight = np.ones(modes) if weights is None else np.asarray(weights, float)
    return weight / weight.sum()


def box(modes: Modes, deviations: float = 6.0) -> Extent:
    """The box around all modes, `deviations` standard deviations wide beyond the outermost, and at least a tenth more."""
    low = (modes.centers - deviations * modes.stds).min(axis=0)
    high = (modes.centers + deviations * modes.stds).max(axis=0)
    margin = 0.1 * (high - low)
    (x0, y0), (x1, y1) = low - margin, high + margin
    return (float(x0), float(x1)), (float(y0), float(y1))


@component
class Ring(Dataset):
    """`n` Gaussians of standard deviation `std` around a circle of `radius`, the first at angle 0; `weights` by mode (null: equal)."""

    n: int = setting(8, least=1, most=1000)
    radius: float = setting(2.0, above=0)
    std: float = setting(0.1, above=0)
    weights: list[float] | None = setting(None, least=0)

    def check(self) -> None:
        check_weights(self.weights, self.n)

    def _centers(self) -> Float[np.ndarray, "k 2"]:
        angles = 2 * np.pi * np.arange(self.n) / self.n
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)

    def _weights(self) -> Float[Array, " k"]:
        return jnp.ones(self.n) if self.weights is None else jnp.stack(self.weights)

    def sample(self, data: PyTree, key: Key[Array, ""], n: int) -> Batch:
        mode, centers, noise = mixture(key, n, jnp.asarray(self._centers(), jnp.float32), self._weights())
        return Batch(self.radius * centers + self.std * noise, mode)

    @property
    def classes(self) -> int:
        return self.n

    def frequencies(self, data: PyTree) -> Float[Array, " classes"]:
        return self._weights() * (1 / self._weights().sum())

    def modes(self) -> Modes:
        return Modes(self.radius * self._centers(), np.full((self.n, 2), self.std), shares(self.weights, self.n))

    @property
    def extent(self) -> Extent:
        return box(self.modes())


@component
class Grid(Dataset):
    """`side` x `side` Gaussians of standard deviation `std`, `spacing` apart and centered at 0; `weights` row by row from the lowest x."""

    side: int = setting(5, least=1, most=30)
    spacing: float = setting(2.0, above=0)
    std: float = setting(0.05, above=0)
    weights: list[float] | None = setting(None, least=0)

    def check(self) -> None:
        check_weights(self.weights, self.side**2)

    def _centers(self) -> Float[np.ndarray, "k 2"]:
        steps = np.arange(self.side) - (self.side - 1) / 2
        return np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)

    def _weights(self) -> Float[Array, " k"]:
        return jnp.ones(self.side**2) if self.weights is None else jnp.stack(self.weights)

    def sample(self, data: PyTree, key: Key[Array, ""], n: int) -> Batch:
        mode, centers, noise = mixture(key, n, jnp.asarray(self._centers(), jnp.float32), self._weights())
        return Batch(self.spacing * centers + self.std * noise, mode)

    @property
    def classes(self) -> int:
        return self.side**2

    def frequencies(self, data: PyTree) -> Float[Array, " classes"]:
        return self._weights() * (1 / self._weights().sum())

    def modes(self) -> Modes:
        k = self.side**2
        return Modes(self.spacing * self._centers(), np.full((k, 2), self.std), shares(self.weights, k))

    @property
    def extent(self) -> Extent:
        return box(self.modes())
