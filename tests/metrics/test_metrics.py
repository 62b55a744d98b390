"""Metrics against independent implementations, at values known in closed form, and at the floors that were measured."""

from __future__ import annotations

import math

import jax
import numpy as np
import pytest
from scipy import stats

from ganexp.datasets import Curve, GanlabDisjoint, GanlabGaussians, GanlabLine, GanlabRing, Grid, Ring
from ganexp.metrics.curve import CurveFit
from ganexp.metrics.grid import GridHistogram
from ganexp.metrics.modes import ModeCount, kl
from ganexp.metrics.wasserstein import SlicedDistance, directions
from ganexp.types import Modes

UNIT = ((0.0, 1.0), (0.0, 1.0))
RNG = np.random.default_rng(0)


def drawn(dataset, n, seed=0):
    return np.asarray(dataset.sample((), jax.random.key(seed), n).x)


def modes_by_loops(modes, points):
    """Covered modes, high-quality share and KL as their definitions read, point by point."""
    hits, good, total = [0] * len(modes.weights), set(), 0
    for point in points:
        distances = [
            math.sqrt(sum(((x - c) / s) ** 2 for x, c, s in zip(point, center, deviation, strict=True)))
            for center, deviation in zip(modes.centers, modes.stds, strict=True)
        ]
        nearest = distances.index(min(distances))
        hits[nearest] += 1
        if distances[nearest] <= 3:
            good.add(nearest)
            total += 1
    shares = [hit / len(points) for hit in hits]
    divergence = sum(p * math.log(p / w) for p, w in zip(shares, modes.weights, strict=True) if p > 0)
    return {"modes/covered": len(good), "modes/high_quality": total / len(points), "modes/kl": divergence}, hits


@pytest.mark.parametrize(
    "dataset", [Ring(n=5, weights=[1, 2, 3, 4, 5]), Grid(side=3), GanlabGaussians(), GanlabDisjoint()]
)
def test_mode_counts_equal_their_definitions(dataset):
    points = np.concatenate([drawn(dataset, 300), RNG.uniform(-3, 3, (50, 2))])
    count, (expected, hits) = ModeCount(dataset.modes()), modes_by_loops(dataset.modes(), points)
    found = count(points)
    assert set(found) == set(expected)
    for tag, value in expected.items():
        np.testing.assert_allclose(found[tag], value, rtol=1e-6, err_msg=tag)
    np.testing.assert_array_equal(count.counts(points), hits)


@pytest.mark.parametrize("dataset", [Ring(), Grid(), GanlabDisjoint()])
def test_a_perfect_sampler_is_of_high_quality_but_for_its_tails(dataset):
    # Within three deviations in the plane: 1 - exp(-9 / 2).
    found = ModeCount(dataset.modes())(drawn(dataset, 40_000))
    share = 1 - math.exp(-4.5)
    assert abs(found["modes/high_quality"] - share) < 5 * math.sqrt(share * (1 - share) / 40_000)
    assert found["modes/covered"] == len(dataset.modes().weights)
    # Twice n KL is chi-squared: its mean is the number of modes less one.
    freedom = len(dataset.modes().weights) - 1
    assert 2 * 40_000 * found["modes/kl"] < stats.chi2(freedom).ppf(0.9999)


def test_a_collapsed_generator_covers_one_mode():
    modes = Ring(n=8).modes()
    found = ModeCount(modes)(np.tile(modes.centers[2], (100, 1)))
    assert found == {"modes/covered": 1.0, "modes/high_quality": 1.0, "modes/kl": pytest.approx(math.log(8))}


def test_points_far_from_every_mode_are_no_cover():
    found = ModeCount(Ring(n=8).modes())(np.full((10, 2), 100.0))
    assert found["modes/covered"] == 0
    assert found["modes/high_quality"] == 0


def test_a_mode_of_weight_zero_that_is_hit_is_an_infinite_divergence():
    modes = Ring(n=3, weights=[1.0, 0.0, 1.0]).modes()
    assert ModeCount(modes)(modes.centers)["modes/kl"] == math.inf
    assert ModeCount(modes)(modes.centers[[0, 2]])["modes/kl"] == 0


def test_nearness_is_measured_in_each_modes_own_deviations():
    modes = Modes(np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([[0.01, 0.01], [1.0, 1.0]]), np.array([0.5, 0.5]))
    np.testing.assert_array_equal(ModeCount(modes).counts(np.array([[0.1, 0.0], [0.005, 0.0]])), [1, 1])


