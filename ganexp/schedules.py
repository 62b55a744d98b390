"""How a number changes with the step: linear, cosine, exponential and step-wise. Steps are counted from 0."""

from __future__ import annotations

import itertools
from typing import Any

import jax.numpy as jnp

from ganexp.component import SettingError, component, setting
from ganexp.parts import Schedule


@component
class Linear(Schedule):
    """From the config's value to `final` along a line, over `length` steps from step `begin`."""

    final: float = 0.0
    begin: float = setting(0.0, least=0)
    length: float = setting(20000.0, above=0)

    def value(self, base: Any, step: Any) -> Any:
        return base + (self.final - base) * jnp.clip((step - self.begin) / self.length, 0, 1)


@component
class Cosine(Schedule):
    """From the config's value to `final` along half a cosine, over `length` steps from step `begin` (Loshchilov & Hutter 2017)."""

    final: float = 0.0
    begin: float = setting(0.0, least=0)
    length: float = setting(20000.0, above=0)

    def value(self, base: Any, step: Any) -> Any:
        part = jnp.clip((step - self.begin) / self.length, 0, 1)
        return self.final + (base - self.final) * 0.5 * (1 + jnp.cos(jnp.pi * part))


@component
class Exponential(Schedule):
    """The config's value times `rate` ** ((step - `begin`) / `length`), but not below `least`."""

    rate: float = setting(0.1, above=0)
    begin: float = setting(0.0, least=0)
    length: float = setting(20000.0, above=0)
    least: float = 0.0

    def value(self, base: Any, step: Any) -> Any:
        power = jnp.maximum(step - self.begin, 0) / self.length
        return jnp.maximum(base * self.rate**power, self.least)


@component
class Stepwise(Schedule):
    """The config's value, then `values[i]` from step `begins[i]` on."""

    begins: list[float] = setting([10000.0, 15000.0], least=0)
    values: list[float] = setting([3e-4, 1e-4])

    def check(self) -> None:
        if len(self.begins) != len(self.values) or not self.begins:
            raise SettingError(
                "values", f"{len(self.values)} values for {len(self.begins)} steps in begins; give one for each"
            )
        if any(later <= earlier for earlier, later in itertools.pairwise(self.begins)):
            raise SettingError("begins", f"{list(self.begins)} must increase")

    def value(self, base: Any, step: Any) -> Any:
        for begin, value in zip(self.begins, self.values, strict=True):
            base = jnp.where(step >= begin, value, base)
        return base
