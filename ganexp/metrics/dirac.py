"""The two numbers of the Dirac-GAN."""

from __future__ import annotations

from typing import Any

from jaxtyping import Array, Float

from ganexp.experiment import Experiment
from ganexp.nets import Linear, Point
from ganexp.types import DISCRIMINATOR, GENERATOR, Player, TrainState


def is_dirac(experiment: Experiment) -> bool:
    """Whether both players are one number each."""
    model, shape = experiment.model, experiment.dataset.shape
    return shape == (1,) and isinstance(model.generator, Point) and isinstance(model.discriminator, Linear)


def dirac_parameters(state: TrainState) -> dict[str, Float[Array, ""]]:
    """`dirac/theta` and `dirac/psi`, of a state whose players are one number each; pure."""
    theta, psi = (state.players[player].params["value"] for player in (GENERATOR, DISCRIMINATOR))
    return {"dirac/theta": theta[0], "dirac/psi": psi[0]}


def dirac_players(theta: Any, psi: Any) -> dict[str, Player]:
    """The players whose numbers are `theta` and `psi`, without optimizers; pure."""
    return {name: Player({"value": value[None]}, {}, ()) for name, value in ((GENERATOR, theta), (DISCRIMINATOR, psi))}
