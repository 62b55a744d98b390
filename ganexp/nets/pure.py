"""Flax modules as pure functions of plain arrays."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import jax
from flax import nnx

from ganexp.types import Batch, Net

# The structure of every network built so far: building one only to learn its structure costs a trace 20 ms each time.
_GRAPHS: dict[Hashable, Any] = {}


def _split(module: nnx.Module) -> Any:
    return nnx.split(module, nnx.Param, ...)


def pure(structure: Hashable, make: Callable[[nnx.Rngs], nnx.Module], forward: Callable[..., Any]) -> Net:
    """The module that `make` builds, run by `forward(module, batch, key, train) -> (output, features [n, f])`, as a `Net`.

    `structure` names the module's structure: modules of one name differ in their numbers alone. Its parameters are the
    `nnx.Param`s and its statistics all other variables, both as nested dicts of arrays.
    """

    def split(module: nnx.Module) -> tuple[Any, Any]:
        graph, params, stats = _split(module)
        _GRAPHS[structure] = graph
        return nnx.to_pure_dict(params), nnx.to_pure_dict(stats)

    def init(key: Any) -> Any:
        return split(make(nnx.Rngs(key)))

    def apply(params: Any, stats: Any, batch: Batch, key: Any, train: bool) -> Any:
        if structure not in _GRAPHS:
            jax.eval_shape(lambda: init(jax.random.key(0)))
        module = nnx.merge(_GRAPHS[structure], params, stats)
        output, features = forward(module, batch, key, train)
        _, _, stats = _split(module)
        return output, features, nnx.to_pure_dict(stats)

    return Net(init, apply)
