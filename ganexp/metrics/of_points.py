"""Metrics of generated points against the data's known shape, or against as many real points."""

from __future__ import annotations

from typing import Any, ClassVar

from jaxtyping import PyTree

from ganexp.component import component
from ganexp.datasets import Curve
from ganexp.experiment import Experiment
from ganexp.observe.metric import Arrays, Bars, Metric, Reference
from ganexp.observe.samples import Samples
from ganexp.ranking import HIGHER, LOWER


@component
class ModeCoverage(Metric):
    """Modes covered, high-quality share and mode KL of a known mixture: see `metrics.modes.ModeCount`."""

    better: ClassVar = {"modes/covered": HIGHER, "modes/high_quality": HIGHER, "modes/kl": LOWER}
    headline: ClassVar = ("modes/covered", "modes/high_quality")
    priority: ClassVar = 30
    floors: ClassVar = ("modes/kl",)

    def fits(self, experiment: Experiment) -> str | None:
        return None if experiment.dataset.modes() is not None else "the data set has no known modes"

    def read(self, samples: Samples) -> dict[str, PyTree]:
        return {"fake": samples.fake.x}

    def against(self, reference: Reference) -> Any:
        from ganexp.metrics.modes import ModeCount

        modes = reference.dataset.modes()
        assert modes is not None
        return ModeCount(modes)

    def score(self, arrays: Arrays, known: Any) -> dict[str, float]:
        return known(arrays["points"])

    def histograms(self, arrays: Arrays, known: Any) -> dict[str, Any]:
        return {"modes/histogram": Bars(known.counts(arrays["points"]))}


@component
class GridDivergence(Metric):
    """GAN Lab's divergences on a grid over the plane: see `metrics.grid.GridHistogram`."""

    better: ClassVar = {"grid/kl": LOWER, "grid/js": LOWER}
    headline: ClassVar = ("grid/js",)
    priority: ClassVar = 40
    floors: ClassVar = ("grid/kl", "grid/js")

    def fits(self, experiment: Experiment) -> str | None:
        return None if experiment.dataset.shape == (2,) else "the data are no points in the plane"

    def read(self, samples: Samples) -> dict[str, PyTree]:
        return {"fake": samples.fake.x}

    def against(self, reference: Reference) -> Any:
        from ganexp.metrics.grid import GridHistogram

        return GridHistogram(reference.dataset.extent, reference.real["points"])

    def score(self, arrays: Arrays, known: Any) -> dict[str, float]:
        return known(arrays["points"])


@component
class CurveDistance(Metric):
    """How well the points follow the curve: see `metrics.curve.CurveFit`."""

    better: ClassVar = {"curve/distance": LOWER, "curve/coverage": HIGHER}
    headline: ClassVar = ("curve/distance", "curve/coverage")
    priority: ClassVar = 50

    def fits(self, experiment: Experiment) -> str | None:
        return None if isinstance(experiment.dataset, Curve) else "the data set is not a curve"

    def read(self, samples: Samples) -> dict[str, PyTree]:
        return {"fake": samples.fake.x}

    def against(self, reference: Reference) -> Any:
        from ganexp.metrics.curve import CurveFit

        assert isinstance(reference.dataset, Curve)
        return CurveFit(reference.dataset)

    def score(self, arrays: Arrays, known: Any) -> dict[str, float]:
        return known(arrays["points"])


@component
class SlicedWasserstein(Metric):
    """The mean distance from real points on lines through the data: see `metrics.wasserstein.SlicedDistance`."""

    better: ClassVar = {"sliced_wasserstein": LOWER}
    headline: ClassVar = ("sliced_wasserstein",)
    priority: ClassVar = 20
    floors: ClassVar = ("sliced_wasserstein",)

    def read(self, samples: Samples) -> dict[str, PyTree]:
        return {"fake": samples.fake.x}

    def against(self, reference: Reference) -> Any:
        from ganexp.metrics.wasserstein import SlicedDistance

        return SlicedDistance(reference.real["points"])

    def score(self, arrays: Arrays, known: Any) -> dict[str, float]:
        return known(arrays["points"])
