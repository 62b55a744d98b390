"""Data sets. The toy ones make their points on the device, inside the training step."""

from ganexp.datasets.curve import Curve
from ganexp.datasets.dirac import Dirac
from ganexp.datasets.ganlab import GanlabDisjoint, GanlabGaussians, GanlabLine, GanlabRing
from ganexp.datasets.mixtures import Grid, Ring
from ganexp.datasets.shapes import Moons, Spiral

__all__ = [
    "Curve", "Dirac", "GanlabDisjoint", "GanlabGaussians", "GanlabLine", "GanlabRing", "Grid", "Moons", "Ring", "Spiral",
]  # fmt: skip
