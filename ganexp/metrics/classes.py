"""What a classifier says of generated images: how sure it is, and of which classes."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Integer

from ganexp.metrics.modes import kl

SPLITS = 10


class ClassScores:
    """Scores of a classifier's probabilities p(y|x) [n, k], whose argmax is an image's class.

    The share of each class, the entropy of the shares and their KL from the shares among `labels` (both in nats, the KL
    infinite where a class without labels is hit), the mean of max_y p(y|x), and the classifier score.
    """

    def __init__(self, labels: Integer[np.ndarray, " n"], classes: int = 10):
        self.reference = np.bincount(labels, minlength=classes) / len(labels)

    def shares(self, probabilities: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " k"]:
        """The share of the images in each class."""
        return np.bincount(probabilities.argmax(axis=1), minlength=len(self.reference)) / len(probabilities)

    def __call__(self, probabilities: Float[np.ndarray, "n k"]) -> dict[str, float]:
        """`mnist_score` and its `/std`, `classes/entropy`, `classes/kl` and `classes/confidence`."""
        score, deviation = classifier_score(probabilities)
        shares = self.shares(probabilities)
        some = shares[shares > 0]
        return {
            "mnist_score": score,
            "mnist_score/std": deviation,
            "classes/entropy": float(np.sum(some * np.log(1 / some))),
            "classes/kl": kl(shares, self.reference),
            "classes/confidence": float(probabilities.max(axis=1).mean(dtype=np.float64)),
        }


def classifier_score(probabilities: Float[np.ndarray, "n k"], splits: int = SPLITS) -> tuple[float, float]:
    """exp E_x KL(p(y|x) || p(y)), from 1 to k: mean and standard deviation over ten parts (Salimans et al. 2016).

    The formula of the Inception Score. The parts are consecutive: the images are taken to be in no order.
    """
    scores = []
    parts = min(splits, len(probabilities))
    borders = np.arange(1, parts) * len(probabilities) // parts
    for part in np.split(probabilities.astype(np.float64), borders):
        # 0 ln 0 = 0, and p(y) is 0 only where all p(y|x) are.
        logarithms = np.log(np.where(part > 0, part, 1)) - np.log(np.where(part > 0, part.mean(axis=0), 1))
        scores.append(np.exp(np.sum(part * logarithms, axis=1).mean()))
    return float(np.mean(scores)), float(np.std(scores))


class StackedModes:
    """Modes of images whose channels are digits of their own: 100 a + 10 b + c of the channels' classes (Metz et al. 2017).

    A mode is covered by at least one image. The KL is that of the images' shares from the modes' `weights`, in nats.
    """

    def __init__(self, weights: Float[np.ndarray, " modes"]):
        self.weights = weights

    def counts(self, probabilities: Float[np.ndarray, "n channels k"]) -> Integer[np.ndarray, " modes"]:
        """How many images belong to each mode, from each channel's class probabilities."""
        channels, classes = probabilities.shape[1:]
        digits = probabilities.argmax(axis=2)
        return np.bincount(digits @ classes ** np.arange(channels)[::-1], minlength=len(self.weights))

    def __call__(self, probabilities: Float[np.ndarray, "n channels k"]) -> dict[str, float]:
        """`modes/covered` and `modes/kl`."""
        counts = self.counts(probabilities)
        return {
            "modes/covered": float(np.count_nonzero(counts)),
            "modes/kl": kl(counts / len(probabilities), self.weights),
        }


def stacked_weights(shares: Float[np.ndarray, " k"], channels: int = 3) -> Float[np.ndarray, " modes"]:
    """The weights of the k^channels modes, where each channel's class is drawn by itself with `shares`."""
    weights = np.ones(1)
    for _ in range(channels):
        weights = np.outer(weights, shares).ravel()
    return weights
