"""Data sets. The toy ones make their points on the device, inside the training step; images are drawn there."""

from ganexp.datasets.curve import Curve
from ganexp.datasets.dirac import Dirac
from ganexp.datasets.ganlab import GanlabDisjoint, GanlabGaussians, GanlabLine, GanlabRing
from ganexp.datasets.images import BinarizedMnist, FashionMnist, Mnist, StackedMnist
from ganexp.datasets.mixtures import Grid, Ring
from ganexp.datasets.shapes import Moons, Spiral

__all__ = [
    "BinarizedMnist", "Curve", "Dirac", "FashionMnist", "GanlabDisjoint", "GanlabGaussians", "GanlabLine", "GanlabRing",
    "Grid", "Mnist", "Moons", "Ring", "Spiral", "StackedMnist",
]  # fmt: skip
