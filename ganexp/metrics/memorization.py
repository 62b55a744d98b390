"""Whether generated images are copies of training images."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from ganexp.metrics.distances import bounded, squared_distances

QUANTILE = 0.01


class Nearest(NamedTuple):
    """Each image's nearest training image, its Euclidean distance to it, and that as a share of the distance to the second."""

    neighbor: Int[np.ndarray, " n"]
    distance: Float[np.ndarray, " n"]
    ratio: Float[np.ndarray, " n"]


class CopyDetector:
    """The share of images [n, d] that are nearer to one training image, relative to the second, than 99 % of test images.

    r(x) = |x - t_1| / |x - t_2| with the two nearest training images (Lowe 2004; Yoon et al. 2023); the share of r < q, where q
    is the 1 % quantile of r over `test`. A copy has r = 0 and a noisy copy a small r; unseen real images score 0.01. A
    threshold on |x - t_1| alone misses copies with noise on them.
    """

    def __init__(self, train: Float[np.ndarray, "m d"], test: Float[np.ndarray, "n d"]):
        # Distances choose the neighbors only, and are computed again: 32 bits halve the time and the memory.
        self._train = train.astype(np.float32, copy=False)
        self.threshold = float(np.quantile(self.nearest(test).ratio, QUANTILE))

    def nearest(self, images: Float[np.ndarray, "n d"]) -> Nearest:
        """The nearest training image of each, among at least two."""
        images = bounded(images).astype(np.float32, copy=False)
        pairs = np.empty((len(images), 2), np.int64)
        for rows, distances in squared_distances(images, self._train):
            each = np.arange(len(distances))
            pairs[rows, 0] = distances.argmin(axis=1)
            distances[each, pairs[rows, 0]] = np.inf
            pairs[rows, 1] = distances.argmin(axis=1)
        offsets = (np.subtract(images, self._train[pairs[:, side]], dtype=np.float64) for side in (0, 1))
        lengths = np.stack([np.linalg.norm(offset, axis=1) for offset in offsets])
        # Rounding may have exchanged two that are as near.
        order = lengths.argsort(axis=0)
        first, second = np.take_along_axis(lengths, order, axis=0)
        neighbor = np.take_along_axis(pairs, order[:1].T, axis=1)[:, 0]
        # Where the training set holds an image twice, its copy is a copy all the same.
        ratio = np.divide(first, second, out=np.zeros(len(images)), where=second > 0)
        return Nearest(neighbor, first, ratio)

    def __call__(self, images: Float[np.ndarray, "n d"]) -> dict[str, float]:
        """`memorization/share`."""
        return {"memorization/share": float((self.nearest(images).ratio < self.threshold).mean())}
