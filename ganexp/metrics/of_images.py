"""Metrics of generated images against the training and the test images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from jaxtyping import Array, Float, PyTree

from ganexp.component import component
from ganexp.datasets.images import shown
from ganexp.experiment import Experiment
from ganexp.observe.metric import END, Arrays, Metric, Reference
from ganexp.observe.samples import Samples
from ganexp.ranking import HIGHER, LOWER, NEITHER
from ganexp.types import Dataset

COPIES = 2000  # images that are compared with all of the training set
PARZEN_SAMPLES = 10_000
VALIDATION = 10_000
ONE_CHANNEL = "it compares images of one channel with those of the data set"


def _of_one_channel(dataset: Dataset) -> bool:
    # Each stack of digits is an image that nobody drew.
    return dataset.images and dataset.shape[-1] == 1


class _Copies(NamedTuple):
    detector: Any
    unseen: Float[np.ndarray, "n d"]


@component
class Memorization(Metric):
    """The share of 2,000 samples that copy a training image: see `metrics.memorization.CopyDetector`."""

    better: ClassVar = {"memorization/share": NEITHER}
    when: ClassVar = END
    floors: ClassVar = ("memorization/share",)

    def fits(self, experiment: Experiment) -> str | None:
        return None if _of_one_channel(experiment.dataset) else ONE_CHANNEL

    def read(self, samples: Samples) -> dict[str, PyTree]:
        return {"fake": samples.fake.x}

    def against(self, reference: Reference) -> _Copies:
        from ganexp.metrics.memorization import CopyDetector

        train, test = (_flat(reference.dataset, pixels) for pixels in (reference.data.train, reference.data.test))
        return _Copies(CopyDetector(train, test[:COPIES]), test[-COPIES:])

    def score(self, arrays: Arrays, known: _Copies) -> dict[str, float]:
        return known.detector(np.asarray(arrays["points"][:COPIES], np.float32))

    def floor(self, known: _Copies, held_out: Sequence[Arrays]) -> dict[str, float]:
        """The share among the last test images: the first ones decide what a copy is."""
        return known.detector(known.unseen)


class _Window(NamedTuple):
    train: Float[np.ndarray, "n d"]
    validation: Float[np.ndarray, "v d"]
    test: Float[np.ndarray, "m d"]

    def estimate(self, samples: Float[np.ndarray, "k d"]) -> Any:
        from ganexp.metrics.parzen import parzen_window

        return parzen_window(samples[:PARZEN_SAMPLES], self.validation, self.test)


@component
class Parzen(Metric):
    """The Parzen-window log-likelihood of the test images under 10,000 samples: see `metrics.parzen.parzen_window`.

    The window's width is chosen on the last of the training images, at most 10,000 and a fifth of them.
    """

    better: ClassVar = {
        "parzen/log_likelihood": HIGHER, "parzen/standard_error": NEITHER, "parzen/sigma": NEITHER
    }  # fmt: skip
    when: ClassVar = END
    floors: ClassVar = ("parzen/log_likelihood",)

    def fits(self, experiment: Experiment) -> str | None:
        gray = _of_one_channel(experiment.dataset) and not experiment.dataset.binary
        return None if gray else "it has a density for gray images of one channel alone"

    def read(self, samples: Samples) -> dict[str, PyTree]:
        return {"fake": samples.fake.x}

    def against(self, reference: Reference) -> _Window:
        train, test = (_flat(reference.dataset, pixels) for pixels in (reference.data.train, reference.data.test))
        aside = min(VALIDATION, len(train) // 5)
        # Copies, so that the whole of the training set is not kept.
        return _Window(train[:-aside][:PARZEN_SAMPLES].copy(), train[-aside:].copy(), test)

    def score(self, arrays: Arrays, known: _Window) -> dict[str, float]:
        found = known.estimate(np.asarray(arrays["points"], np.float32))
        return {
            "parzen/log_likelihood": found.log_likelihood,
            "parzen/standard_error": found.standard_error,
            "parzen/sigma": found.sigma,
        }

    def floor(self, known: _Window, held_out: Sequence[Arrays]) -> dict[str, float]:
        """The estimate from other training images in place of samples."""
        return {"parzen/log_likelihood": known.estimate(known.train).log_likelihood}


def _flat(dataset: Dataset, pixels: Any) -> Float[np.ndarray, "n d"]:
    images = dataset.denormalize(np.asarray(shown(dataset, pixels)))
    return np.asarray(images, np.float32).reshape(len(images), -1)


@component
class Leak(Metric):
    """How well gray pixels alone tell generated images, as they are in training, from data of 0 and 1: see `leak`."""

    better: ClassVar = {"leak/accuracy": LOWER}
    by_sample: ClassVar = False

    def fits(self, experiment: Experiment) -> str | None:
        return None if experiment.dataset.binary else "the data are not binary"

    def read(self, samples: Samples) -> dict[str, PyTree]:
        return {"leak": leak(samples.batch.real.x, samples.generate(samples.batch.noise, train=True).x)}

    def score(self, arrays: Arrays, known: Any) -> dict[str, float]:
        return {"leak/accuracy": float(arrays["leak"])}


def leak(real: Float[Array, "n ..."], fake: Float[Array, "n ..."]) -> Float[Array, ""]:
    """The accuracy of the detector that calls an image fake where any pixel lies between 0.001 and 0.999."""

    def caught(x: Float[Array, "n ..."]) -> Float[Array, ""]:
        return ((x > 1e-3) & (x < 1 - 1e-3)).any(axis=tuple(range(1, x.ndim))).mean()

    return (1 - caught(real) + caught(fake)) / 2
