"""Precision, recall, density and coverage: which points lie near those of the other side."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from ganexp.metrics.distances import FAR, squared_distances

# Each pair of scores has the neighbor its paper chose.
PRECISION_NEIGHBOR = 3
DENSITY_NEIGHBOR = 5


class PrecisionRecall:
    """Shares of one side's features [n, f] inside balls around the other's, whose radius is the distance to the k-th neighbor.

    Precision: fakes in any real ball; recall: reals in any fake ball (k = 3, Kynkaanniemi et al. 2019). Density: real balls
    around a fake, divided by k; coverage: real balls with a fake inside (k = 5, borders excluded, Naeem et al. 2020).
    """

    def __init__(self, real: Float[np.ndarray, "n f"]):
        """Compute the radii of the real balls; `ValueError` for fewer than six points."""
        self._real = real.astype(np.float64)
        self._near, self._wide = squared_radii(self._real, (PRECISION_NEIGHBOR, DENSITY_NEIGHBOR))

    def __call__(self, fake: Float[np.ndarray, "m f"]) -> dict[str, float]:
        """`mnist_precision`, `mnist_recall`, `mnist_density` and `mnist_coverage`."""
        # A point that overflowed is in no ball; around it there is none either, or it would hold everything.
        kept = fake[(np.abs(fake) < FAR).all(axis=1)].astype(np.float64)
        if len(kept) <= PRECISION_NEIGHBOR:
            return {f"mnist_{name}": 0.0 for name in ("precision", "recall", "density", "coverage")}
        (fake_radii,) = squared_radii(kept, (PRECISION_NEIGHBOR,))
        precise, pairs, recalled, covered = np.zeros(len(kept), bool), 0, 0, 0
        for rows, distances in squared_distances(self._real, kept):
            precise |= (distances <= self._near[rows, None]).any(axis=0)
            pairs += int(np.count_nonzero(distances < self._wide[rows, None]))
            recalled += int((distances <= fake_radii).any(axis=1).sum())
            covered += int((distances.min(axis=1) < self._wide[rows]).sum())
        return {
            "mnist_precision": int(precise.sum()) / len(fake),
            "mnist_recall": recalled / len(self._real),
            "mnist_density": pairs / (DENSITY_NEIGHBOR * len(fake)),
            "mnist_coverage": covered / len(self._real),
        }


def squared_radii(points: Float[np.ndarray, "n f"], neighbors: tuple[int, ...]) -> Float[np.ndarray, "k n"]:
    """Each point's squared distance to its k-th neighbor, itself excluded, for each k; `ValueError` where there is none."""
    if len(points) <= max(neighbors):
        raise ValueError(f"{len(points)} points are too few: each needs {max(neighbors)} neighbors")
    radii = np.empty((len(neighbors), len(points)))
    for rows, distances in squared_distances(points, points):
        # The point itself is the nearest of all.
        distances.partition(neighbors, axis=1)
        radii[:, rows] = distances[:, neighbors].T
    return radii
