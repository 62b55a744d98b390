"""How far two sets of features are from each other in mean and covariance."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from ganexp.metrics.distances import bounded


class FrechetDistance:
    """|m - m'|^2 + tr S + tr S' - 2 tr (S S')^(1/2) of the features' means and covariances (Heusel et al. 2017).

    The formula of the FID, on any features [n, f]; covariances divide by n - 1. With S = R^T R, the last trace is the sum of
    the singular values of R R'^T: real and not negative, also where n is less than f.
    """

    def __init__(self, real: Float[np.ndarray, "n f"]):
        self._mean, self._factor = moments(real)

    def __call__(self, fake: Float[np.ndarray, "m f"]) -> dict[str, float]:
        """`mnist_fid`, in squared units of the features."""
        mean, factor = moments(bounded(fake))
        common = np.linalg.norm(self._factor @ factor.T, "nuc")
        spread = np.sum(self._factor**2) + np.sum(factor**2) - 2 * common
        return {"mnist_fid": max(0.0, float(np.sum((mean - self._mean) ** 2) + spread))}


def moments(features: Float[np.ndarray, "n f"]) -> tuple[Float[np.ndarray, " f"], Float[np.ndarray, "f f"]]:
    """The mean, and an R whose R^T R is the covariance; `ValueError` for fewer than two points."""
    if len(features) < 2:
        raise ValueError(f"a covariance needs at least 2 points, and there is {len(features)}")
    features = features.astype(np.float64)
    mean = features.mean(axis=0)
    centered = features - mean
    variances, directions = np.linalg.eigh(centered.T @ centered / (len(features) - 1))
    return mean, np.sqrt(np.maximum(variances, 0))[:, None] * directions.T
