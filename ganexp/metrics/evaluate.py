"""One evaluation: every metric that fits the data, and the floor of each distance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from ganexp.datasets import Curve
from ganexp.metrics.curve import CurveFit
from ganexp.metrics.grid import GridDivergence
from ganexp.metrics.modes import ModeCount
from ganexp.metrics.probe import Probe
from ganexp.metrics.wasserstein import SlicedWasserstein
from ganexp.types import Dataset

DISTANCES = ("modes/kl", "grid/kl", "grid/js", "sliced_wasserstein")

Points = Float[np.ndarray, "n d"]


class Evaluator:
    """The metrics of one data set, against the real points `real`.

    A floor is what a perfect generator would score: the mean distance of the sets `held_out`, real and as many, from `real`.
    """

    def __init__(self, dataset: Dataset, real: Points, held_out: list[Points]):
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
        # A floor of exactly zero says nothing, and none is shown.
        self.floors = {f"{tag}/floor": floor for tag, floor in floors.items() if floor != 0}

    def _score(self, points: Points) -> dict[str, float]:
        natural = self._natural(points).reshape(len(points), -1)
        return {tag: value for metric in self._metrics for tag, value in metric(natural).items()}

    def __call__(self, probe: Probe) -> dict[str, float]:
        """Every metric of one evaluation by its tag."""
        scores = self._score(np.asarray(probe.fake))
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

    def mode_counts(self, probe: Probe) -> np.ndarray | None:
        """How many generated points belong to each mode, where the data has modes."""
        return None if self.modes is None else self.modes.counts(self._natural(np.asarray(probe.fake)))


def norm(tree: Any) -> float:
    """The Euclidean norm of all numbers of a tree of arrays."""
    return float(np.sqrt(sum(float(np.sum(np.square(leaf, dtype=float))) for leaf in jax.tree.leaves(tree))))


def join(probes: list[Probe]) -> Probe:
    """Several blocks as one evaluation; weights and gradients are those of the first."""
    columns: Any = zip(*[probe[:4] for probe in probes], strict=True)
    real, fake, output_real, output_fake = map(np.concatenate, columns)
    return Probe(real, fake, output_real, output_fake, probes[0].weights, probes[0].gradients)  # type: ignore[arg-type]
