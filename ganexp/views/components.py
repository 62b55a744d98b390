"""Every view that there is. Apart from the package itself, because reports draw with its files and need no JAX."""

from ganexp.views.of_images import Classes, Interpolation, Real, Strip
from ganexp.views.of_points import Features, Modes, Phase
from ganexp.views.of_training import Accuracy, Losses
from ganexp.views.samples import Samples

__all__ = [
    "Accuracy",
    "Classes",
    "Features",
    "Interpolation",
    "Losses",
    "Modes",
    "Phase",
    "Real",
    "Samples",
    "Strip",
]
