"""The two numbers of the Dirac-GAN."""

from __future__ import annotations

import numpy as np

from ganexp.experiment import Experiment
from ganexp.nets import Linear, Point
from ganexp.types import DISCRIMINATOR, GENERATOR, TrainState


def is_dirac(experiment: Experiment) -> bool:
    """Whether both players are one number each."""
    model, shape = experiment.model, experiment.dataset.shape
    return shape == (1,) and isinstance(model.generator, Point) and isinstance(model.discriminator, Linear)


def dirac_parameters(experiment: Experiment, state: TrainState) -> dict[str, float]:
    """`dirac/theta` and `dirac/psi` where both players are one number each; nothing otherwise."""
    if not is_dirac(experiment):
        return {}
    theta, psi = (np.asarray(state.players[player].params["value"]) for player in (GENERATOR, DISCRIMINATOR))
    return {"dirac/theta": float(theta[0]), "dirac/psi": float(psi[0])}
