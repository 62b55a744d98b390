"""What every contract checks: a part is a pure function, jitted or not, whatever its numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ganexp.component import arrays
from ganexp.types import Critique, Scores


def check_finite(tree: Any) -> None:
    """Every number of `tree` is finite, and a float32 where it is no whole number."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        place = jax.tree_util.keystr(path)
        if jnp.issubdtype(leaf.dtype, jnp.floating):
            assert leaf.dtype == jnp.float32, f"{place} is {leaf.dtype}"
            assert np.isfinite(leaf).all(), f"{place} is not finite: {leaf}"


def check_close(tree: Any, other: Any, rtol: float = 2e-5, atol: float = 2e-6) -> None:
    """Both trees have the same structure and, up to rounding, the same numbers."""
    assert jax.tree.structure(tree) == jax.tree.structure(other)
    for one, two in zip(jax.tree.leaves(tree), jax.tree.leaves(other), strict=True):
        if jnp.issubdtype(one.dtype, jax.dtypes.prng_key):
            one, two = jax.random.key_data(one), jax.random.key_data(two)
        np.testing.assert_allclose(one, two, rtol=rtol, atol=atol)


def nudged(part: Any) -> Any:
    """The same part with every number a little smaller; the seed, a whole number, stays."""
    return jax.tree.map(lambda leaf: leaf if leaf.dtype == np.uint32 else leaf * np.float32(0.99), arrays(part))


def check_pure(
    function: Callable[[Any], Any], part: Any, eager: bool = True, options: Any = None, **tolerance: float
) -> Any:
    """`function(part)`: compiled = not compiled (where `eager`), mapped = alone, one trace for two values.

    `options` are the compiler's.
    """
    traces = []

    def traced(part: Any) -> Any:
        traces.append(part)
        return function(part)

    compiled = jax.jit(traced, compiler_options=options)

    lanes = [arrays(part), nudged(part)]
    alone = [compiled(lane) for lane in lanes]
    assert len(traces) == 1, "another value of a number was traced again"
    check_finite(alone)
    if eager:
        check_close(function(lanes[0]), alone[0], **tolerance)

    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *lanes)
    mapped = jax.jit(jax.vmap(lambda lane, _: function(lane)), compiler_options=options)(stacked, jnp.arange(2))
    for lane, expected in enumerate(alone):
        check_close(jax.tree.map(lambda leaf, lane=lane: leaf[lane], mapped), expected, **tolerance)
    return alone[0]


def scores(real: Any, fake: Any) -> Scores:
    """These logits [..., n], of a discriminator whose one feature is the logit; and of a reconstructor that maps all points to (0.5, 0.5),
    where the noise is 0."""
    noise = jnp.zeros((*fake.shape, 2))
    others = {"reconstructor": noise + 0.5}
    return Scores(*(Critique(logits, logits[..., None]) for logits in (real, fake)), noise, others, others)
