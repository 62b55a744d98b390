"""The generator's noise: uniform, normal and truncated normal, of any dimension."""

from __future__ import annotations

import jax
from jaxtyping import Array, Float, Key

from ganexp.component import SettingError, component, setting
from ganexp.parts import Prior


@component
class Uniform(Prior):
    """Each coordinate uniform on [`low`, `high`)."""

    low: float = -1.0
    high: float = 1.0

    def check(self) -> None:
        if not self.low < self.high:
            raise SettingError("low", f"{self.low} must be below high, which is {self.high}")

    def sample(self, key: Key[Array, ""], n: int) -> Float[Array, "n d"]:
        return self.low + (self.high - self.low) * jax.random.uniform(key, (n, self.dimension))


@component
class Normal(Prior):
    """Each coordinate normal with `mean` and standard deviation `std`."""

    mean: float = 0.0
    std: float = setting(1.0, above=0)

    def sample(self, key: Key[Array, ""], n: int) -> Float[Array, "n d"]:
        return self.mean + self.std * jax.random.normal(key, (n, self.dimension))


@component
class TruncatedNormal(Prior):
    """Each coordinate normal with `mean` and `std`, redrawn until it lies within `deviations` of them."""

    mean: float = 0.0
    std: float = setting(1.0, above=0)
    deviations: float = setting(2.0, above=0)

    def sample(self, key: Key[Array, ""], n: int) -> Float[Array, "n d"]:
        shape = (n, self.dimension)
        return self.mean + self.std * jax.random.truncated_normal(key, -self.deviations, self.deviations, shape)
