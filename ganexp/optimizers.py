"""One component in front of all of Optax's first-order optimizers, with gradient clipping and weight projection."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Key

from ganexp.component import Component, SettingError, component, setting
from ganexp.spelling import did_you_mean
from ganexp.types import Parameters
from ganexp.values import flag, number, whole, within

BELOW_ONE = ("b1", "b2", "b3", "decay", "decay_rate", "rho")
DEPRECATED = ("optimistic_adam",)  # in favor of optimistic_adam_v2


@component
class Optimizer(Component):
    """The Optax function `name` with `learning_rate` and its other `settings`.

    Gradients are clipped to [-`clip_value`, `clip_value`] and to a global norm of `clip_norm` before it; weights are put
    back into [-`weight_bound`, `weight_bound`] after it. None means: not done.
    """

    name: str
    learning_rate: float | None = setting(least=0)
    clip_norm: float | None = setting(None, above=0)
    clip_value: float | None = setting(None, above=0)
    weight_bound: float | None = setting(None, above=0)
    settings: dict[str, Any] = setting({})

    def check(self) -> None:
        if self.name not in functions():
            allowed = ", ".join(functions())
            raise SettingError("name", f"Optax has no first-order optimizer {self.name!r}; it has {allowed}")
        known = settings(self.name)
        if self.learning_rate is None and known["learning_rate"] is inspect.Parameter.empty:
            raise SettingError("learning_rate", f"{self.name} needs a number")
        for name, value in self.settings.items():
            if name not in known:
                allowed = ", ".join(known)
                raise SettingError(
                    name, f"{self.name} has no such setting{did_you_mean(name, known)}; it takes {allowed}, "
                    "and every optimizer clip_norm, clip_value and weight_bound"
                )  # fmt: skip
            self.settings[name] = _typed(name, value, known[name])

    def init(self, params: Parameters, key: Key[Array, ""]) -> Any:
        """The optimizer's state before the first update; `key` is for those that add noise."""
        return self._transform(key).init(params)

    def _transform(self, key: Key[Array, ""]) -> optax.GradientTransformation:
        # Built inside a trace, so that its numbers may be traced.
        noise = {"key": key} if self.name in noisy() else {}
        clips = []
        if self.clip_value is not None:
            clips.append(optax.clip(self.clip_value))
        if self.clip_norm is not None:
            clips.append(optax.clip_by_global_norm(self.clip_norm))
        return optax.chain(*clips, getattr(optax, self.name)(self.learning_rate, **self.settings, **noise))

    def apply(self, grads: Parameters, state: Any, params: Parameters) -> tuple[Parameters, Any]:
        """The parameters after one update by `grads`, and the new optimizer state."""
        changes, state = self._transform(jax.random.key(0)).update(grads, state, params)
        params = optax.apply_updates(params, changes)
        if self.weight_bound is not None:
            bound = self.weight_bound
            params = jax.tree.map(lambda weight: jnp.clip(weight, -bound, bound), params)
        return params, state


@functools.cache
def functions() -> tuple[str, ...]:
    """The names of Optax's optimizers that need nothing but gradients."""

    def first_order(name: str) -> bool:
        function = getattr(optax, name)
        if not inspect.isfunction(function):
            return False
        names = list(inspect.signature(function).parameters)
        return (
            name not in DEPRECATED
            and names[:1] == ["learning_rate"]
            and "linesearch" not in names
            and not name.startswith(("_", "scale_by"))
        )

    return tuple(name for name in sorted(dir(optax)) if first_order(name))


@functools.cache
def noisy() -> tuple[str, ...]:
    """The names of those that draw random numbers."""
    return tuple(name for name in functions() if "key" in inspect.signature(getattr(optax, name)).parameters)


@functools.cache
def settings(name: str) -> dict[str, Any]:
    """The settings of the Optax function `name` that a config can hold, with their defaults."""
    parameters = inspect.signature(getattr(optax, name)).parameters
    return {
        key: parameter.default
        for key, parameter in parameters.items()
        if not (key in ("key", "seed") or "mask" in key or "dtype" in key)
    }


def _typed(name: str, value: Any, default: Any) -> Any:
    if value is None and (default is None or default is inspect.Parameter.empty):
        return None
    if isinstance(default, bool):
        return flag(name, value)
    if isinstance(default, int):
        # Of `2.0` only the value is meant.
        return whole(name, int(value) if isinstance(value, float) and value.is_integer() else value)
    value = number(name, value)
    within(
        name, value, {"least": 0, "below": 1} if name in BELOW_ONE else {"least": 0} if name.startswith("eps") else {}
    )
    return value
