"""What pictures show of the steps before: kept by whoever records a run, and read back where it is resumed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class History(NamedTuple):
    """The values (theta, psi) so far of a Dirac-GAN; the steps at which losses were recorded, and both players'. Empty where
    there are none."""

    trail: Float[np.ndarray, "t 2"]
    steps: Float[np.ndarray, " s"]
    discriminator_losses: Float[np.ndarray, " s"]
    generator_losses: Float[np.ndarray, " s"]
