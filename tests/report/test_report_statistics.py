"""How a report ranks settings and compares them, against SciPy and against counting all there is."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from sweep_folders import SCORES, make, make_sweep, section_of

from ganexp.config.schema import classes
from ganexp.observe.metric import Metric, directions, ranking
from ganexp.ranking import Ranking
from ganexp.records.summary import write_summary
from ganexp.report.intervals import compare
from ganexp.report.statistics import best_of, difference, explained, quartiles, ranks, resampled_medians


@pytest.fixture
def sweep(tmp_path):
    """36 runs: see `make_sweep`."""
    make_sweep(tmp_path / "sweep")
    return tmp_path / "sweep"


def test_a_setting_of_which_most_runs_diverged_is_not_the_best(sweep):
    # Its two survivors have by far the best scores.
    for folder in sweep.glob("1[23]_*"):
        summary = json.loads((folder / "run.json").read_text())
        write_summary(folder, summary | {"final": {"grid/js": 0.001}})
    section = section_of(sweep)
    assert section.rows[2].spread("grid/js").median == 0.001
    medians = np.median(SCORES, axis=2).ravel()
    medians[2] = np.inf
    assert section.best is section.rows[int(np.argmin(medians))]
    assert section.ranking[-1] is section.rows[2]


def test_higher_is_better_for_some_metrics_and_equal_ones_are_settled_by_the_next(tmp_path):
    values = {"a": (7.0, 0.1), "b": (8.0, 0.3), "c": (8.0, 0.2)}
    for number, (loss, (modes, distance)) in enumerate(values.items()):
        final = {"modes/covered": modes, "sliced_wasserstein": distance}
        make(tmp_path, number, [f"loss={loss}", "seed=0"], {"loss": loss}, final)
    assert section_of(tmp_path).best.setting == ("c",)
    assert section_of(tmp_path, metrics=["sliced_wasserstein"]).best.setting == ("a",)


def test_runs_are_compared_by_the_metrics_that_their_folders_say_have_a_best_end():
    ranking = Ranking({"grid/js": "lower", "modes/covered": "higher", "accuracy/real": "neither"})
    assert ranking.tags == ("grid/js", "modes/covered")
    assert ranking.main(["accuracy/real", "modes/covered", "grid/js"]) == "grid/js"
    assert ranking.main(["loss/generator", "accuracy/real"]) is None
    assert (ranking.worst("grid/js"), ranking.worst("modes/covered")) == (np.inf, -np.inf)
    with pytest.raises(ValueError, match="accuracy/real: neither"):
        ranking.lower_is_better("accuracy/real")


def test_the_metrics_that_stand_for_a_run_are_those_of_the_highest_priority():
    every = [cls() for cls in classes(Metric).values()]
    assert ranking(every).tags[:10] == (
        "mnist_fid", "mnist_precision", "mnist_recall", "mnist_score", "curve/distance", "curve/coverage", "grid/js",
        "modes/covered", "modes/high_quality", "sliced_wasserstein",
    )  # fmt: skip
    documented = (Path(__file__).parents[2] / "docs" / "tags.md").read_text()
    assert [tag for tag in directions(every) if f"`{tag}`" not in documented] == []


def test_the_best_of_k_is_the_mean_over_all_choices_of_k():
    values = np.random.default_rng(0).normal(size=7)
    for lower, best in ((True, min), (False, max)):
        expected = [
            np.mean([best(some) for some in itertools.combinations(values, k)]) for k in range(1, len(values) + 1)
        ]
        np.testing.assert_allclose(best_of(values, lower)[:, 0], expected)
    assert best_of(values, True)[-1] == pytest.approx([values.min()] * 3)


def test_intervals_are_those_of_the_percentile_bootstrap():
    random = np.random.default_rng(0)
    first, second = random.normal(size=12), random.normal(1, 2, size=9)
    found = difference(first, second, resampled_medians(first, 0), resampled_medians(second, 1))
    known = scipy.stats.bootstrap(
        (first, second), lambda x, y, axis=-1: np.median(x, axis=axis) - np.median(y, axis=axis),
        method="percentile", n_resamples=10_000, rng=np.random.default_rng(5),
    ).confidence_interval  # fmt: skip
    assert found.difference == np.median(first) - np.median(second)
    assert (found.low, found.high) == pytest.approx((known.low, known.high), abs=0.15)


def test_comparisons_state_the_seeds_and_when_they_are_too_few(sweep):
    few = {pair.second.setting: pair.verdict for pair in compare(section_of(sweep, conditions=["seed<5"]))}
    assert set(few.values()) == {"too few seeds to tell"}
    section = section_of(sweep, conditions=["loss=minimax"])
    pairs = compare(section)
    assert [pair.counts for pair in pairs] == [(6, 6)] * 3 and pairs[0].first is section.best
    assert {pair.verdict for pair in pairs} <= {"differ", "may be equal"}


def test_ranks_quartiles_and_importance():
    values = np.array([3.0, 1.0, 3.0, 2.0, np.inf, np.inf, 0.5])
    np.testing.assert_array_equal(ranks(values), scipy.stats.rankdata(values))
    finite = np.random.default_rng(0).normal(size=10)
    np.testing.assert_allclose(quartiles(finite), np.quantile(finite, [0.25, 0.5, 0.75]))
    assert quartiles(values) == (1.5, 3.0, np.inf)
    groups = [0, 0, 0, 1, 1, 1, 1]
    model = scipy.stats.f_oneway(ranks(values)[:3], ranks(values)[3:]).statistic
    eta = model / (model + 5)
    assert explained(values, groups) == pytest.approx(max(0, 1 - (1 - eta) * 6 / 5))
    assert explained(values, list("abcdefg")) == explained(values, [1] * 7) == 0
