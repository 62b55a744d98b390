"""Evaluators, each made once in a process for all runs that are compared with the same real points."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree

from ganexp.component import arrays, numbers
from ganexp.description import describe
from ganexp.job import Job
from ganexp.metrics.evaluate import Evaluator
from ganexp.observe.metric import Reference
from ganexp.observe.readings import HostArrays
from ganexp.observe.samples import reference
from ganexp.types import Dataset

FLOOR_SETS = 4
KEPT = 4

_KNOWN: dict[Hashable, Any] = {}
_reference = jax.jit(reference, static_argnames="count")


def evaluator(job: Job, data: PyTree, samples: int, blocks: int, final: bool) -> Evaluator:
    """The metrics of a run on `blocks` blocks of `samples` points, with floors from as many real ones."""
    dataset, chosen = job.experiment.dataset, _settings(job)
    if dataset.images:
        # On no more than there are to hold out: a floor counts at its own size only.
        held = dataset.held_out(data) or 0
        count = min(blocks * samples, held)
        alike = ("set", count, final, chosen, *_identity(dataset))
        return _remembered(alike, lambda: _of_images(job, data, count, held, final))
    key = ("points", job.experiment.seed, samples, blocks, final, chosen, *_identity(dataset))
    return _remembered(key, lambda: _of_points(job, data, samples, blocks, final))


def _of_points(job: Job, data: PyTree, samples: int, blocks: int, final: bool) -> Evaluator:
    dataset = job.experiment.dataset

    def real(number: int) -> HostArrays:
        own = range(number * blocks, (number + 1) * blocks)
        sets = [np.asarray(_reference(arrays(job.experiment), data, samples, block)) for block in own]
        return HostArrays(dataset, {"fake": np.concatenate(sets)})

    made = Evaluator(job.metric, Reference(dataset, data, real(0), final), samples * blocks)
    made.floors = made.floors_from([real(1 + number) for number in range(FLOOR_SETS)])
    return made


def _of_images(job: Job, data: PyTree, count: int, held: int, final: bool) -> Evaluator:
    dataset, key = job.experiment.dataset, jax.random.key(0)

    def points(x: Any) -> HostArrays:
        return HostArrays(dataset, {"fake": np.asarray(x)})

    made = Evaluator(job.metric, Reference(dataset, data, points(dataset.reference(data, key, count).x), final), count)
    sets = range(min(FLOOR_SETS, held // count))
    made.floors = made.floors_from(
        [points(dataset.unseen(data, jax.random.fold_in(key, number), count).x) for number in sets]
    )
    return made


def _settings(job: Job) -> str:
    return repr([(name, type(metric), describe(metric)) for name, metric in job.metric.items()])


def _identity(dataset: Dataset) -> tuple[str, tuple[float, ...]]:
    return str(jax.tree.structure(dataset)), tuple(map(float, numbers(dataset).values()))


def _remembered(key: Hashable, make: Callable[[], Any]) -> Any:
    if key not in _KNOWN:
        if len(_KNOWN) >= KEPT:
            del _KNOWN[next(iter(_KNOWN))]
        _KNOWN[key] = make()
    return _KNOWN[key]
