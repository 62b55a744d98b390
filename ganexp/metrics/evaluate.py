"""One evaluation: every metric that fits the data, and the floor of each distance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from ganexp.classifier import Reading
from ganexp.datasets import Curve
from ganexp.metrics.curve import CurveFit
from ganexp.metrics.grid import GridDivergence
from ganexp.metrics.images import ReadingScores
from ganexp.metrics.modes import ModeCount
from ganexp.metrics.probe import Probe
from ganexp.metrics.wasserstein import SlicedWasserstein
from ganexp.types import Dataset, Images

FLOOR_SETS = 4
DISTANCES = ("modes/kl", "grid/kl", "grid/js", "sliced_wasserstein")

Points = Float[np.ndarray, "n ..."]


class Readings(NamedTuple):
    """The classifier's readings of an evaluation's real images and of the held-out ones, and the data set's arrays."""

    data: Images
    real: Reading
    held_out: list[Reading]
    kernel_subsets: int


class Evaluator:
    """The metrics of one data set, against the real points `real`.

    A floor is what a perfect generator would score: the mean distance of the sets `held_out`, real and as many, from `real`.
    `readings` are of digits: the classifier's of the same sets.
    """

    def __init__(self, dataset: Dataset, real: Points, held_out: list[Points], readings: Readings | None = None):
        self._natural = dataset.natural
        self._metrics: list[Callable[[Points], dict[str, float]]] = []
        self.modes: ModeCount | None = None
        known = dataset.modes()
        if known is not None:
            self.modes = ModeCount(known)
            self._metrics.append(self.modes)
        if dataset.shape == (2,):
            self._metrics.append(GridDivergence(dataset.extent, dataset.natural(real)))
        if isinstance(dataset, Curve):
            self._metrics.append(CurveFit(dataset))
        self._metrics.append(SlicedWasserstein(dataset.natural(real).reshape(len(real), -1)))
        scores = [self._score(points) for points in held_out]
        floors = {tag: float(np.mean([score[tag] for score in scores])) for tag in scores[0] if tag in DISTANCES}
        self.digits: ReadingScores | None = None
        if readings is not None:
            self.digits = ReadingScores(readings.data, readings.real, readings.kernel_subsets)
            found = [self.digits(reading) for reading in readings.held_out]
            floors |= {
                tag: float(np.mean([score[tag] for score in found])) for tag in found[0] if "/deviation" not in tag
            }
        self._count = len(real)
        # A floor of exactly zero says nothing, and none is shown.
        self.floors = {f"{tag}/floor": floor for tag, floor in floors.items() if floor != 0}

    def _score(self, points: Points) -> dict[str, float]:
        natural = self._natural(points).reshape(len(points), -1)
        return {tag: value for metric in self._metrics for tag, value in metric(natural).items()}

    def __call__(self, probe: Probe) -> dict[str, float]:
        """Every metric of one evaluation by its tag, on as many points as there are real ones to compare them with."""
        scores = self._score(np.asarray(probe.fake)[: self._count])
        if self.digits is not None:
            scores |= self.digits(self._first(probe.reading))
        if probe.leak is not None:
            scores["leak/accuracy"] = float(probe.leak)
        real, fake = np.asarray(probe.output_real, float), np.asarray(probe.output_fake, float)
        return {
            **scores,
            **{tag: floor for tag, floor in self.floors.items() if tag.removesuffix("/floor") in scores},
            "accuracy/real": float((real > 0.5).mean()),
            "accuracy/fake": float((fake < 0.5).mean()),
            "score/real": float(real.mean()),
            "score/fake": float(fake.mean()),
            **{f"gradient/{player}": norm(gradient) for player, gradient in probe.gradients.items()},
        }

    def _first(self, reading: Any) -> Reading:
        return jax.tree.map(lambda part: part[: self._count], reading)

    def class_shares(self, probe: Probe) -> np.ndarray | None:
        """The share of generated images in each class, where a classifier knows them."""
        return None if self.digits is None else self.digits.shares(self._first(probe.reading))

    def class_weights(self) -> np.ndarray:
        """The share of each class in the training set."""
        assert self.digits is not None
        return self.digits.classes.reference

    def mode_counts(self, probe: Probe) -> np.ndarray | None:
        """How many generated points belong to each mode, where the data has modes."""
        return None if self.modes is None else self.modes.counts(self._natural(np.asarray(probe.fake)))


def norm(tree: Any) -> float:
    """The Euclidean norm of all numbers of a tree of arrays."""
    return float(np.sqrt(sum(float(np.sum(np.square(leaf, dtype=float))) for leaf in jax.tree.leaves(tree))))


def join(probes: list[Probe]) -> Probe:
    """Several blocks as one evaluation; weights and gradients are those of the first."""
    columns = [(probe.real, probe.fake, probe.output_real, probe.output_fake, probe.reading) for probe in probes]
    real, fake, output_real, output_fake, reading = jax.tree.map(lambda *blocks: np.concatenate(blocks), *columns)
    return probes[0]._replace(real=real, fake=fake, output_real=output_real, output_fake=output_fake, reading=reading)
