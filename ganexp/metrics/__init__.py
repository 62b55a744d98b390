"""What a number is measured by: metrics, whose arrays are read on the device, and scored on the host in NumPy and SciPy, which sort faster."""

from ganexp.metrics.of_digits import ClassifierScore, Fid, Kid, Prdc, StackedCoverage
from ganexp.metrics.of_images import Leak, Memorization, Parzen
from ganexp.metrics.of_players import DiracParameters, DiscriminatorOutput, GradientNorm, MinibatchAccuracy
from ganexp.metrics.of_points import CurveDistance, GridDivergence, ModeCoverage, SlicedWasserstein

__all__ = [
    "ClassifierScore",
    "CurveDistance",
    "DiracParameters",
    "DiscriminatorOutput",
    "Fid",
    "GradientNorm",
    "GridDivergence",
    "Kid",
    "Leak",
    "Memorization",
    "MinibatchAccuracy",
    "ModeCoverage",
    "Parzen",
    "Prdc",
    "SlicedWasserstein",
    "StackedCoverage",
]
