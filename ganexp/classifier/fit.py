"""Training the classifier: Adam on images moved by up to two pixels."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, UInt8

from ganexp.classifier.weights import Weights
from ganexp.component import with_number
from ganexp.nets.classifier import CLASSES, CONVOLUTIONS, FEATURES, SLOPE, classifier
from ganexp.optimizers import Optimizer
from ganexp.schedules import Cosine
from ganexp.types import WHITE, Batch, Parameters, Scalar

EPOCHS = 10
BATCH = 120
LEARNING_RATE = 3e-3
SHIFT = 2


class Training(NamedTuple):
    """What an epoch hands to the next."""

    params: Parameters
    opt: Any


def recipe() -> dict[str, Any]:
    """All that makes the weights but the data, the seed and the epochs, as JSON can hold it."""
    return {
        "convolutions": [
            {"size": size, "channels": channels, "stride": stride, "largest_of": square * square}
            for size, channels, stride, square in CONVOLUTIONS
        ],
        "features": FEATURES,
        "slope": SLOPE,
        "optimizer": "adam",
        "batch": BATCH,
        "learning_rate": LEARNING_RATE,
        "schedule": "cosine to 0",
        "shift": SHIFT,
    }


def no_show(epoch: int, loss: float) -> None:
    """Tell nobody about an epoch."""


def fit(
    images: UInt8[np.ndarray, "n 28 28"],
    labels: UInt8[np.ndarray, " n"],
    seed: int = 0,
    epochs: int = EPOCHS,
    show: Callable[[int, float], None] = no_show,
) -> Weights:
    """The classifier's weights after `epochs` epochs on images of pixels from 0 to 255; a function of its arguments alone.

    `show(epoch, loss)` is called after each epoch, counted from 1, with its mean cross-entropy in nats.
    """
    key = jax.random.key(np.uint32(seed))
    steps = len(images) // min(BATCH, len(images))
    # Room for the shift, so that an epoch cuts and never pads.
    room = ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT))
    data, marks = jnp.asarray(np.pad(images, room)), jnp.asarray(labels)
    training = _start(jax.random.fold_in(key, 0))
    for epoch in range(epochs):
        length = jnp.float32(epochs * steps)
        drawn = jax.random.fold_in(key, epoch + 1)
        training, loss = _epoch(training, data, marks, drawn, jnp.int32(epoch * steps), length)
        show(epoch + 1, float(loss))
    return jax.tree.map(np.asarray, training.params)


def _optimizer() -> Optimizer:
    return Optimizer("adam", LEARNING_RATE)


@jax.jit
def _start(key: Key[Array, ""]) -> Training:
    params, _ = classifier().init(key)
    return Training(params, _optimizer().init(params, key))


@jax.jit
def _epoch(
    training: Training,
    images: UInt8[Array, "n 32 32"],
    labels: UInt8[Array, " n"],
    key: Key[Array, ""],
    begun: Int[Array, ""],
    length: Scalar,
) -> tuple[Training, Scalar]:
    """One pass over the data in a new order, `begun` steps into `length`; also the mean loss."""
    net, key_order, key_shift = classifier(), *jax.random.split(key)
    batch = min(BATCH, len(labels))
    steps = len(labels) // batch
    order = jax.random.permutation(key_order, len(labels))[: steps * batch].reshape(steps, batch)
    corners = jax.random.randint(key_shift, (steps, batch, 2), 0, 2 * SHIFT + 1)

    def step(training: Training, drawn: Any) -> tuple[Training, Scalar]:
        number, chosen, corner = drawn
        x = jax.vmap(functools.partial(_cut, images))(chosen, corner) / WHITE
        wanted = jax.nn.one_hot(labels[chosen], CLASSES)

        def mean_loss(params: Parameters) -> Scalar:
            logits, _, _ = net.apply(params, {}, Batch(x), key, True)
            return -(wanted * jax.nn.log_softmax(logits)).sum(axis=-1).mean()

        loss, gradient = jax.value_and_grad(mean_loss)(training.params)
        rate = functools.partial(_rate, number, length)
        optimizer = with_number(_optimizer(), "learning_rate", rate)
        return Training(*optimizer.apply(gradient, training.opt, training.params)), loss

    training, losses = jax.lax.scan(step, training, (begun + jnp.arange(steps), order, corners))
    return training, losses.mean()


def _rate(step: Any, length: Any, base: Any) -> Any:
    return with_number(Cosine(), "length", lambda _: length).value(base, step)


def _cut(images: Any, number: Any, corner: Any) -> Float[Array, "28 28"]:
    size = (1, images.shape[1] - 2 * SHIFT, images.shape[2] - 2 * SHIFT)
    return jax.lax.dynamic_slice(images, (number, corner[0], corner[1]), size)[0].astype(jnp.float32)
