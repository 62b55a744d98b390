"""The view of generated samples beside real ones: points in the plane, points on a line, or images."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import PyTree

from ganexp.component import component
from ganexp.experiment import Experiment
from ganexp.observe.scene import Scene
from ganexp.observe.view import Arrays, Frame, History, View
from ganexp.types import Dataset, Image
from ganexp.views.probe_images import SIDE, grid_samples, nearest
from ganexp.views.render_charts import LinePicture
from ganexp.views.render_images import grid, restored, stored
from ganexp.views.render_scatter import SamplesPicture


@component
class Samples(View):
    """Real and generated samples: points over a heat map of D(x), in one dimension two histograms and D(x) as a line, or 64 images
    with the training images nearest to eight of them."""

    def fits(self, experiment: Experiment) -> str | None:
        known = _form(experiment.dataset) is not None
        return (
            None
            if known
            else f"samples of shape {list(experiment.dataset.shape)} are no points of the plane and no images"
        )

    def read(self, scene: Scene) -> dict[str, PyTree]:
        return self._of(scene.experiment).read(scene)

    def frame(self, experiment: Experiment, read: Mapping[str, Any], history: History) -> Arrays:
        return self._of(experiment).frame(experiment, read)

    def artist(self, experiment: Experiment) -> Any:
        return self._of(experiment).artist(experiment)

    def draw(self, frames: Sequence[Frame], step: int, experiment: Experiment, artist: Any) -> Image:
        return self._of(experiment).draw(frames[-1].arrays, self.title(experiment, step), experiment, artist)

    def _of(self, experiment: Experiment) -> _Form:
        form = _form(experiment.dataset)
        assert form is not None, "`fits` says so"
        return form


def _form(dataset: Dataset) -> _Form | None:
    if dataset.images:
        return _Images()
    if dataset.shape == (1,):
        return _Line()
    return _Plane() if dataset.shape == (2,) else None


class _Form(ABC):
    """What samples of one kind of data are: see `View`."""

    @abstractmethod
    def read(self, scene: Scene) -> dict[str, PyTree]: ...

    @abstractmethod
    def frame(self, experiment: Experiment, read: Mapping[str, Any]) -> Arrays: ...

    @abstractmethod
    def artist(self, experiment: Experiment) -> Any: ...

    @abstractmethod
    def draw(self, arrays: Arrays, title: str, experiment: Experiment, artist: Any) -> Image: ...


class _Points(_Form):
    def read(self, scene: Scene) -> dict[str, PyTree]:
        return {"real": scene.real.x, "fake": scene.fake.x, "heat": scene.heat}

    def frame(self, experiment: Experiment, read: Mapping[str, Any]) -> Arrays:
        natural = experiment.dataset.denormalize
        points = {name: np.asarray(natural(np.asarray(read[name])), np.float32) for name in ("real", "fake")}
        return points | {"heat": np.asarray(read["heat"])}


class _Plane(_Points):
    def artist(self, experiment: Experiment) -> Any:
        return SamplesPicture(experiment.dataset.extent)

    def draw(self, arrays: Arrays, title: str, experiment: Experiment, artist: Any) -> Image:
        return artist.draw(arrays["real"], arrays["fake"], _shares(arrays["heat"]), title)


class _Line(_Points):
    def artist(self, experiment: Experiment) -> Any:
        return LinePicture(experiment.dataset.extent[0])

    def draw(self, arrays: Arrays, title: str, experiment: Experiment, artist: Any) -> Image:
        heat, (low, high) = _shares(arrays["heat"]), experiment.dataset.extent[0]
        places = np.linspace(low, high, len(heat), endpoint=False) + (high - low) / len(heat) / 2
        return artist.draw(arrays["real"][:, 0], arrays["fake"][:, 0], places, heat, title)


class _Images(_Form):
    def read(self, scene: Scene) -> dict[str, PyTree]:
        samples = grid_samples(scene)
        return {"samples": samples, "nearest": nearest(scene.experiment, scene.data, samples[SIDE - 1 :: SIDE])}

    def frame(self, experiment: Experiment, read: Mapping[str, Any]) -> Arrays:
        samples, near = (experiment.dataset.denormalize(np.asarray(read[name])) for name in ("samples", "nearest"))
        return stored(samples) | {"nearest": stored(near)["pixels"]}

    def artist(self, experiment: Experiment) -> Any:
        return None

    def draw(self, arrays: Arrays, title: str, experiment: Experiment, artist: Any) -> Image:
        images, outside = restored(arrays)
        return grid(images, SIDE, title, restored({"pixels": arrays["nearest"]})[0], outside)


def _shares(heat: np.ndarray) -> np.ndarray:
    return np.clip(np.asarray(heat, float), 0, 1)
