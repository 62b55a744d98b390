"""Small games with rules of gradients."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from ganexp.component import arrays
from ganexp.experiment import Experiment
from ganexp.training import chunk, draw, init, initial_health
from ganexp.types import DISCRIMINATOR, GENERATOR

PLAYERS = (GENERATOR, DISCRIMINATOR)


SIZES = tuple(f"model.{player}.{size}" for player in PLAYERS for size in ("width=4", "depth=1"))


SMALL = ("batch_size=8", *SIZES)


UNROLLED = ("gradient=[unrolled]", "gradient.unrolled.steps=3")


RATE, WEIGHT, MOMENTUM = 0.3, 0.4, 0.5


DIRAC = (
    "dataset=dirac", "batch_size=4", "schedule=[]", "optimizer=sgd", f"optimizer.learning_rate={RATE}", "optimizer.nesterov=false",
    "model.generator.start=0.8", "model.discriminator.start=1.5",
)  # fmt: skip


STILL, DIRAC = (*DIRAC, "optimizer.momentum=null"), (*DIRAC, f"optimizer.momentum={MOMENTUM}")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def first(experiment: Experiment, number: int = 0):
    """The first minibatch of a step."""
    return jax.tree.map(lambda leaf: leaf[0], draw(experiment, (), jnp.int32(number)))


def ruled(experiment, **rules):
    """The experiment with these rules alone."""
    return arrays(dataclasses.replace(experiment, gradient=rules))


def train(experiment, *stops):
    state, health = jax.jit(init)(experiment), initial_health(experiment)
    for stop in stops:
        state, health = chunk(experiment, (), state, health, np.int32(stop))
    return state, health
