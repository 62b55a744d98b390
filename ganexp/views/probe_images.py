"""What the pictures of images read from the device, with the same noise at every step."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ganexp.blocks import map_in_blocks
from ganexp.datasets.images import shown
from ganexp.experiment import Experiment, Stream
from ganexp.game import draw_noise, sample
from ganexp.observe.scene import Scene
from ganexp.parts import Prior
from ganexp.priors import Normal
from ganexp.types import Batch, Images

SIDE = 8
MOST_ROWS = 20  # labels that have a row each
ROWS, STEPS = 6, 10
STRIP = 15
TRAIN_BLOCK = 4000


def grid_real(scene: Scene) -> Float[Array, "64 h w c"]:
    """The real images of a grid, in eight rows of eight."""
    return scene.experiment.dataset.reference(scene.data, _keys(scene)[0], SIDE**2).x


def grid_samples(scene: Scene) -> Float[Array, "n h w c"]:
    """The samples of a grid, in rows of eight."""
    return _generated(scene, grid_noise(scene.experiment, scene.data, _keys(scene)[1]))


def grid_noise(experiment: Experiment, data: Images, key: Key[Array, ""]) -> Batch:
    """What a grid of samples is made of, in rows of eight: eight rows or, where the generator is told one of a few labels, a row for
    each label, with the same noise in all rows."""
    classes = experiment.dataset.classes
    if not experiment.conditional or classes is None or classes > MOST_ROWS:
        return draw_noise(experiment, data, key, SIDE**2)
    noise = experiment.prior.sample(key, SIDE)
    return Batch(jnp.tile(noise, (classes, 1)), jnp.repeat(jnp.arange(classes), SIDE))


def ways(scene: Scene) -> Float[Array, "6 10 h w c"]:
    """What lies on the way from one noise vector to another, of the same label."""
    pairs = draw_noise(scene.experiment, scene.data, _keys(scene)[2], 2 * ROWS)
    # A way has the label of its start.
    label = None if pairs.label is None else jnp.repeat(pairs.label[:ROWS], STEPS)
    noise = Batch(between(scene.experiment.prior, *jnp.split(pairs.x, 2)), label)
    return _generated(scene, noise).reshape(ROWS, STEPS, *scene.experiment.dataset.shape)


def strip_row(scene: Scene) -> Float[Array, "15 h w c"]:
    """The 15 samples of the epoch strip: each column has a noise vector, and a label, of its own, the same in every row."""
    key = jax.random.fold_in(scene.experiment.key(Stream.PICTURES), 1)
    return _generated(scene, draw_noise(scene.experiment, scene.data, key, STRIP))


def _keys(scene: Scene) -> Any:
    return jax.random.split(scene.experiment.key(Stream.PICTURES), 3)


def _generated(scene: Scene, noise: Batch) -> Any:
    # In evaluation there is nothing random for the key to draw.
    return sample(scene.experiment, scene.state, noise, jax.random.key(0)).x


def between(prior: Prior, start: Float[Array, "r d"], end: Float[Array, "r d"]) -> Float[Array, "rs d"]:
    """Ten noise vectors from each of `start` to each of `end`: on a great circle where the noise is normal, whose vectors lie
    near a sphere, and on a line elsewhere (White 2016)."""
    share = jnp.linspace(0, 1, STEPS)[None, :, None]
    start, end = start[:, None, :], end[:, None, :]
    line = (1 - share) * start + share * end
    if isinstance(prior, Normal) and prior.dimension > 2:
        start, end = start - prior.mean, end - prior.mean
        lengths = [jnp.linalg.norm(side, axis=2, keepdims=True) for side in (start, end)]
        angle = jnp.arccos(jnp.clip((start * end).sum(axis=2, keepdims=True) / (lengths[0] * lengths[1]), -1, 1))
        line = prior.mean + (jnp.sin((1 - share) * angle) * start + jnp.sin(share * angle) * end) / jnp.sin(angle)
    return line.reshape(-1, prior.dimension)


def nearest(experiment: Experiment, data: Images, x: Float[Array, "k h w c"]) -> Float[Array, "k h w c"]:
    """The training image nearest to each of `x`, channel by channel, in Euclidean distance."""
    dataset = experiment.dataset
    channels = jnp.moveaxis(x, -1, 1).reshape(-1, x.shape[1] * x.shape[2])

    def distances(pixels: Any) -> Any:
        train = shown(dataset, pixels).reshape(len(pixels), -1)
        return jnp.square(train).sum(axis=1, keepdims=True) - 2 * train @ channels.T

    index = map_in_blocks(distances, jnp.asarray(data.train), TRAIN_BLOCK).argmin(axis=0)
    found = shown(dataset, jnp.asarray(data.train)[index])
    return jnp.moveaxis(found.reshape(len(x), x.shape[-1], *x.shape[1:3]), 1, -1)
