"""What becomes of points before the discriminator's network reads them."""

from __future__ import annotations

import jax
from jaxtyping import Array, Key

from ganexp.component import component, setting
from ganexp.parts import Input
from ganexp.types import Batch


@component
class InstanceNoise(Input):
    """x + `std` * standard normal noise, on real and generated points alike, in training only (Sonderby et al. 2016; Arjovsky & Bottou 2017)."""

    std: float = setting(0.1, least=0)

    def apply(self, batch: Batch, key: Key[Array, ""], train: bool) -> Batch:
        return batch._replace(x=batch.x + self.std * jax.random.normal(key, batch.x.shape)) if train else batch
