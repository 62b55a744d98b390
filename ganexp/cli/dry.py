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
from ganexp.types import DISCRIMINATOR, GENERATOR


def show(job: Job, folder: Path) -> None:
    """Print the settings, the sizes of the networks, the steps, the folder, and the time where it is known."""
    experiment = job.experiment
    for name, value in describe(experiment).items():
        print(f"  {name} = {'null' if value is None else value}")
    # Nothing is computed.
    state, shapes = jax.eval_shape(init, arrays(experiment)), experiment.shapes()
    for player in reversed(experiment.players):
        inputs, outputs = (" x ".join(map(str, shape)) for shape in shapes[player])
        read = f"{inputs} numbers{' of noise' if player == GENERATOR else ''}"
        made = f"{outputs} numbers" if outputs else "1 logit"
        print(f"{player}: {read} -> {made}, {size(state.players[player].params):,} parameters")
    d_steps, g_steps = experiment.updates.d_steps, experiment.updates.g_steps
    *counts, last = [
        f"{d_steps} {DISCRIMINATOR}",
        *(f"{g_steps} {player}" for player in (GENERATOR, *experiment.others)),
    ]
    print(f"steps: {job.steps:,}, of {', '.join(counts)} and {last} updates")
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
