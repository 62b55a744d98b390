"""One evaluation: what the metrics chosen make of what was read, beside what a perfect generator would score."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from ganexp.observe.metric import END, EVALUATION, Arrays, Bars, Metric, Reference
from ganexp.observe.readings import HostArrays, Readings
from ganexp.ranking import FLOOR, NEITHER


class Evaluator:
    """The metrics of runs that are compared with the same real points: `reference` has `count` of them."""

    def __init__(self, metrics: Mapping[str, Metric], reference: Reference, count: int):
        self._reference, self._count = reference, count
        # What is read at each record of the losses is scored there.
        times = (EVALUATION, END) if reference.final else (EVALUATION,)
        self.metrics = {name: metric for name, metric in metrics.items() if metric.when in times}
        self.floors: dict[str, float] = {}
        self.known = functools.cache(self._known)

    def _known(self, name: str) -> Any:
        return self.metrics[name].against(self._reference)

    def floors_from(self, held_out: Sequence[Arrays]) -> dict[str, float]:
        """What a perfect generator would score, by tag, from sets of as many real points."""
        return {
            tag: floor
            for name, metric in self.metrics.items()
            if metric.floors
            for tag, floor in metric.floor(self.known(name), held_out).items()
        }

    def __call__(self, readings: Readings) -> dict[str, float]:
        """Every number of one evaluation by its tag: those with a best end first, then their floors, then the others."""
        first: dict[str, float] = {}
        others: dict[str, float] = {}
        for name, metric, arrays in self._with_arrays(readings):
            telling = any(way != NEITHER for way in metric.better.values())
            (first if telling or metric.floors else others).update(metric.score(arrays, self.known(name)))
        # A floor of exactly zero says nothing, and none is shown.
        floors = {f"{tag}{FLOOR}": floor for tag, floor in self.floors.items() if floor != 0 and tag in first}
        return first | floors | others

    def histograms(self, readings: Readings) -> dict[str, Bars | np.ndarray]:
        """Every histogram of one evaluation by its tag."""
        return {
            tag: histogram
            for name, metric, arrays in self._with_arrays(readings)
            for tag, histogram in metric.histograms(arrays, self.known(name)).items()
        }

    def _with_arrays(self, readings: Readings) -> list[tuple[str, Metric, Arrays]]:
        """The metrics by name, each with what it reads: those that have floors on as many samples as there are real points."""
        cut = jax.tree.map(lambda part: part[: self._count], readings.by_sample)
        as_many = HostArrays(self._reference.dataset, cut | readings.once)
        whole = HostArrays(self._reference.dataset, readings.by_sample | readings.once)
        return [
            (name, metric, as_many if metric.when == EVALUATION and metric.floors else whole)
            for name, metric in self.metrics.items()
        ]
