"""The base of metrics: what is read on the device, what is scored on the host, and which way is better."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import PyTree, Real

from ganexp.component import Component, component
from ganexp.experiment import Experiment
from ganexp.observe.samples import Samples
from ganexp.ranking import NEITHER, Ranking
from ganexp.types import Dataset

LOG, EVALUATION, END = "log", "evaluation", "end"


@runtime_checkable
class Arrays(Protocol):
    """What was read of one set of samples, by name, on the host; `points` are `fake` in data units, one flat row a sample."""

    def __getitem__(self, name: str) -> Any: ...


class Reference(NamedTuple):
    """What samples are compared with: the real points, read as generated ones are, the arrays of the data set, and whether it is
    the last evaluation of a run, which has more time."""

    dataset: Dataset
    data: Any
    real: Arrays
    final: bool


class Bars(NamedTuple):
    """A histogram of whole numbers: how often each of 0, 1, ... occurs."""

    counts: Real[np.ndarray, " bars"]


@component
class Metric(Component, ABC):
    """One or several numbers of a run, by tag. `better` says of each tag whether it is best at its `lower` or its `higher` end,
    or at `neither`; `headline` are those that stand for a run, and of two metrics that of higher `priority` comes first.

    `when`: at each `evaluation`; at the `end` of a run alone; or at each `log` of the losses as well. What is read is `by_sample`
    (the blocks of a large evaluation are joined), or of one minibatch or the whole run. Tags with `floors` are compared with as many real
    points, and need at least `least` samples.
    """

    better: ClassVar[Mapping[str, str]]
    headline: ClassVar[tuple[str, ...]] = ()
    priority: ClassVar[int] = 0
    when: ClassVar[str] = EVALUATION
    by_sample: ClassVar[bool] = True
    floors: ClassVar[tuple[str, ...]] = ()
    least: ClassVar[int] = 1

    def fits(self, experiment: Experiment) -> str | None:
        """Why it cannot be measured of this experiment, or None."""
        return None

    @abstractmethod
    def read(self, samples: Samples) -> dict[str, PyTree]:
        """The arrays that `score` needs, on the device; equal names are equal arrays, whoever reads them. Pure."""

    def against(self, reference: Reference) -> Any:
        """What `score` needs of the real points, computed once."""
        return None

    @abstractmethod
    def score(self, arrays: Arrays, known: Any) -> dict[str, float]:
        """The numbers by tag, from what was read and what `against` computed."""

    def floor(self, known: Any, held_out: Sequence[Arrays]) -> dict[str, float]:
        """What a perfect generator would score: the means over sets of real points that are held out, for each of `floors`."""
        scores = [self.score(arrays, known) for arrays in held_out]
        return {tag: float(np.mean([score[tag] for score in scores])) for tag in self.floors if scores}

    def histograms(self, arrays: Arrays, known: Any) -> dict[str, Bars | np.ndarray]:
        """Counts, or numbers to be counted, by tag, for TensorBoard."""
        return {}


def directions(metrics: Iterable[Metric]) -> dict[str, str]:
    """Which way each tag of some metrics is better, the most telling tags first, those without a best end last."""
    chosen = sorted(metrics, key=lambda metric: -metric.priority)
    first = {tag: metric.better[tag] for metric in chosen for tag in metric.headline}
    found = first | {tag: way for metric in chosen for tag, way in metric.better.items() if tag not in first}
    return dict(sorted(found.items(), key=lambda item: item[1] == NEITHER))


def ranking(metrics: Iterable[Metric]) -> Ranking:
    """The tags of some metrics that runs can be compared by."""
    return Ranking(directions(metrics))