def test_kl_equals_scipys():
    p, q = RNG.dirichlet(np.ones(7)), RNG.dirichlet(np.ones(7))
    np.testing.assert_allclose(kl(p, q), stats.entropy(p, q), rtol=1e-12)
    assert kl(p, p) == 0


def grid_by_loops(extent, real, fake):
    """KL and JS in bits from 30 x 30 cells, as the definition reads."""
    tables = []
    for points in (real, fake):
        table = [[0.0] * 30 for _ in range(30)]
        for point in points:
            column, row = (
                min(max(math.floor((x - low) / (high - low) * 30), 0), 29)
                for x, (low, high) in zip(point, extent, strict=True)
            )
            table[column][row] += 1 / len(points)
        tables.append([cell for column in table for cell in column])
    divergence = js = 0.0
    e = 1e-4
    for p, q in zip(*tables, strict=True):
        m = (p + q) / 2
        divergence += (p + e) * math.log2((p + e) / (q + e))
        js += 0.5 * ((p + e) * math.log2((p + e) / (m + e)) + (q + e) * math.log2((q + e) / (m + e)))
    return {"grid/kl": divergence, "grid/js": js}


@pytest.mark.parametrize("extent", [UNIT, ((-1.0, 2.0), (0.2, 0.7))])
def test_grid_divergences_equal_their_definitions(extent):
    real, fake = RNG.normal(0.5, 0.2, (400, 2)), RNG.normal(0.4, 0.3, (300, 2))
    found, expected = GridHistogram(extent, real)(fake), grid_by_loops(extent, real, fake)
    assert set(found) == set(expected)
    for tag, value in expected.items():
        np.testing.assert_allclose(found[tag], value, rtol=1e-9, err_msg=tag)


def test_points_outside_are_counted_in_the_nearest_cell():
    divergence = GridHistogram(UNIT, np.array([[0.5, 0.5]]))
    outside = np.array([[-5.0, 0.5], [1.0, 1.0], [7.0, -1e30], [1e30, 2.0], [np.inf, -np.inf], [0.0, 1.0]])
    shares = divergence.shares(outside)
    np.testing.assert_allclose(shares.sum(), 1)
    np.testing.assert_allclose(
        [shares[0, 15], shares[29, 29], shares[29, 0], shares[0, 29]], np.array([1, 2, 2, 1]) / 6
    )
    assert all(math.isfinite(value) for value in divergence(outside).values())


def test_divergences_of_points_that_are_no_numbers_do_not_raise():
    found = GridHistogram(UNIT, np.array([[0.5, 0.5]]))(np.full((3, 2), np.nan))
    assert all(math.isfinite(value) for value in found.values())


def test_a_table_is_indexed_by_x_and_then_y():
    shares = GridHistogram(UNIT, np.array([[0.99, 0.01]])).p
    assert shares[29, 0] == 1
    assert shares.sum() == 1


def test_js_lies_between_zero_and_one_bit_and_kl_knows_its_sides():
    points, corner = RNG.random((5000, 2)), np.zeros((10, 2))
    same = GridHistogram(UNIT, points)(points)
    assert same == {"grid/kl": 0.0, "grid/js": 0.0}
    apart = GridHistogram(UNIT, corner)(corner + 0.9)
    # Two cells, each full on one side: 1 bit, but for the 0.0001 added to each.
    assert 0.95 < apart["grid/js"] <= 1.001
    one, two = GridHistogram(UNIT, points)(corner), GridHistogram(UNIT, corner)(points)
    np.testing.assert_allclose(one["grid/js"], two["grid/js"], rtol=1e-9)
    assert abs(one["grid/kl"] - two["grid/kl"]) > 0.5


# Real against real, 12,000 points each: `reference/ganlab.md` 3.7, "corrected" (rounded to a thousandth there).
FLOORS = {
    "line": (GanlabLine(), 0.008, 0.002), "gaussians": (GanlabGaussians(), 0.055, 0.013),
    "ring": (GanlabRing(), 0.029, 0.007), "disjoint": (GanlabDisjoint(), 0.009, 0.002),
}  # fmt: skip


