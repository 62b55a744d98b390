"""Which modes of a known mixture the generated points reach."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import cKDTree

from ganexp.types import Modes

DEVIATIONS = 3.0
FAR = 1e30


class ModeCount:
    """Modes covered, high-quality share and mode KL (VEEGAN, Srivastava et al. 2017; PacGAN, Lin et al. 2018).

    A point belongs to the mode it is nearest to in standard deviations, and is of high quality when it lies within three of
    them. A mode is covered by at least one point of high quality. The KL is sum_k p_k ln(p_k / w_k), in nats, of the shares
    p of all points against the mixture's weights w, and infinite where a mode of weight 0 is hit.
    """

    def __init__(self, modes: Modes):
        self.modes = modes
        same = bool((modes.stds == modes.stds[0, 0]).all())
        # With one standard deviation for all, the nearest mode is the nearest center, and a tree finds it.
        self._tree = cKDTree(modes.centers) if same else None

    def nearest(self, points: Float[np.ndarray, "n d"]) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Each point's mode, and its distance to it in standard deviations."""
        # A generator may overflow where its weights do not: such a point is far from every mode.
        points = np.nan_to_num(points, nan=FAR, posinf=FAR, neginf=-FAR)
        if self._tree is not None:
            distance, index = self._tree.query(points)
            return index, distance / self.modes.stds[0, 0]
        offsets = (points[:, None, :] - self.modes.centers) / self.modes.stds
        distances = np.sqrt((offsets**2).sum(axis=-1))
        index = distances.argmin(axis=1)
        return index, distances[np.arange(len(points)), index]

    def counts(self, points: Float[np.ndarray, "n d"]) -> Int[np.ndarray, " k"]:
        """How many points belong to each mode."""
        return np.bincount(self.nearest(points)[0], minlength=len(self.modes.weights))

    def __call__(self, points: Float[np.ndarray, "n d"]) -> dict[str, float]:
        """`modes/covered`, `modes/high_quality` and `modes/kl`."""
        index, distance = self.nearest(points)
        good = distance <= DEVIATIONS
        shares = np.bincount(index, minlength=len(self.modes.weights)) / len(points)
        return {
            "modes/covered": float(len(np.unique(index[good]))),
            "modes/high_quality": float(good.mean()),
            "modes/kl": kl(shares, self.modes.weights),
        }


def kl(p: Float[np.ndarray, " k"], q: Float[np.ndarray, " k"]) -> float:
    """KL(p || q) = sum p ln(p / q), in nats; infinite where q is 0 and p is not."""
    some = p > 0
    with np.errstate(divide="ignore"):
        return float(np.sum(p[some] * np.log(p[some] / q[some])))
