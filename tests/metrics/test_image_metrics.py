"""Scores of images against other libraries' golden values, naive versions, closed forms, and what they must not be moved by."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
from make_golden import GOLDEN, SUBSETS, arrays, oracles
from scipy import stats
from scipy.spatial.distance import cdist
from scipy.special import softmax

from ganexp.metrics.classes import ClassScores, StackedModes, classifier_score, stacked_weights
from ganexp.metrics.distances import squared_distances
from ganexp.metrics.frechet import FrechetDistance
from ganexp.metrics.kernel import KernelDistance
from ganexp.metrics.neighbors import PrecisionRecall, squared_radii

RNG = np.random.default_rng(0)


CASES, LOGITS = arrays()


def features_scores(real, fake):
    return FrechetDistance(real)(fake) | KernelDistance(real, subsets=SUBSETS)(fake) | PrecisionRecall(real)(fake)


def scores(case):
    if case == "classes":
        return dict(zip(("mnist_score", "mnist_score/std"), classifier_score(softmax(LOGITS, 1)), strict=True))
    return features_scores(*CASES[case])


@pytest.mark.parametrize("case", [*CASES, "classes"])
def test_scores_are_those_of_torch_fidelity_and_prdc(case):
    expected = json.loads(GOLDEN.read_text())["values"][case]
    found = scores(case)
    assert set(found) == set(expected)
    for tag, value in expected.items():
        # The oracle takes the square roots of eigenvalues that are zero but for rounding.
        np.testing.assert_allclose(found[tag], value, rtol=1e-6, atol=1e-6, err_msg=tag)


def test_the_golden_values_are_what_the_libraries_say_today():
    for library in ("prdc", "torch", "torch_fidelity"):
        pytest.importorskip(
            library, reason="the golden values are compared with the libraries where they are installed"
        )
    golden = json.loads(GOLDEN.read_text())["values"]
    for case, values in oracles().items():
        for tag, value in values.items():
            np.testing.assert_allclose(golden[case][tag], value, rtol=1e-6, atol=1e-6, err_msg=f"{case} {tag}")


def test_scores_of_32_bit_features_are_close_and_their_inputs_are_left_alone():
    real, fake = (side.astype(np.float32) for side in CASES["rectified"])
    kept = real.copy(), fake.copy()
    found, expected = features_scores(real, fake), scores("rectified")
    for tag, value in expected.items():
        np.testing.assert_allclose(found[tag], value, rtol=1e-4, atol=1e-4, err_msg=tag)
    np.testing.assert_array_equal(real, kept[0])
    np.testing.assert_array_equal(fake, kept[1])


@pytest.mark.parametrize("height", [1, 7, 10_000])
def test_squared_distances_do_not_depend_on_the_blocks(height):
    x, y = RNG.normal(size=(23, 5)), RNG.normal(size=(40, 5))
    seen, blocks = np.zeros((23, 40)), 0
    for rows, block in squared_distances(x, y, height * len(y)):
        seen[rows] = block
        blocks += 1
    assert blocks == math.ceil(23 / height)
    np.testing.assert_allclose(seen, cdist(x, y) ** 2, rtol=1e-10)


PRECISION_TAGS = ("mnist_precision", "mnist_recall", "mnist_density", "mnist_coverage")


def frechet(real, fake):
    return FrechetDistance(real)(fake)["mnist_fid"]


def test_the_frechet_distance_of_a_shift_and_a_stretch():
    points = RNG.normal(size=(500, 4)) @ RNG.normal(size=(4, 4))
    trace = np.trace(np.cov(points, rowvar=False))
    assert frechet(points, points) <= 1e-12 * trace
    np.testing.assert_allclose(frechet(points, points + np.array([1.0, 2.0, 0.0, 2.0])), 9)
    stretched = points.mean(axis=0) + 3 * (points - points.mean(axis=0))
    np.testing.assert_allclose(frechet(points, stretched), 4 * trace)


def test_the_frechet_distance_is_symmetric_and_the_same_after_a_rotation():
    real, fake = CASES["correlated"]
    turn = stats.ortho_group(12, seed=0).rvs()
    np.testing.assert_allclose(frechet(fake, real), frechet(real, fake))
    np.testing.assert_allclose(frechet(real @ turn, fake @ turn), frechet(real, fake))


def test_the_frechet_distance_of_a_collapsed_generator_is_the_real_sides_spread():
    points = RNG.normal(size=(300, 6))
    collapsed = np.tile(points.mean(axis=0) + 2, (50, 1))
    np.testing.assert_allclose(frechet(points, collapsed), 24 + np.trace(np.cov(points, rowvar=False)), rtol=1e-9)
    assert frechet(collapsed, collapsed) == 0


def mmd_by_loops(x, y):
    def kernel(a, b):
        return (sum(p * q for p, q in zip(a, b, strict=True)) / len(a) + 1) ** 3

    m = len(x)
    apart = list(itertools.permutations(range(m), 2))
    within = sum(kernel(x[i], x[j]) + kernel(y[i], y[j]) for i, j in apart) / (m * (m - 1))
    return within - 2 * sum(kernel(a, b) for a in x for b in y) / m**2


def test_the_kernel_distance_equals_its_definition():
    x, y = RNG.normal(size=(9, 3)), RNG.normal(0.5, 2, size=(9, 3))
    found = KernelDistance(x, subsets=2)(y)
    # Where a subset is everything, all subsets are the same.
    np.testing.assert_allclose(found["mnist_kid"], mmd_by_loops(x, y), rtol=1e-9)
    np.testing.assert_allclose(found["mnist_kid/std"], 0, atol=1e-9)


def test_the_kernel_distance_of_equal_distributions_is_zero_on_average():
    draws = [KernelDistance(RNG.normal(size=(60, 5)), subsets=1)(RNG.normal(size=(60, 5))) for _ in range(200)]
    values = [draw["mnist_kid"] for draw in draws]
    assert min(values) < 0 < max(values)
    assert abs(np.mean(values)) < 4 * np.std(values) / math.sqrt(200)


def test_the_kernel_distance_is_a_function_of_its_seed():
    real, fake = CASES["many"]
    one, again, other = (KernelDistance(real, subsets=2, seed=seed)(fake) for seed in (1, 1, 2))
    assert one == again
    assert one != other


def test_precision_and_recall_count_the_border_and_density_and_coverage_do_not():
    # On whole numbers 0 to 5 the third neighbor of 0 is 3, the fifth is 5: ties are exact.
    real = np.arange(6.0)[:, None]
    np.testing.assert_array_equal(squared_radii(real, (3, 5)), [[9, 4, 4, 4, 4, 9], [25, 16, 9, 9, 16, 25]])
    on_border = np.full((4, 1), -3.0)
    found = PrecisionRecall(real)(on_border)
    assert found["mnist_precision"] == 1
    # |-3 - x| < 5, 4, 3, 3, 4, 5 holds for 0 alone, and 1 lies on the border.
    assert found["mnist_density"] == 1 / 5
    assert found["mnist_coverage"] == 1 / 6
    assert found["mnist_recall"] == 0
    assert PrecisionRecall(real)(on_border - 0.01)["mnist_precision"] == 0
    # The ball of -3 reaches to -6 on one side and to 0 on the other.
    beside = PrecisionRecall(real)(np.arange(-6.0, -2)[:, None])
    assert beside["mnist_recall"] == 1 / 6
    assert beside["mnist_precision"] == 1 / 4


def test_copies_are_precise_and_cover_and_strangers_are_and_do_nothing():
    real = RNG.normal(size=(80, 4))
    copies = PrecisionRecall(real)(real[::-1])
    assert copies["mnist_precision"] == copies["mnist_recall"] == copies["mnist_coverage"] == 1
    strangers = PrecisionRecall(real)(real + 100)
    assert all(value == 0 for value in strangers.values())
    # Half of the fakes on one real point: half the precision, hardly any coverage.
    half = np.concatenate([np.tile(real[:1], (40, 1)), real[:40] + 100])
    found = PrecisionRecall(real)(half)
    assert found["mnist_precision"] == 0.5
    assert found["mnist_coverage"] < 0.2


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_a_point_that_overflowed_counts_as_a_bad_one(bad):
    real, fake = (side.astype(np.float32) for side in CASES["rectified"])
    spoilt = fake.copy()
    spoilt[:3, 1] = bad
    before, after = features_scores(real, fake), features_scores(real, spoilt)
    assert all(math.isfinite(value) for value in after.values())
    assert after["mnist_fid"] > 1e6 * before["mnist_fid"]
    assert after["mnist_kid"] > 1e6 * before["mnist_kid"]
    for tag in PRECISION_TAGS:
        assert after[tag] <= before[tag] + 1e-9
    assert set(PrecisionRecall(real)(np.full_like(fake, bad)).values()) == {0.0}


def test_points_that_overflowed_take_part_in_the_shares_of_the_fakes_and_in_no_other():
    real, fake = CASES["correlated"]
    before = PrecisionRecall(real)(fake)
    after = PrecisionRecall(real)(np.concatenate([fake, np.full_like(fake, np.nan)]))
    for name, factor in (("precision", 0.5), ("density", 0.5), ("recall", 1), ("coverage", 1)):
        np.testing.assert_allclose(after[f"mnist_{name}"], factor * before[f"mnist_{name}"], err_msg=name)


def test_too_few_points_are_refused_with_a_reason():
    one, five = np.ones((1, 2)), RNG.normal(size=(5, 2))
    with pytest.raises(ValueError, match="at least 2 points"):
        FrechetDistance(one)
    with pytest.raises(ValueError, match="at least 2 points"):
        KernelDistance(one)
    with pytest.raises(ValueError, match="5 points are too few: each needs 5 neighbors"):
        PrecisionRecall(five)


def one_hot(labels, classes=10):
    return np.eye(classes)[np.asarray(labels)]


def test_class_scores_of_a_perfect_and_of_a_collapsed_generator():
    labels = (np.arange(1000) % 10).astype(np.uint8)
    count = ClassScores(labels)
    assert count(one_hot(labels)) == {
        "mnist_score": pytest.approx(10),
        "mnist_score/std": pytest.approx(0, abs=1e-9),
        "classes/entropy": pytest.approx(math.log(10)),
        "classes/kl": pytest.approx(0, abs=1e-12),
        "classes/confidence": 1.0,
    }
    collapsed = count(one_hot([7] * 50))
    assert collapsed == {
        "mnist_score": 1.0,
        "mnist_score/std": 0.0,
        "classes/entropy": 0.0,
        "classes/kl": pytest.approx(math.log(10)),
        "classes/confidence": 1.0,
    }
    unsure = count(np.full((50, 10), 0.1))
    assert unsure["mnist_score"] == pytest.approx(1)
    assert unsure["classes/confidence"] == pytest.approx(0.1)


def test_class_shares_and_their_divergences_equal_scipys():
    labels = RNG.choice(10, 500, p=softmax(np.linspace(0, 1, 10)))
    probabilities = softmax(LOGITS, axis=1)
    count = ClassScores(labels)
    shares = [np.mean(LOGITS.argmax(axis=1) == k) for k in range(10)]
    reference = [np.mean(labels == k) for k in range(10)]
    found = count(probabilities)
    np.testing.assert_allclose(count.shares(probabilities), shares)
    np.testing.assert_allclose(found["classes/entropy"], stats.entropy(shares))
    np.testing.assert_allclose(found["classes/kl"], stats.entropy(shares, reference))
    np.testing.assert_allclose(found["classes/confidence"], np.mean([max(row) for row in probabilities]))


def test_a_class_that_no_label_has_is_an_infinite_divergence():
    count = ClassScores(np.arange(9))
    assert count.reference.shape == (10,)
    assert count(one_hot([9, 0]))["classes/kl"] == math.inf


def test_the_classifier_score_is_the_mean_over_parts_of_few_images_too():
    probabilities = softmax(LOGITS[:4], axis=1)
    # Of one image alone nothing can be said: p(y|x) is p(y).
    assert classifier_score(probabilities) == (pytest.approx(1), pytest.approx(0, abs=1e-12))
    whole = np.exp(np.mean([stats.entropy(row, probabilities.mean(axis=0)) for row in probabilities]))
    assert classifier_score(probabilities, splits=1) == (pytest.approx(whole), 0)


def test_stacked_modes_are_numbered_by_their_digits():
    even = StackedModes(np.full(1000, 1e-3))
    digits = np.array(list(itertools.product(range(10), repeat=3)))
    all_modes = one_hot(digits)
    np.testing.assert_array_equal(even.counts(all_modes), np.ones(1000))
    assert even(all_modes) == {"modes/covered": 1000, "modes/kl": pytest.approx(0, abs=1e-9)}
    assert even.counts(one_hot([[4, 0, 7]])).argmax() == 407
    assert even(one_hot([[4, 0, 7]] * 20)) == {"modes/covered": 1, "modes/kl": pytest.approx(math.log(1000))}


def test_stacked_weights_are_products_of_the_channels_shares():
    shares = RNG.dirichlet(np.ones(10))
    weights = stacked_weights(shares)
    np.testing.assert_allclose(weights[[0, 407, 990]], [shares[0] ** 3, shares[4] * shares[0] * shares[7],
                                                       shares[9] ** 2 * shares[0]])  # fmt: skip
    np.testing.assert_allclose(weights.sum(), 1)
    # A perfect sampler's KL is that of chi-squared with 999 degrees of freedom: 0.019 for 26,000 images.
    digits = RNG.choice(10, (26_000, 3))
    found = StackedModes(stacked_weights(np.full(10, 0.1)))(one_hot(digits))
    low, high = stats.chi2(999).ppf([1e-5, 1 - 1e-5]) / (2 * 26_000)
    assert low < found["modes/kl"] < high
    assert found["modes/covered"] == 1000
