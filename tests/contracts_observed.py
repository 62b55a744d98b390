"""Contracts of what is observed: metrics and views."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from purity import check_pure

from ganexp.experiment import ROLES
from ganexp.observe.metric import END, EVALUATION, LOG, Bars, Reference
from ganexp.observe.readings import HostArrays
from ganexp.observe.samples import Samples
from ganexp.observe.scene import Scene
from ganexp.observe.view import EPOCH, PICTURE, Frame, History
from ganexp.ranking import LOWER, NEITHER, WAYS
from ganexp.training import init

KEY = jax.random.key(7)


COUNT = 100  # samples that metrics are computed of


def check_metric(job: Any, name: str) -> None:
    """What is read is pure; the scores are those of `better` and no others; real points score better than noise where it says so."""
    metric, experiment = job.metric[name], job.experiment
    dataset, data = experiment.dataset, experiment.dataset.load()
    assert set(metric.better.values()) <= {*WAYS}
    assert all(metric.better[tag] != NEITHER for tag in metric.headline)
    assert {*metric.floors} <= {*metric.better}
    assert metric.when in (LOG, EVALUATION, END)

    def reads(experiment: Any) -> Any:
        return metric.read(Samples(experiment, data, init(experiment), COUNT, jnp.int32(0)))

    arrays = jax.device_get(check_pure(reads, experiment, eager=False, rtol=1e-3, atol=1e-4))
    if metric.by_sample:
        assert {len(leaf) for leaf in jax.tree.leaves(arrays)} == {COUNT}

    def points(x: Any) -> HostArrays:
        return HostArrays(dataset, {"fake": np.asarray(x)})

    known = metric.against(Reference(dataset, data, points(dataset.reference(data, KEY, COUNT).x), True))
    scores = metric.score(HostArrays(dataset, arrays), known)
    absent = {f"gradient/{role}" for role in ROLES if role not in experiment.players}
    assert scores.keys() == metric.better.keys() - absent
    assert all(type(value) is float for value in scores.values())
    histograms = metric.histograms(HostArrays(dataset, arrays), known)
    assert all(isinstance(part, Bars | np.ndarray) for part in histograms.values())
    if not {"fake", "reading"} & arrays.keys():
        return
    real = points(dataset.reference(data, jax.random.key(8), COUNT).x)
    noise = points(np.asarray(jax.random.uniform(KEY, (COUNT, *dataset.shape)) * 20))
    perfect, bad = metric.score(real, known), metric.score(noise, known)
    for tag in metric.headline:
        assert perfect[tag] < bad[tag] if metric.better[tag] == LOWER else perfect[tag] > bad[tag], tag
    floors = metric.floor(known, [real])
    assert floors.keys() == {*metric.floors}


def check_view(job: Any, name: str) -> None:
    """What is read is pure; a frame is plain arrays; the picture is a function of its frames, whatever its artist drew before."""
    view, experiment = job.view[name], job.experiment
    data, extent = experiment.dataset.load(), jnp.asarray(experiment.dataset.extent, jnp.float32)
    assert view.when in (PICTURE, EPOCH, EVALUATION, END)

    def reads(experiment: Any) -> Any:
        return view.read(Scene(Samples(experiment, data, init(experiment), COUNT, jnp.int32(0)), extent))

    read = jax.device_get(check_pure(reads, experiment, eager=False, rtol=1e-3, atol=1e-4))
    table = {column: np.array([0.5, 0.25]) for column in view.columns} | {"step": np.array([1.0, 2.0])}
    arrays = view.frame(experiment, read, History(True, table))
    assert arrays
    assert all(isinstance(array, np.ndarray) and array.dtype.kind in "biuf" for array in arrays.values())
    kept = {key: array.copy() for key, array in arrays.items()}
    artist, frame = view.artist(experiment), Frame(2, arrays)
    first = view.draw([frame], 2, experiment, artist)
    assert first.dtype == np.uint8
    assert first.ndim == 3
    first = first.copy()
    changed = {key: array[::-1] if array.ndim else array for key, array in arrays.items()}
    view.draw([Frame(1, changed)], 1, experiment, artist)
    np.testing.assert_array_equal(view.draw([frame], 2, experiment, artist), first)
    np.testing.assert_array_equal(view.draw([frame], 2, experiment, view.artist(experiment)), first)
    for key, array in kept.items():
        np.testing.assert_array_equal(arrays[key], array)
