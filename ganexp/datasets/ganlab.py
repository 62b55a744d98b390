"""GAN Lab's four presets in the unit square, to its own numbers (Kahng et al. 2019)."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, PyTree

from ganexp.component import component
from ganexp.datasets.mixtures import mixture
from ganexp.types import Batch, Dataset, Extent, Modes

UNIT_SQUARE = ((0.0, 1.0), (0.0, 1.0))


class _Preset(Dataset):
    @property
    def extent(self) -> Extent:
        return UNIT_SQUARE


class _Mixture(_Preset):
    def sample(self, data: PyTree, key: Key[Array, ""], n: int) -> Batch:
        modes = self.modes()
        # Mean and standard deviation are picked together, as one row of four numbers.
        rows = jnp.asarray(np.concatenate([modes.centers, modes.stds], axis=1), jnp.float32)
        mode, picked, noise = mixture(key, n, rows, jnp.asarray(modes.weights, jnp.float32))
        return Batch(picked[:, :2] + picked[:, 2:] * noise[:, :2], mode)

    @property
    def classes(self) -> int:
        return len(self.modes().weights)

    def frequencies(self, data: PyTree) -> Float[Array, " classes"]:
        return jnp.asarray(self.modes().weights, jnp.float32)

    def modes(self) -> Modes:
        raise NotImplementedError


def _noisy(key: Key[Array, ""], n: int) -> tuple[Float[Array, " n"], Float[Array, "n 2"]]:
    first, second = jax.random.split(key)
    return jax.random.uniform(first, (n,)), jax.random.normal(second, (n, 2))


@component
class GanlabLine(_Preset):
    """A segment from (0.8, 0.6) to (0.05, 0.9) with noise of standard deviation 0.01."""

    def sample(self, data: PyTree, key: Key[Array, ""], n: int) -> Batch:
        u, noise = _noisy(key, n)
        return Batch(jnp.stack([0.8 - 0.75 * u, 0.6 + 0.3 * u], axis=1) + 0.01 * noise)


@component
class GanlabGaussians(_Mixture):
    """Two Gaussians of equal weight: at (0.3, 0.7), standard deviation 0.1; at (0.7, 0.4), standard deviations 0.05 and 0.2."""

    def modes(self) -> Modes:
        return Modes(np.array([[0.3, 0.7], [0.7, 0.4]]), np.array([[0.1, 0.1], [0.05, 0.2]]), np.array([0.5, 0.5]))


@component
class GanlabRing(_Preset):
    """An ellipse around (0.5, 0.45) with half-axes 0.3 and 0.25 and noise of standard deviation 0.025."""

    def sample(self, data: PyTree, key: Key[Array, ""], n: int) -> Batch:
        u, noise = _noisy(key, n)
        angle = 2 * jnp.pi * u
        circle = jnp.stack([0.5 + 0.3 * jnp.cos(angle), 0.45 + 0.25 * jnp.sin(angle)], axis=1)
        return Batch(circle + 0.025 * noise)


@component
class GanlabDisjoint(_Mixture):
    """Three blobs of standard deviation 0.025 at (0.35, 0.75), (0.75, 0.6) and (0.45, 0.35), of weights 0.333, 0.333 and 0.334."""

    def modes(self) -> Modes:
        centers = np.array([[0.35, 0.75], [0.75, 0.6], [0.45, 0.35]])
        return Modes(centers, np.full((3, 2), 0.025), np.array([0.333, 0.333, 0.334]))
