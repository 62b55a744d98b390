"""Metrics of what the digit classifier makes of generated images, against what it makes of real ones."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from jaxtyping import PyTree

from ganexp.component import component, setting
from ganexp.experiment import Experiment
from ganexp.observe.metric import Arrays, Bars, Metric, Reference
from ganexp.observe.samples import Samples
from ganexp.ranking import HIGHER, LOWER, NEITHER

FEWEST = 10  # that precision, recall and covariances can be computed of


@component
class _DigitMetric(Metric):
    """A score of the classifier's reading."""

    least: ClassVar = FEWEST

    def fits(self, experiment: Experiment) -> str | None:
        return None if experiment.dataset.classifier is not None else "there is no classifier for this data set"

    def read(self, samples: Samples) -> dict[str, PyTree]:
        return {"reading": samples.reading}


@component
class Fid(_DigitMetric):
    """The Frechet distance in the classifier's features: see `metrics.frechet.FrechetDistance`."""

    better: ClassVar = {"mnist_fid": LOWER}
    headline: ClassVar = ("mnist_fid",)
    priority: ClassVar = 90
    floors: ClassVar = ("mnist_fid",)

    def against(self, reference: Reference) -> Any:
        from ganexp.metrics.frechet import FrechetDistance

        return FrechetDistance(reference.real["reading"].features)

    def score(self, arrays: Arrays, known: Any) -> dict[str, float]:
        return known(arrays["reading"].features)


@component
class Kid(_DigitMetric):
    """The kernel distance in the classifier's features, over `subsets` of at most 1,000, and at the end `final_subsets`: see
    `metrics.kernel.KernelDistance`."""

    subsets: int = setting(10, least=1)
    final_subsets: int = setting(100, least=1)

    better: ClassVar = {"mnist_kid": LOWER, "mnist_kid/std": NEITHER}
    priority: ClassVar = 10
    floors: ClassVar = ("mnist_kid",)

    def against(self, reference: Reference) -> Any:
        from ganexp.metrics.kernel import KernelDistance

        subsets = self.final_subsets if reference.final else self.subsets
        return KernelDistance(reference.real["reading"].features, subsets)

    def score(self, arrays: Arrays, known: Any) -> dict[str, float]:
        return known(arrays["reading"].features)


@component
class Prdc(_DigitMetric):
    """Precision, recall, density and coverage in the classifier's features: see `metrics.neighbors.PrecisionRecall`."""

    better: ClassVar = {
        "mnist_precision": HIGHER, "mnist_recall": HIGHER, "mnist_density": HIGHER, "mnist_coverage": HIGHER
    }  # fmt: skip
    headline: ClassVar = ("mnist_precision", "mnist_recall")
    priority: ClassVar = 80
    floors: ClassVar = tuple(better)

    def against(self, reference: Reference) -> Any:
        from ganexp.metrics.neighbors import PrecisionRecall

        return PrecisionRecall(reference.real["reading"].features)

    def score(self, arrays: Arrays, known: Any) -> dict[str, float]:
        return known(arrays["reading"].features)


@component
class ClassifierScore(_DigitMetric):
    """How sure the classifier is, and of which classes: see `metrics.classes.ClassScores`."""

    better: ClassVar = {
        "mnist_score": HIGHER, "mnist_score/std": NEITHER, "classes/entropy": HIGHER, "classes/kl": LOWER,
        "classes/confidence": HIGHER,
    }  # fmt: skip
    headline: ClassVar = ("mnist_score",)
    priority: ClassVar = 70
    floors: ClassVar = ("mnist_score", "classes/entropy", "classes/kl", "classes/confidence")

    def against(self, reference: Reference) -> Any:
        from ganexp.metrics.classes import ClassScores

        return ClassScores(np.asarray(reference.data.train_label))

    def score(self, arrays: Arrays, known: Any) -> dict[str, float]:
        return known(_of_channels(arrays))

    def histograms(self, arrays: Arrays, known: Any) -> dict[str, Any]:
        # The channels of a stack are digits of their own; the bars are of images.
        count = len(arrays["reading"].features)
        return {"classes/histogram": Bars(np.round(self.shares(arrays, known) * count))}

    def shares(self, arrays: Arrays, known: Any) -> np.ndarray:
        """The share of the images in each class."""
        shares: np.ndarray = known.shares(_of_channels(arrays))
        return shares


def _of_channels(arrays: Arrays) -> np.ndarray:
    probabilities: np.ndarray = np.asarray(arrays["reading"].probabilities)
    return probabilities.reshape(-1, probabilities.shape[2])


@component
class StackedCoverage(_DigitMetric):
    """Modes covered and mode KL of images whose channels are digits of their own: see `metrics.classes.StackedModes`."""

    better: ClassVar = {"modes/covered": HIGHER, "modes/kl": LOWER}
    headline: ClassVar = ("modes/covered",)
    priority: ClassVar = 30
    floors: ClassVar = ("modes/covered", "modes/kl")

    def fits(self, experiment: Experiment) -> str | None:
        stacked = experiment.dataset.images and experiment.dataset.shape[-1] > 1
        return super().fits(experiment) or (None if stacked else "the images have one channel, and no digit in each")

    def against(self, reference: Reference) -> Any:
        from ganexp.metrics.classes import ClassScores, StackedModes, stacked_weights

        shares = ClassScores(np.asarray(reference.data.train_label)).reference
        return StackedModes(stacked_weights(shares, reference.dataset.shape[-1]))

    def score(self, arrays: Arrays, known: Any) -> dict[str, float]:
        return known(np.asarray(arrays["reading"].probabilities))
