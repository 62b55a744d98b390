"""Views of images alone: real ones, the way between noise vectors, a row for each epoch, and the digits that they show."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from ganexp.component import component
from ganexp.experiment import Experiment
from ganexp.job import strip_stride
from ganexp.observe.metric import EVALUATION
from ganexp.observe.scene import Scene
from ganexp.observe.view import EPOCH, Arrays, Frame, History, View
from ganexp.types import WHITE, Image
from ganexp.views.probe_images import SIDE, grid_real, strip_row, ways
from ganexp.views.render_classes import ClassesPicture
from ganexp.views.render_images import grid, interpolation, restored, stored, strip


@component
class _OfImages(View):
    """A view of images."""

    def fits(self, experiment: Experiment) -> str | None:
        return None if experiment.dataset.images else "the data are points, not images"


@component
class Real(_OfImages):
    """64 real images, once."""

    def read(self, scene: Scene) -> dict[str, PyTree]:
        return {"real": grid_real(scene)}

    def frame(self, experiment: Experiment, read: Mapping[str, Any], history: History) -> Arrays | None:
        return stored(experiment.dataset.denormalize(np.asarray(read["real"]))) if history.first else None

    def draw(self, frames: Sequence[Frame], step: int, experiment: Experiment, artist: Any) -> Image:
        images, outside = restored(frames[-1].arrays)
        return grid(images, SIDE, self.title(experiment, step), outside=outside)

    def title(self, experiment: Experiment, step: int) -> str:
        return "real images"


@component
class Interpolation(_OfImages):
    """What is generated on the way from one noise vector to another, for six pairs (White 2016)."""

    def read(self, scene: Scene) -> dict[str, PyTree]:
        return {"way": ways(scene)}

    def frame(self, experiment: Experiment, read: Mapping[str, Any], history: History) -> Arrays:
        return stored(experiment.dataset.denormalize(np.asarray(read["way"])))

    def draw(self, frames: Sequence[Frame], step: int, experiment: Experiment, artist: Any) -> Image:
        images, outside = restored(frames[-1].arrays)
        return interpolation(images, self.title(experiment, step), outside)


@component
class Strip(_OfImages):
    """A row of 15 samples for each epoch, the same noise in each: after 40 rows every second epoch, after 80 every fourth."""

    when: ClassVar = EPOCH
    whole: ClassVar = True

    def read(self, scene: Scene) -> dict[str, PyTree]:
        return {"row": strip_row(scene)}

    def frame(self, experiment: Experiment, read: Mapping[str, Any], history: History) -> Arrays:
        intensities = np.nan_to_num(np.clip(experiment.dataset.denormalize(np.asarray(read["row"])), 0, 1))
        return {"pixels": np.round(WHITE * intensities).astype(np.uint8)}

    def draw(self, frames: Sequence[Frame], step: int, experiment: Experiment, artist: Any) -> Image:
        epochs = np.array([experiment.epoch(frame.step) for frame in frames])
        if self.every is None:
            shown = epochs % strip_stride(experiment.epoch(step)) == 0
        else:
            # A rhythm of its own knows no epochs: every second row, or every fourth.
            shown = np.arange(len(frames)) % strip_stride(len(frames) - 1) == 0
        rows = np.stack([frame.arrays["pixels"] for frame in frames])[shown]
        return strip(rows.astype(np.float32) / WHITE, epochs[shown], self.title(experiment, step))

    def title(self, experiment: Experiment, step: int) -> str:
        return f"epoch {experiment.epoch(step):,}"


@component
class Classes(View):
    """The share of each digit among the generated images, as the classifier reads them, against the training set's."""

    when: ClassVar = EVALUATION

    def fits(self, experiment: Experiment) -> str | None:
        return None if experiment.dataset.classifier is not None else "there is no classifier for this data set"

    def read(self, scene: Scene) -> dict[str, PyTree]:
        probabilities = scene.samples.reading.probabilities
        # As many as the scores are of, which are compared with as many held-out images.
        held_out = scene.experiment.dataset.held_out(scene.data)
        digits, labels = probabilities[: held_out or None].argmax(axis=-1).ravel(), scene.data.train_label
        count = probabilities.shape[-1]
        return {"fake": jnp.bincount(digits, length=count), "train": jnp.bincount(labels, length=count)}

    def frame(self, experiment: Experiment, read: Mapping[str, Any], history: History) -> Arrays:
        counts = {"shares": np.asarray(read["fake"]), "weights": np.asarray(read["train"])}
        return {name: count / count.sum() for name, count in counts.items()}

    def artist(self, experiment: Experiment) -> Any:
        return functools.cache(lambda *weights: ClassesPicture(np.array(weights)))

    def draw(self, frames: Sequence[Frame], step: int, experiment: Experiment, artist: Any) -> Image:
        arrays = frames[-1].arrays
        return artist(*arrays["weights"].tolist()).draw(arrays["shares"], f"step {step:,}")
