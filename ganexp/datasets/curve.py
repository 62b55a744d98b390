"""The curve y = 10 + x^2."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, PyTree

from ganexp.component import SettingError, component, setting
from ganexp.types import Batch, Dataset, Extent

NORMALIZATIONS = ("none", "standard", "range")


@component
class Curve(Dataset):
    """y = 10 + x^2 with x uniform on [`low`, `high`].

    `normalization` is what the networks see: `none` the raw numbers, `standard` mean 0 and standard deviation 1 on each axis,
    `range` each axis scaled to [-1, 1].
    """

    low: float = -50.0
    high: float = 50.0
    normalization: str = setting("standard", options=NORMALIZATIONS)

    def check(self) -> None:
        if not self.low < self.high:
            raise SettingError("low", f"{self.low} must be below high, which is {self.high}")

    def _scale(self) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
        """Center and half-width or standard deviation of x and of y; plain arithmetic, so that the bounds may be traced."""
        a, b = self.low, self.high
        if self.normalization == "none":
            return (0.0, 0.0), (1.0, 1.0)
        if self.normalization == "range":
            (x0, x1), (y0, y1) = _ranges(jnp if isinstance(a, jax.Array) else np, a, b)
            return ((x0 + x1) / 2, (y0 + y1) / 2), ((x1 - x0) / 2, (y1 - y0) / 2)
        second = (a * a + a * b + b * b) / 3
        fourth = (a**4 + a**3 * b + a * a * b * b + a * b**3 + b**4) / 5
        return ((a + b) / 2, 10 + second), ((b - a) / 12**0.5, (fourth - second**2) ** 0.5)

    def sample(self, data: PyTree, key: Key[Array, ""], n: int) -> Batch:
        x = self.low + (self.high - self.low) * jax.random.uniform(key, (n,))
        return Batch(self.normalize(jnp.stack([x, 10 + x * x], axis=1)))

    def normalize(self, x: Float[Array, "n 2"]) -> Float[Array, "n 2"]:
        center, width = self._scale()
        return jnp.stack([(x[:, axis] - center[axis]) / width[axis] for axis in (0, 1)], axis=1)

    def denormalize(self, x: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
        center, width = self._scale()
        return x * np.asarray(width) + np.asarray(center)

    def bounds(self) -> Extent:
        """The range of x and the range of y, in data units."""
        return _ranges(np, self.low, self.high)

    def distance(self, points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, " n"]:
        """Each point's |y - (10 + x^2)| / (range of y), with x put back into [low, high] at the price of the same share."""
        (x0, x1), (y0, y1) = self.bounds()
        x, y = points[:, 0].astype(float), points[:, 1].astype(float)
        inside = np.clip(x, x0, x1)
        return np.abs(y - (10 + inside**2)) / (y1 - y0) + np.abs(x - inside) / (x1 - x0)

    @property
    def extent(self) -> Extent:
        (x0, x1), (y0, y1) = self.bounds()
        return (x0 - 0.1 * (x1 - x0), x1 + 0.1 * (x1 - x0)), (y0 - 0.1 * (y1 - y0), y1 + 0.1 * (y1 - y0))


def _ranges(xp: ModuleType, low: Any, high: Any) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    squares = (low * low, high * high)
    lowest = xp.where(low * high < 0, 0.0, xp.minimum(*squares))
    return (low, high), (10 + lowest, 10 + xp.maximum(*squares))
