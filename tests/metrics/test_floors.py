"""What a perfect generator scores: of the data set and the number of samples alone, computed once, and kept."""

from __future__ import annotations

import json

import jax
import numpy as np
import pytest

from ganexp.config.build import load
from ganexp.metrics import evaluators
from ganexp.metrics.grid import GridHistogram
from ganexp.metrics.wasserstein import SlicedDistance

WORDS = ("dataset=ring", "metric=[grid_divergence,sliced_wasserstein]")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(evaluators, "_KNOWN", {})
    return tmp_path / "ganexp" / "floors"


def floors(*words, samples=200, blocks=1):
    evaluators._KNOWN.clear()
    replaced = {word.partition("=")[0] for word in words}
    job = load([*(word for word in WORDS if word.partition("=")[0] not in replaced), *words])[1]
    return evaluators.evaluator(job, job.experiment.dataset.load(), samples, blocks, False).floors


def test_floors_are_the_mean_scores_of_held_out_points_against_others(home):
    dataset = load(WORDS)[1].experiment.dataset
    key = jax.random.key(0)
    real = np.asarray(dataset.sample((), key, 200).x)
    sets = [np.asarray(dataset.sample((), jax.random.fold_in(key, number), 200).x) for number in range(4)]
    grid, sliced = GridHistogram(dataset.extent, real), SlicedDistance(real)
    found = floors()
    assert found["grid/js"] == pytest.approx(np.mean([grid(points)["grid/js"] for points in sets]), rel=1e-5)
    expected = np.mean([sliced(points)["sliced_wasserstein"] for points in sets])
    assert found["sliced_wasserstein"] == pytest.approx(expected, rel=1e-5)


def test_no_seed_and_no_network_changes_a_floor_and_each_is_computed_once(home):
    first = floors()
    (path,) = home.iterdir()
    assert json.loads(path.read_text()) == first
    assert floors("seed=3", "model.generator.width=7", "loss=minimax") == first
    assert [*home.iterdir()] == [path]
    # What is kept is what is taken.
    path.write_text(json.dumps(first | {"grid/js": 0.25}))
    assert floors("seed=4")["grid/js"] == 0.25


@pytest.mark.parametrize(
    ("words", "samples"),
    [
        (("dataset.std=0.2",), 200),
        ((), 201),
        (("dataset=moons",), 200),
        (("metric=[sliced_wasserstein]",), 200),
    ],
)
def test_other_data_other_metrics_and_another_number_of_samples_have_floors_of_their_own(home, words, samples):
    first = floors()
    assert floors(*words, samples=samples) != first
    assert len([*home.iterdir()]) == 2


@pytest.mark.parametrize("damage", ["", "[1]", '{"grid/js": "x"}', '{"grid/js": NaN}', "[" * 100_000])
def test_a_file_that_is_damaged_is_made_anew(home, damage):
    first = floors()
    (path,) = home.iterdir()
    path.write_text(damage)
    assert floors() == first
    assert json.loads(path.read_text()) == first


def test_floors_are_there_where_nothing_can_be_kept(home):
    first = floors()
    for path in home.iterdir():
        path.unlink()
    home.rmdir()
    home.write_text("a file in the place of the folder")
    assert floors() == first
