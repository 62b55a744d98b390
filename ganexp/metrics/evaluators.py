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
from ganexp.metrics import floors
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
    dataset = job.experiment.dataset
    count, held = samples * blocks, dataset.held_out(data)
    if held is not None:
        # On no more than there are to hold out: a floor counts at its own size only.
        count = min(count, held) or count
    alike = (count, final, _settings(job), *_identity(dataset))

    def all_runs() -> Evaluator:
        made = _comparable(job, data, count, final)
        made.floors = _floors(job, data, count, final, lambda: made)
        return made

    if dataset.images:
        return _remembered(("all runs", *alike), all_runs)

    def make() -> Evaluator:
        # Each run is compared with points of its own; what a perfect generator scores is the same for all.
        sets = [np.asarray(_reference(arrays(job.experiment), data, samples, block).x) for block in range(blocks)]
        made = _against(job, data, np.concatenate(sets), final)
        made.floors = _floors(job, data, count, final, lambda: _comparable(job, data, count, final))
        return made

    return _remembered((job.experiment.seed, samples, blocks, *alike), make)


def _comparable(job: Job, data: PyTree, count: int, final: bool) -> Evaluator:
    """The metrics against real points that are those of every run."""
    return _against(job, data, job.experiment.dataset.reference(data, jax.random.key(0), count).x, final)


def _floors(job: Job, data: PyTree, count: int, final: bool, comparable: Callable[[], Evaluator]) -> dict[str, float]:
    """What a perfect generator would score on `count` samples, which the seed has no part in."""
    dataset, key = job.experiment.dataset, jax.random.key(0)
    held = dataset.held_out(data)
    sets = range(FLOOR_SETS if held is None else min(FLOOR_SETS, held // count))

    def make() -> dict[str, float]:
        others = [dataset.test_batch(data, jax.random.fold_in(key, number), count).x for number in sets]
        return comparable().floors_from([HostArrays(dataset, {"fake": np.asarray(x)}) for x in others])

    settings = sorted(describe(dataset, places=False).items())
    what = repr((type(dataset).__qualname__, settings, _settings(job), count, final))
    return floors.kept(what, data, make)


def _against(job: Job, data: PyTree, real: Any, final: bool) -> Evaluator:
    dataset = job.experiment.dataset
    points = HostArrays(dataset, {"fake": np.asarray(real)})
    return Evaluator(job.metric, Reference(dataset, data, points, final), len(real))


def _settings(job: Job) -> str:
    return repr([(name, type(metric).__qualname__, describe(metric)) for name, metric in job.metric.items()])


def _identity(dataset: Dataset) -> tuple[str, tuple[float, ...]]:
    return str(jax.tree.structure(dataset)), tuple(map(float, numbers(dataset).values()))


def _remembered(key: Hashable, make: Callable[[], Any]) -> Any:
    if key not in _KNOWN:
        if len(_KNOWN) >= KEPT:
            del _KNOWN[next(iter(_KNOWN))]
        _KNOWN[key] = make()
    return _KNOWN[key]
