"""Evaluators, each made once in a process for all runs that are compared with the same real points."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree

from ganexp.classifier import Reading
from ganexp.component import arrays, numbers
from ganexp.experiment import Experiment
from ganexp.metrics.evaluate import FLOOR_SETS, Evaluator, Readings
from ganexp.metrics.images import ClosingScores, read
from ganexp.metrics.probe import reference
from ganexp.types import Dataset, Images

KERNEL_SUBSETS, FINAL_KERNEL_SUBSETS = 10, 100
KEPT = 4

_KNOWN: dict[Hashable, Any] = {}
_read = jax.jit(read)
_reference = jax.jit(reference, static_argnames="samples")


def evaluator(experiment: Experiment, data: PyTree, samples: int, blocks: int, final: bool) -> Evaluator:
    """The metrics of a run on `blocks` blocks of `samples` points, with floors from as many real ones."""
    dataset = experiment.dataset
    if dataset.images:
        return _of_images(dataset, data, blocks * samples, final)

    def real(number: int) -> np.ndarray:
        own = range(number * blocks, (number + 1) * blocks)
        return np.concatenate([np.asarray(_reference(arrays(experiment), data, samples, block)) for block in own])

    def make() -> Evaluator:
        return Evaluator(dataset, real(0), [real(1 + number) for number in range(FLOOR_SETS)])

    return _remembered(("points", experiment.seed, samples, blocks, *_identity(dataset)), make)


def _of_images(dataset: Dataset, data: Images, samples: int, final: bool) -> Evaluator:
    # On no more than there are to hold out: a floor counts at its own size only.
    held = dataset.held_out(data) or 0
    count = min(samples, held)

    def make() -> Evaluator:
        key = jax.random.key(0)
        real = dataset.reference(data, key, count).x
        sets = range(min(FLOOR_SETS, held // count))
        others = [dataset.unseen(data, jax.random.fold_in(key, number), count).x for number in sets]
        readings = None
        if dataset.classifier is not None:
            subsets = FINAL_KERNEL_SUBSETS if final else KERNEL_SUBSETS
            readings = Readings(data, _reading(dataset, real), [_reading(dataset, x) for x in others], subsets)
        return Evaluator(dataset, np.asarray(real), [np.asarray(x) for x in others], readings)

    return _remembered(("evaluator", count, final, *_identity(dataset)), make)


def closing_scores(dataset: Dataset, data: Images) -> ClosingScores:
    """What only the end of a run is measured by."""
    return _remembered(("closing", *_identity(dataset)), lambda: ClosingScores(dataset, data))


def _reading(dataset: Dataset, x: Any) -> Reading:
    return jax.device_get(_read(arrays(dataset), x))


def _identity(dataset: Dataset) -> tuple[str, tuple[float, ...]]:
    return str(jax.tree.structure(dataset)), tuple(map(float, numbers(dataset).values()))


def _remembered(key: Hashable, make: Callable[[], Any]) -> Any:
    if key not in _KNOWN:
        if len(_KNOWN) >= KEPT:
            del _KNOWN[next(iter(_KNOWN))]
        _KNOWN[key] = make()
    return _KNOWN[key]
