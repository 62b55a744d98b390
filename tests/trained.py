"""Small experiments, trained from stop to stop."""

from __future__ import annotations

import jax
import jax.monitoring
import numpy as np

from ganexp.component import arrays
from ganexp.experiment import Experiment
from ganexp.training import StepHealth, chunk, init, initial_health
from ganexp.types import DISCRIMINATOR, GENERATOR, TrainState

SIZES = tuple(f"model.{player}.{size}" for player in ("generator", "discriminator") for size in ("width=8", "depth=1"))


SMALL = ("batch_size=16", *SIZES)


SGD = ("optimizer=sgd", "optimizer.momentum=null", "schedule=[]", "penalty=[]")


PLAYERS = (GENERATOR, DISCRIMINATOR)


def train_to(experiment: Experiment, *stops: int) -> tuple[TrainState, StepHealth]:
    experiment = arrays(experiment)
    state, health = jax.jit(init)(experiment), initial_health(experiment)
    for stop in stops:
        state, health = chunk(experiment, (), state, health, np.int32(stop))
    return state, health
