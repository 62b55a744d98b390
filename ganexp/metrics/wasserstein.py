"""How far the generated points are from the data, on lines through the plane."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

DIRECTIONS = 128


class SlicedDistance:
    """The mean over 128 fixed directions of the Wasserstein-1 distance of the projections (Rabin et al. 2011).

    In data units. The same number of points on both sides: the distance of sorted projections is then their mean absolute
    difference. In the plane the directions are evenly spaced angles; in one dimension there is one.
    """

    def __init__(self, real: Float[np.ndarray, "n d"]):
        self.directions = directions(real.shape[1])
        self._sorted = self._project(real)

    def _project(self, points: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "k n"]:
        # A direction's projections lie side by side, because each is sorted.
        projections = self.directions.T @ points.T
        projections.sort(axis=1)
        return projections

    def __call__(self, fake: Float[np.ndarray, "n d"]) -> dict[str, float]:
        """`sliced_wasserstein`."""
        return {"sliced_wasserstein": float(np.abs(self._project(fake) - self._sorted).mean())}


def directions(dimension: int) -> Float[np.ndarray, "d k"]:
    """Unit vectors, one a column: evenly spaced half-circle angles in the plane, and seeded normal directions above it."""
    if dimension == 1:
        return np.ones((1, 1))
    if dimension == 2:
        angle = np.pi * np.arange(DIRECTIONS) / DIRECTIONS
        return np.stack([np.cos(angle), np.sin(angle)])
    vectors = np.random.default_rng(0).normal(size=(dimension, DIRECTIONS))
    return vectors / np.linalg.norm(vectors, axis=0)
