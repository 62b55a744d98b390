"""What views read from the device: the same noise and the same real points at every step, so that pictures are one film."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganexp.experiment import Stream
from ganexp.game import assess, draw_noise, output_anywhere, sample
from ganexp.observe.samples import Samples
from ganexp.types import Batch, Critique

POINTS, FEW_IMAGES = 500, 200
CELLS = 48


class Scene:
    """One step of a run as its pictures show it, in network coordinates. Each part is computed when it is first asked for, and
    once; what nobody asks for is not computed. `extent` is the data set's; `samples` are those of an evaluation."""

    def __init__(self, samples: Samples, extent: Float[Array, "2 2"]):
        self.samples, self.extent = samples, extent
        self.experiment, self.data, self.state = samples.experiment, samples.data, samples.state
        self._points, self._latent, self.key = jax.random.split(self.experiment.key(Stream.PICTURES), 3)
        # Only a discriminator with two features is applied to images here.
        self._count = FEW_IMAGES if self.experiment.dataset.images else POINTS

    @cached_property
    def real(self) -> Batch:
        """Real points: 500, or 200 images."""
        return self.experiment.dataset.sample(self.data, self._points, self._count)

    @cached_property
    def noise(self) -> Batch:
        """What `fake` is made of."""
        return draw_noise(self.experiment, self.data, self._latent, self._count)

    @cached_property
    def fake(self) -> Batch:
        """As many generated points as real ones, by the averaged weights where there are some."""
        return sample(self.experiment, self.state, self.noise, self.key)

    @cached_property
    def heat(self) -> Float[Array, ...]:
        """D(x) at the centers of 48 cells a side over the extent of points on a line or in the plane, rows by y, without labels:
        see `game.output_anywhere`."""
        axes = range(self.experiment.dataset.shape[0])
        cells = jnp.meshgrid(*[_centers(*self.extent[axis]) for axis in axes])
        places = jnp.stack([cell.ravel() for cell in cells], axis=1)
        seen = self.experiment.dataset.normalize(places)
        return output_anywhere(self.experiment, self.data, self.state, seen, self.key).reshape(cells[0].shape)

    def critique(self, batch: Batch, noise: Batch | None = None) -> Critique:
        """What the discriminator says of points in network coordinates; `noise` is what generated ones are made of."""
        return assess(self.experiment, self.state, batch, self.key, noise)


def _centers(low: Any, high: Any) -> Float[Array, " cells"]:
    return low + (high - low) * (jnp.arange(CELLS) + 0.5) / CELLS
