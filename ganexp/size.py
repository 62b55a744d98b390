"""How much memory a run takes at least, by arithmetic, so that what cannot fit is refused before anything is made."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from ganexp.component import SettingError, with_number
from ganexp.experiment import Experiment
from ganexp.job import Job
from ganexp.nets.size import Size
from ganexp.optimizers import Optimizer
from ganexp.training import block_length
from ganexp.types import DISCRIMINATOR, GENERATOR

NUMBER = 4  # bytes of a number on the device; the host's are of twice as many
SIDE = 64  # of the matrix that an optimizer's state is measured on
MOST_COPIES = 4  # that any optimizer keeps of the weights
# As `observe.samples` and `metrics.wasserstein` have them, which take a second to import.
BLOCK, DIRECTIONS = 250, 128
# Where a container says how much of the machine is its own.
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB")


def refuse(job: Job) -> None:
    """Refuse a job that cannot fit in this machine's memory; raises SettingError that names the setting most to blame."""
    there = memory()
    # What an optimizer keeps takes milliseconds to find out, and seldom matters.
    if there is None or bytes_of(job, MOST_COPIES) <= there or (needed := bytes_of(job)) <= there:
        return
    # The one without which the least is left.
    path, value = min(_sizes(job), key=lambda size: bytes_of(with_number(job, size[0], lambda _: 1)))
    raise SettingError(
        path.removeprefix("experiment."),
        f"{value:,} is too large: the run takes at least {_shown(needed)} of memory, and this machine has {_shown(there)}",
    )


def bytes_of(job: Job, copies: int | None = None) -> int:
    """The bytes a run takes at least: its states, and what a training step or an evaluation needs beside them.

    `copies` is how many each optimizer keeps of the weights; None where that is to be found out.
    """
    experiment = job.experiment
    sizes = _networks(experiment)
    kept = {player: _copies(experiment.optimizer(player)) if copies is None else copies for player in sizes}
    # A step's state and the one before it; of one player its gradients, the changes made of them, and what lies between.
    held = sum(2 * size.parameters * (1 + kept[player]) for player, size in sizes.items())
    held += 0 if experiment.average is None else 2 * sizes[GENERATOR].parameters
    held += 3 * max(size.parameters for size in sizes.values())
    # What a rule differentiates through: the rival as each of its updates begins.
    held += _held(experiment) * sizes[DISCRIMINATOR].parameters * (1 + kept[DISCRIMINATOR])
    return NUMBER * (held + max(_training(experiment, sizes), _evaluation(job, sizes)))


def _training(experiment: Experiment, sizes: dict[str, Size]) -> int:
    """The numbers of a block's points and noise, and what the points of a minibatch leave in the networks on the way back."""
    updates, numbers = experiment.updates, math.prod(experiment.dataset.shape) + experiment.prior.dimension
    block = block_length(experiment) * updates.batches * numbers
    # Each unit before and after its function, and its gradient.
    units = sum(size.units for size in sizes.values()) + _held(experiment) * sizes[DISCRIMINATOR].units
    return experiment.batch_size * (block + 3 * units)


def _held(experiment: Experiment) -> int:
    """How many updates of the discriminator are on the device at once."""
    return sum(part.held for part in experiment.gradient.values())


def _evaluation(job: Job, sizes: dict[str, Size]) -> int:
    """The numbers of an evaluation's points, of which the host has real and generated projections, and of a pass over them."""
    numbers, samples = math.prod(job.experiment.dataset.shape), job.eval_samples
    projections = 2 * 2 * (1 if numbers == 1 else DIRECTIONS)
    at_once = min(samples, BLOCK) if job.experiment.dataset.images else samples
    # A layer's numbers are given back once the next layer has read them.
    passing = max(size.widest for size in sizes.values())
    return samples * (2 * numbers + job.experiment.prior.dimension + projections) + at_once * passing


def _networks(experiment: Experiment) -> dict[str, Size]:
    return {player: getattr(experiment.model, player).size(*ends) for player, ends in experiment.shapes().items()}


def _copies(optimizer: Optimizer) -> int:
    return _copies_of(jax.tree.structure(optimizer))


@functools.cache
def _copies_of(structure: Any) -> int:
    """How many numbers an optimizer keeps of each weight, whatever the values of its own."""
    optimizer = jax.tree.unflatten(structure, [0.5] * structure.num_leaves)
    weights = {"weights": jax.ShapeDtypeStruct((SIDE, SIDE), jnp.float32)}
    state = jax.eval_shape(optimizer.init, weights, jax.eval_shape(lambda: jax.random.key(0)))
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(state)) // SIDE**2


def _sizes(job: Job) -> Iterator[tuple[str, int]]:
    """The counts that decide how large a run is, by their dotted paths."""
    paths = ["eval_samples", "experiment.batch_size", "experiment.prior.dimension"]
    paths += [f"experiment.updates.{name}" for name in ("d_steps", "g_steps")]
    names = ("width", "depth", "pieces", "features")
    paths += [f"experiment.model.{player}.{name}" for player in reversed(job.experiment.players) for name in names]
    paths += [f"experiment.gradient.{name}.steps" for name in job.experiment.gradient]
    for path in paths:
        found: Any = job
        for name in path.split("."):
            found = found.get(name) if isinstance(found, dict) else getattr(found, name, None)
        if isinstance(found, int) and found > 1:
            yield path, found


@functools.cache
def memory() -> int | None:
    """The bytes of memory that this process may have: the machine's, or its container's; None where nobody says."""
    found = [int(text) for path in LIMITS if (text := _read(Path(path))).isdecimal()]
    if {"SC_PAGE_SIZE", "SC_PHYS_PAGES"} <= os.sysconf_names.keys():
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return min((limit for limit in found if limit > 0), default=None)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _shown(count: int) -> str:
    """So many bytes, in the unit that leaves the fewest digits."""
    power = min(max(count.bit_length() - 1, 10) // 10, len(UNITS))
    value = count / 1024**power
    return f"{value:{',.1f' if value < 10 else ',.0f' if value < 1e6 else '.1e'}} {UNITS[power - 1]}"
