"""How both networks are told labels."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from ganexp.component import SettingError
from ganexp.parts import Architecture, Conditioning
from ganexp.types import Batch

NONE = "none"


class Concat(Conditioning):
    """The label, one-hot, behind the numbers of each noise vector or point; for a network that reads images as such, as channels that are
    the same at every pixel (Mirza & Osindero 2014)."""

    def shape(self, architecture: Architecture, inputs: tuple[int, ...], classes: int) -> tuple[int, ...]:
        if architecture.reads is None:
            raise SettingError(
                "", "reads no input, and so no label; choose another network, or model.conditioning=none"
            )
        if architecture.reads == "image" and len(inputs) == 3:
            return (*inputs[:2], inputs[2] + classes)
        return (math.prod(inputs) + classes,)

    def tell(self, batch: Batch, shape: tuple[int, ...], classes: int) -> Batch:
        assert batch.label is not None
        count, one_hot = len(batch.x), jax.nn.one_hot(batch.label, classes)
        if len(shape) == 1:
            return batch._replace(x=jnp.concatenate([batch.x.reshape(count, -1), one_hot], axis=1))
        channels = jnp.broadcast_to(one_hot[:, None, None, :], (count, *shape[:2], classes))
        return batch._replace(x=jnp.concatenate([batch.x, channels], axis=-1))


CONDITIONINGS: dict[str, Conditioning | None] = {NONE: None, "concat": Concat()}
