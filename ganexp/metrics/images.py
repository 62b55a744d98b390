"""The scores of images: what the digit classifier makes of them, and how they lie among the training images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ganexp.classifier import Reading, reader
from ganexp.datasets.images import shown
from ganexp.metrics.classes import ClassScores, StackedModes, stacked_weights
from ganexp.metrics.frechet import FrechetDistance
from ganexp.metrics.kernel import KernelDistance
from ganexp.metrics.memorization import Memorization
from ganexp.metrics.neighbors import PrecisionRecall
from ganexp.metrics.parzen import ParzenWindow, parzen_window
from ganexp.types import Dataset, Images

COPIES = 2000  # images that are compared with all of the training set
PARZEN_SAMPLES = 10_000
VALIDATION = 10_000


def read(dataset: Dataset, x: Float[Array, "n ..."]) -> Reading | None:
    """What the data set's classifier makes of images in network coordinates, channel by channel: probabilities [n, c, 10] and
    features [n, 64 c]; None where there is no classifier for them."""
    if dataset.classifier is None:
        return None
    images = jnp.clip(dataset.natural(x), 0, 1)
    n, channels = len(images), images.shape[-1]
    reading = reader(dataset.classifier)(jnp.moveaxis(images, -1, 1).reshape(n * channels, *images.shape[1:3]))
    return Reading(reading.probabilities.reshape(n, channels, -1), reading.features.reshape(n, -1))


class ReadingScores:
    """Every score of a classifier's reading, against that of real images, `real`, and the labels of the training set.

    `kernel_subsets` are those of the kernel distance.
    """

    def __init__(self, data: Images, real: Reading, kernel_subsets: int):
        features = np.asarray(real.features)
        self.classes = ClassScores(np.asarray(data.train_label))
        self._features: list[Callable[[np.ndarray], dict[str, float]]] = [
            FrechetDistance(features), KernelDistance(features, kernel_subsets), PrecisionRecall(features)
        ]  # fmt: skip
        self.modes: StackedModes | None = None
        if real.probabilities.shape[1] > 1:
            self.modes = StackedModes(stacked_weights(self.classes.reference, real.probabilities.shape[1]))

    def __call__(self, reading: Reading) -> dict[str, float]:
        """Every score by its tag."""
        probabilities, features = np.asarray(reading.probabilities), np.asarray(reading.features)
        scores = {tag: value for score in self._features for tag, value in score(features).items()}
        # The channels of a stack are digits of their own.
        scores |= self.classes(probabilities.reshape(-1, probabilities.shape[2]))
        return scores if self.modes is None else scores | self.modes(probabilities)

    def shares(self, reading: Reading) -> Float[np.ndarray, " k"]:
        """The share of the images in each class."""
        probabilities = np.asarray(reading.probabilities)
        return self.classes.shares(probabilities.reshape(-1, probabilities.shape[2]))


class ClosingScores:
    """What is too long for every evaluation: memorization and, of grey images, the Parzen window; with floors.

    The Parzen window's width is chosen on the last of the training images (at most 10,000 and a fifth of them), and its floor
    is that of other training images taken for samples. Stacks of digits have neither: each is an image that nobody drew.
    """

    def __init__(self, dataset: Dataset, data: Images):
        self._dataset = dataset
        self.floors: dict[str, float] = {}
        if dataset.shape[-1] != 1:
            return
        train, self._test = (_flat(dataset, np.asarray(shown(dataset, pixels))) for pixels in (data.train, data.test))
        self._copies = Memorization(train, self._test[:COPIES])
        self.floors["memorization/share/floor"] = self._copies(self._test[-COPIES:])["memorization/share"]
        if not dataset.binary:
            aside = min(VALIDATION, len(train) // 5)
            self._validation = train[-aside:]
            self.floors["parzen/log_likelihood/floor"] = self._parzen(train[:-aside]).log_likelihood

    def _parzen(self, samples: Float[np.ndarray, "n d"]) -> ParzenWindow:
        return parzen_window(samples[:PARZEN_SAMPLES], self._validation, self._test)

    def __call__(self, fake: Float[Any, "n h w c"]) -> dict[str, float]:
        """Every score by its tag, of images in network coordinates."""
        if not self.floors:
            return {}
        points = _flat(self._dataset, np.asarray(fake))
        scores = self._copies(points[:COPIES]) | self.floors
        if not self._dataset.binary:
            found = self._parzen(points)
            scores |= {
                "parzen/log_likelihood": found.log_likelihood,
                "parzen/standard_error": found.standard_error,
                "parzen/sigma": found.sigma,
            }
        return scores


def _flat(dataset: Dataset, x: np.ndarray) -> Float[np.ndarray, "n d"]:
    return np.asarray(dataset.natural(x), np.float32).reshape(len(x), -1)


def leak(real: Float[Array, "n ..."], fake: Float[Array, "n ..."]) -> Float[Array, ""]:
    """The accuracy of the detector that calls an image fake where any pixel lies between 0.001 and 0.999."""

    def caught(x: Float[Array, "n ..."]) -> Float[Array, ""]:
        return ((x > 1e-3) & (x < 1 - 1e-3)).any(axis=tuple(range(1, x.ndim))).mean()

    return (1 - caught(real) + caught(fake)) / 2
