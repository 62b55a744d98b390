"""In which order the images of a data set are drawn: a function of a key and a position, so that nothing needs to be kept."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, Key, UInt32

ROUNDS = 6
LARGEST = 2**16 - 1


def positions(step: Int[Array, ""], count: int, size: int) -> tuple[UInt32[Array, " count"], UInt32[Array, " count"]]:
    """The epoch and the place in it of the `count` draws of a step, where an epoch has `size` <= 65,535 draws."""
    # step * count outgrows 32 bits. With both divided by their common divisor, no product here does.
    divisor = math.gcd(count, size)
    period, whole, rest = size // divisor, count // size, count % size // divisor
    step = jnp.asarray(step, jnp.uint32)
    within = step % period * rest
    first = within % period * divisor + jnp.arange(count, dtype=jnp.uint32)
    epoch = step // period * rest + within // period + step * whole
    return epoch + first // size, first % size


def shuffled(
    key: Key[Array, ""], epoch: UInt32[Array, " n"], place: UInt32[Array, " n"], size: int
) -> UInt32[Array, " n"]:
    """The index at each place of each epoch: every epoch holds 0 ... `size` - 1 once, in an order of its own.

    A Feistel network on the smallest even number of bits that holds `size`, walked until it lands below `size` (Black and
    Rogaway 2002): a permutation that is computed index by index, where sorting `size` keys would cost more than a step.
    """
    half = max(1, math.ceil(math.log2(size) / 2)) if size > 1 else 1
    mask = jnp.uint32(2**half - 1)
    keys = _mix(jax.random.bits(key, (ROUNDS, 1), jnp.uint32) ^ _mix(epoch)[None])

    def permute(index: UInt32[Array, " n"]) -> UInt32[Array, " n"]:
        left, right = index >> half, index & mask
        for number in range(ROUNDS):
            left, right = right, left ^ (_mix(right + keys[number]) & mask)
        return left << half | right

    return jax.lax.while_loop(
        lambda index: (index >= size).any(),
        lambda index: jnp.where(index >= size, permute(index), index),
        permute(place),
    )


def _mix(x: UInt32[Array, ...]) -> UInt32[Array, ...]:
    # Wellons' low-bias 32-bit hash.
    x = (x ^ x >> 16) * jnp.uint32(0x7FEB352D)
    x = (x ^ x >> 15) * jnp.uint32(0x846CA68B)
    return x ^ x >> 16
