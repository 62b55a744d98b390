"""`--dry-run`: what would run."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import jax
from jaxtyping import PyTree

from ganexp import cache
from ganexp.component import arrays
from ganexp.description import describe
from ganexp.job import Job
from ganexp.training import init
from ganexp.types import PLAYERS


def show(job: Job, folder: Path) -> None:
    """Print the settings, the sizes of the networks, the steps, the folder, and the time where it is known."""
    experiment = job.experiment
    for name, value in describe(experiment).items():
        print(f"  {name} = {'null' if value is None else value}")
    # Nothing is computed.
    state, shape = jax.eval_shape(init, arrays(experiment)), experiment.dataset.shape
    sides = {
        "generator": f"{experiment.prior.dimension} numbers of noise -> {' x '.join(map(str, shape))} numbers",
        "discriminator": f"{' x '.join(map(str, shape))} numbers -> 1 logit",
    }
    for player in reversed(PLAYERS):
        print(f"{player}: {sides[player]}, {size(state.players[player].params):,} parameters")
    print(
        f"steps: {job.steps:,}, of {experiment.updates.d_steps} discriminator and {experiment.updates.g_steps} generator updates"
    )
    print(f"folder: {folder}")
    print(f"time: {estimate(job)}")


def size(params: PyTree[Any]) -> int:
    """How many numbers these arrays, or what has their shapes, hold."""
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params))


def estimate(job: Job) -> str:
    """How long the job takes here, in words."""
    pace = cache.pace(job.experiment)
    if pace is None:
        return "not known before this program has run here once"
    return f"about {job.steps / pace:.0f} s and the start, at the {pace:,.0f} steps a second of its last run here"
