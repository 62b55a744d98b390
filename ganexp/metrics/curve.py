"""How well the generated points follow the curve."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from ganexp.datasets import Curve

BINS = 50
NEAR = 0.05


class CurveFit:
    """`curve/distance`, the mean distance from the curve as a share of the range of y, and `curve/coverage`.

    Coverage is the share of 50 equal bins of x that hold at least a tenth of the points the data would put there, counting
    only points nearer to the curve than 5 % of the range of y.
    """

    def __init__(self, curve: Curve):
        self.curve = curve

    def __call__(self, points: Float[np.ndarray, "n 2"]) -> dict[str, float]:
        """`curve/distance` and `curve/coverage`."""
        distance = self.curve.distance(points)
        counts, _ = np.histogram(points[distance < NEAR, 0], bins=BINS, range=self.curve.bounds()[0])
        enough = max(1.0, 0.1 * len(points) / BINS)
        return {"curve/distance": float(distance.mean()), "curve/coverage": float((counts >= enough).mean())}
