"""What the classifier makes of images: class probabilities, and the features beneath them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree, UInt8

from ganexp.blocks import map_in_blocks
from ganexp.classifier.weights import Weights, shipped
from ganexp.nets.classifier import classifier
from ganexp.types import WHITE, Batch

BLOCK = 50


class Reading(NamedTuple):
    """The probability of each digit, by image, and the 64 features before the last layer."""

    probabilities: Float[Array, "n 10"]
    features: Float[Array, "n 64"]


def read(params: PyTree, x: Float[Array, "n 28 28"]) -> Reading:
    """What the classifier with weights `params` makes of images in [0, 1]; pure."""
    params = jax.tree.map(jnp.asarray, params)

    def part(x: Float[Array, "m 28 28"]) -> Reading:
        # In evaluation there is nothing random for the key to draw.
        logits, features, _ = classifier().apply(params, {}, Batch(x), jax.random.key(0), False)
        assert features is not None
        return Reading(jax.nn.softmax(logits), features)

    # The patches of ten thousand images would take more than a gigabyte.
    return map_in_blocks(part, x, BLOCK)


@functools.cache
def reader(kind: str) -> Callable[[Float[Array, "n 28 28"]], Reading]:
    """The pure function from `gray` or `binarized` images in [0, 1] to their reading by the weights that come with ganexp.

    Raises SettingError where their file is damaged.
    """
    return functools.partial(read, shipped(kind))


_read = jax.jit(read)


def accuracy(params: Weights, images: UInt8[np.ndarray, "n 28 28"], labels: UInt8[np.ndarray, " n"]) -> float:
    """The share of images, of pixels from 0 to 255, whose most probable digit is their label."""
    probable = _read(params, images.astype(np.float32) / WHITE).probabilities.argmax(axis=-1)
    return float((np.asarray(probable) == labels).mean())
