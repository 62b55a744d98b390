"""What metrics read of a run on the device, in one call, and the same on the host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from ganexp.component import arrays
from ganexp.observe.metric import Metric
from ganexp.observe.samples import Samples, classified
from ganexp.observe.scene import Scene
from ganexp.observe.view import View
from ganexp.types import Dataset

_classified = jax.jit(classified)


class Readings(NamedTuple):
    """What some metrics read, by name: of every sample, and of one minibatch or the whole run."""

    by_sample: dict[str, Any]
    once: dict[str, Any]


def read(
    metrics: Mapping[str, Metric], views: Mapping[str, View], samples: Samples, extent: Float[Any, "d 2"]
) -> tuple[Readings, dict[str, dict[str, Any]]]:
    """What the metrics read of some samples; and what each view reads of the scene that these are part of, by name; pure."""
    readings = Readings({}, {})
    for metric in metrics.values():
        (readings.by_sample if metric.by_sample else readings.once).update(metric.read(samples))
    scene = Scene(samples, extent)
    return readings, {name: view.read(scene) for name, view in views.items()}


def join(blocks: Sequence[Readings], more: Mapping[str, Any]) -> Readings:
    """Several blocks as one evaluation, and what else was read of the run; what is not by sample is that of the first."""
    columns = [block.by_sample for block in blocks]
    return Readings(jax.tree.map(lambda *parts: np.concatenate(parts), *columns), blocks[0].once | dict(more))


class HostArrays:
    """Arrays by name: those given, `points` from `fake`, and the classifier's `reading` where it has not been read."""

    def __init__(self, dataset: Dataset, known: Mapping[str, Any]):
        self._dataset, self._known = dataset, dict(known)

    def __getitem__(self, name: str) -> Any:
        if name not in self._known and name == "points":
            fake = np.asarray(self._known["fake"])
            self._known[name] = self._dataset.denormalize(fake).reshape(len(fake), -1)
        if name not in self._known and name == "reading":
            self._known[name] = jax.device_get(_classified(arrays(self._dataset), self._known["fake"]))
        return self._known[name]
