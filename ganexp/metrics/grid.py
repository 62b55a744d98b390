"""GAN Lab's divergences on a grid, without its mistakes."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from ganexp.types import Extent

CELLS = 30
SMOOTHING = 1e-4


class GridHistogram:
    """KL(real || fake) and JS between 30 x 30 histograms, in bits (Kahng et al. 2019).

    p and q are the shares of real and fake points by cell, e = 0.0001, m = (p + q) / 2:
    KL = sum (p + e) log2((p + e) / (q + e)), JS = 1/2 sum (p + e) log2((p + e) / (m + e)) + the same for q.
    Points outside the extent are counted in the nearest cell, so that no mass is lost.
    """

    def __init__(self, extent: Extent, real: Float[np.ndarray, "n 2"]):
        self.extent = extent
        self.p = self.shares(real)

    def shares(self, points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "30 30"]:
        """The share of the points in each cell, by x and y."""
        low, high = np.asarray(self.extent).T
        place = (points - low) / (high - low) * CELLS
        cell = np.clip(np.nan_to_num(place, nan=0.0), 0, CELLS - 1).astype(int)
        counts = np.bincount(cell[:, 0] * CELLS + cell[:, 1], minlength=CELLS**2)
        return counts.reshape(CELLS, CELLS) / len(points)

    def __call__(self, fake: Float[np.ndarray, "n 2"]) -> dict[str, float]:
        """`grid/kl` and `grid/js`."""
        p, q = self.p, self.shares(fake)
        middle = (p + q) / 2 + SMOOTHING
        p, q = p + SMOOTHING, q + SMOOTHING
        js = 0.5 * np.sum(p * np.log2(p / middle) + q * np.log2(q / middle))
        return {"grid/kl": float(np.sum(p * np.log2(p / q))), "grid/js": float(js)}
