"""Flax modules as pure functions of plain arrays."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from flax import nnx

from ganexp.types import Net


def pure(make: Callable[[nnx.Rngs], nnx.Module], forward: Callable[..., Any]) -> Net:
    """The module that `make` builds, run by `forward(module, x, key, train) -> (output, features)`, as a `Net`.

    Its parameters are the `nnx.Param`s and its statistics all other variables, both as nested dicts of arrays.
    """

    @functools.cache
    def graph() -> Any:
        return nnx.split(nnx.eval_shape(lambda: make(nnx.Rngs(0))), nnx.Param, ...)[0]

    def init(key: Any) -> Any:
        _, params, stats = nnx.split(make(nnx.Rngs(key)), nnx.Param, ...)
        return nnx.to_pure_dict(params), nnx.to_pure_dict(stats)

    def apply(params: Any, stats: Any, x: Any, key: Any, train: bool) -> Any:
        module = nnx.merge(graph(), params, stats)
        output, features = forward(module, x, key, train)
        _, _, stats = nnx.split(module, nnx.Param, ...)
        return output, features, nnx.to_pure_dict(stats)

    return Net(init, apply)