@pytest.mark.parametrize("name", FLOORS)
def test_the_floors_of_ganlabs_presets_are_those_measured(name):
    dataset, floor, js = FLOORS[name]
    draw = jax.jit(lambda seed: dataset.sample((), jax.random.key(seed), 12_000).x)
    found = []
    for repeat in range(6):
        real, fake = (np.asarray(draw(2 * repeat + side)) for side in (0, 1))
        found.append(GridHistogram(dataset.extent, real)(fake))
    means = {tag: np.mean([score[tag] for score in found]) for tag in ("grid/kl", "grid/js")}
    np.testing.assert_allclose(means["grid/kl"], floor, rtol=0.25)
    np.testing.assert_allclose(means["grid/js"], js, rtol=0.25)


def test_the_sliced_distance_is_the_mean_of_scipys_over_the_directions():
    real, fake = RNG.normal(size=(300, 2)), RNG.normal(0.5, 2, size=(300, 2))
    lines = directions(2)
    expected = np.mean([stats.wasserstein_distance(real @ line, fake @ line) for line in lines.T])
    np.testing.assert_allclose(SlicedDistance(real)(fake)["sliced_wasserstein"], expected, rtol=1e-9)


@pytest.mark.parametrize("dimension", [3, 10])
def test_the_sliced_distance_in_more_dimensions_and_in_one(dimension):
    real, fake = RNG.normal(size=(50, dimension)), RNG.normal(1, 2, size=(50, dimension))
    lines = directions(dimension)
    assert lines.shape[0] == dimension
    np.testing.assert_allclose(np.linalg.norm(lines, axis=0), 1)
    expected = np.mean([stats.wasserstein_distance(real @ line, fake @ line) for line in lines.T])
    np.testing.assert_allclose(SlicedDistance(real)(fake)["sliced_wasserstein"], expected, rtol=1e-9)
    column = stats.wasserstein_distance(real[:, 0], fake[:, 0])
    np.testing.assert_allclose(SlicedDistance(real[:, :1])(fake[:, :1])["sliced_wasserstein"], column, rtol=1e-9)


def test_directions_in_the_plane_are_even_and_of_length_one():
    lines = directions(2)
    assert lines.shape == (2, 128)
    np.testing.assert_allclose(np.linalg.norm(lines, axis=0), 1)
    np.testing.assert_allclose(lines @ lines.T / 128, np.eye(2) / 2, atol=1e-12)


def test_the_sliced_distance_of_a_shift_is_its_length_times_two_over_pi():
    # The mean of |cos| over all directions is 2 / pi.
    points = RNG.normal(size=(1000, 2))
    found = SlicedDistance(points)(points + np.array([3.0, 4.0]))["sliced_wasserstein"]
    np.testing.assert_allclose(found, 5 * 2 / math.pi, rtol=1e-3)
    assert SlicedDistance(points)(points[::-1])["sliced_wasserstein"] == 0


def test_curve_fit_equals_its_definition():
    curve = Curve(-50.0, 50.0)
    points = np.stack([RNG.uniform(-60, 60, 500), RNG.uniform(0, 2600, 500)], axis=1)
    points[:250, 1] = 10 + points[:250, 0] ** 2
    distances = []
    for x, y in points:
        inside = min(max(x, -50.0), 50.0)
        distances.append(abs(y - 10 - inside**2) / 2500 + abs(x - inside) / 100)
    near = [x for (x, _), distance in zip(points, distances, strict=True) if distance < 0.05 and -50 <= x <= 50]
    bins = [sum(-50 + 2 * i <= x < -48 + 2 * i for x in near) for i in range(50)]
    found = CurveFit(curve)(points)
    np.testing.assert_allclose(found["curve/distance"], np.mean(distances), rtol=1e-9)
    assert found["curve/coverage"] == np.mean([count >= max(1, 0.1 * 500 / 50) for count in bins])


def test_curve_fit_at_its_ends():
    curve = Curve(-50.0, 50.0)
    perfect = CurveFit(curve)(curve.denormalize(drawn(curve, 5000)))
    assert perfect["curve/distance"] < 1e-5
    assert perfect["curve/coverage"] == 1
    half = np.linspace(0.01, 49.99, 5000)
    assert CurveFit(curve)(np.stack([half, 10 + half**2], axis=1))["curve/coverage"] == 0.5
    lost = CurveFit(curve)(np.tile([[0.0, 2510.0]], (100, 1)))
    assert lost == {"curve/distance": 1.0, "curve/coverage": 0.0}
    collapsed = CurveFit(curve)(np.tile([[1.0, 11.0]], (100, 1)))
    assert collapsed["curve/coverage"] == 0.02
