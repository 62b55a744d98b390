"""Data sets against closed forms, and against the same points drawn again with NumPy."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from ganexp.datasets import (
    Curve,
    Dirac,
    GanlabDisjoint,
    GanlabGaussians,
    GanlabLine,
    GanlabRing,
    Grid,
    Moons,
    Ring,
    Spiral,
)
from ganexp.datasets.mixtures import box, mixture

N = 50_000
WEIGHTS = [1.0, 2.0, 3.0, 0.0, 4.0]


def drawn(dataset, seed=0):
    return np.asarray(jax.jit(lambda: dataset.sample((), jax.random.key(seed), N).x)(), float)


def same_distribution(one, two):
    """The least p-value of Kolmogorov and Smirnov's test over projections on 12 directions and the distance from a point."""
    angles = np.pi * np.arange(12) / 12
    lines = np.stack([np.cos(angles), np.sin(angles)])
    views = [*zip((one @ lines).T, (two @ lines).T, strict=True)]
    middle = two.mean(axis=0) + 0.1
    views.append((np.linalg.norm(one - middle, axis=1), np.linalg.norm(two - middle, axis=1)))
    return min(stats.ks_2samp(*view).pvalue for view in views)


def normals(rng, *deviations):
    return rng.normal(size=(N, 2)) * (deviations if len(deviations) == 2 else deviations * 2)


def ring(rng, dataset):
    weights = np.ones(dataset.n) if dataset.weights is None else np.array(dataset.weights)
    angle = 2 * np.pi * rng.choice(dataset.n, N, p=weights / weights.sum()) / dataset.n
    return dataset.radius * np.stack([np.cos(angle), np.sin(angle)], axis=1) + normals(rng, dataset.std)


def grid(rng, dataset):
    steps = dataset.spacing * (np.arange(dataset.side) - (dataset.side - 1) / 2)
    weights = np.ones(dataset.side**2) if dataset.weights is None else np.array(dataset.weights)
    index = rng.choice(dataset.side**2, N, p=weights / weights.sum())
    return np.stack([steps[index // dataset.side], steps[index % dataset.side]], axis=1) + normals(rng, dataset.std)


def moons(rng, dataset):
    angle = np.pi * rng.random(N)
    upper, lower = np.stack([np.cos(angle), np.sin(angle)]), np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)])
    return np.where(rng.random(N) < 0.5, upper, lower).T + normals(rng, dataset.std)


def spiral(rng, dataset):
    u = rng.random(N)
    angle = 2 * np.pi * dataset.turns * u
    return (dataset.radius * u * np.stack([np.cos(angle), np.sin(angle)])).T + normals(rng, dataset.std)


def ganlab_line(rng, _):
    u = rng.random(N)
    return np.stack([0.8 - 0.75 * u, 0.6 + 0.3 * u], axis=1) + normals(rng, 0.01)


def ganlab_gaussians(rng, _):
    one, other = normals(rng, 0.1) + np.array([0.3, 0.7]), normals(rng, 0.05, 0.2) + np.array([0.7, 0.4])
    return np.where(rng.random((N, 1)) < 0.5, one, other)


def ganlab_ring(rng, _):
    angle = 2 * np.pi * rng.random(N)
    return np.stack([0.5 + 0.3 * np.cos(angle), 0.45 + 0.25 * np.sin(angle)], axis=1) + normals(rng, 0.025)


def ganlab_disjoint(rng, _):
    u = rng.random((N, 1))
    centers = np.where(u < 0.333, [0.35, 0.75], np.where(u < 0.666, [0.75, 0.6], [0.45, 0.35]))
    return centers + normals(rng, 0.025)


REDRAWN = {
    "ring": (Ring(), ring),
    "ring, weighted": (Ring(n=5, radius=1.5, std=0.2, weights=WEIGHTS), ring),
    "grid": (Grid(), grid),
    "grid, weighted": (Grid(side=2, spacing=1.0, std=0.3, weights=[1.0, 0.0, 2.0, 3.0]), grid),
    "moons": (Moons(), moons),
    "spiral": (Spiral(turns=1.5, radius=3.0, std=0.1), spiral),
    "ganlab line": (GanlabLine(), ganlab_line),
    "ganlab gaussians": (GanlabGaussians(), ganlab_gaussians),
    "ganlab ring": (GanlabRing(), ganlab_ring),
    "ganlab disjoint": (GanlabDisjoint(), ganlab_disjoint),
}  # fmt: skip


@pytest.mark.parametrize("name", REDRAWN)
def test_points_are_distributed_as_their_description_says(name):
    dataset, redraw = REDRAWN[name]
    points, again = drawn(dataset), redraw(np.random.default_rng(1), dataset)
    assert same_distribution(points, again) > 1e-4
    np.testing.assert_allclose(points.mean(axis=0), again.mean(axis=0), atol=6 * points.std() / N**0.5)
    np.testing.assert_allclose(np.cov(points.T), np.cov(again.T), atol=0.02 * points.var())


def test_the_comparison_tells_a_slightly_wrong_preset_from_the_right_one():
    right = ganlab_ring(np.random.default_rng(1), None)
    for wrong in (right * 1.01, right + 0.004, (right - 0.5) @ np.array([[0.99, 0.1], [-0.1, 0.99]]) + 0.5):
        assert same_distribution(drawn(GanlabRing()), wrong) < 1e-4


@pytest.mark.parametrize("name", [name for name, (dataset, _) in REDRAWN.items() if dataset.modes() is not None])
def test_modes_agree_with_the_points(name):
    dataset, _ = REDRAWN[name]
    points, modes = drawn(dataset), dataset.modes()
    scaled = np.linalg.norm((points[:, None] - modes.centers) / modes.stds, axis=2)
    near = scaled.min(axis=1) < 3
    if name not in ("ring, weighted", "grid, weighted", "ganlab gaussians"):
        # Far apart, so that each point is its own mode's.
        counts = np.bincount(scaled.argmin(axis=1), minlength=len(modes.weights))
        assert stats.chisquare(counts, N * modes.weights).pvalue > 1e-4
    # Under the mixture the points are uniform in its cumulative distribution, on either axis.
    for axis in (0, 1):
        parts = stats.norm(modes.centers[:, axis], modes.stds[:, axis])
        below = (parts.cdf(points[:, axis, None]) * modes.weights).sum(axis=1)
        assert stats.kstest(below, "uniform").pvalue > 1e-4
    assert near.mean() > 0.985


def test_weights_are_respected_and_a_mode_of_weight_zero_is_never_drawn():
    dataset = Ring(n=5, std=0.01, weights=WEIGHTS)
    index = np.linalg.norm(drawn(dataset)[:, None] - dataset.modes().centers, axis=2).argmin(axis=1)
    counts = np.bincount(index, minlength=5)
    assert counts[3] == 0
    expected = np.array(WEIGHTS) / sum(WEIGHTS)
    assert stats.chisquare(counts[expected > 0], N * expected[expected > 0]).pvalue > 1e-4


@pytest.mark.parametrize("k", [1, 2, 900])
def test_every_mode_is_drawn_and_none_beyond_the_last(k):
    centers = jnp.arange(k, dtype=jnp.float32)[:, None]
    mode, picked, noise = jax.jit(lambda: mixture(jax.random.key(0), N, centers, jnp.full(k, 0.1)))()
    assert set(np.unique(picked)) == set(range(k))
    np.testing.assert_array_equal(mode, picked[:, 0])
    assert noise.shape == (N, 1)


def test_known_places():
    np.testing.assert_allclose(Ring(n=4, radius=3.0).modes().centers, [[3, 0], [0, 3], [-3, 0], [0, -3]], atol=1e-12)
    corner = Grid(side=5, spacing=2.0).modes().centers
    np.testing.assert_array_equal(corner[[0, 1, 12, 24]], [[-4, -4], [-4, -2], [0, 0], [4, 4]])
    np.testing.assert_array_equal(drawn(Dirac()), np.zeros((N, 1)))
    modes = GanlabDisjoint().modes()
    np.testing.assert_array_equal(modes.weights, [0.333, 0.333, 0.334])


@pytest.mark.parametrize("name", REDRAWN)
def test_the_extent_holds_the_points(name):
    dataset, _ = REDRAWN[name]
    (x0, x1), (y0, y1) = dataset.extent
    points = drawn(dataset)
    outside = ((points < [x0, y0]) | (points > [x1, y1])).any(axis=1).mean()
    if name == "ganlab gaussians":
        # GAN Lab's own preset puts 1.3 % of its mass outside the unit square.
        assert 0.011 < outside < 0.015
    else:
        assert outside <= 1e-4
    spread = points.max(axis=0) - points.min(axis=0)
    if not name.startswith("ganlab"):
        assert (np.array([x1 - x0, y1 - y0]) < 2 * spread).all(), "a picture would be mostly empty"


def test_the_box_goes_beyond_the_outermost_mode():
    (x0, x1), (y0, y1) = box(Ring(n=4, radius=1.0, std=0.1).modes(), deviations=5.0)
    np.testing.assert_allclose([x0, x1, y0, y1], [-1.8, 1.8, -1.8, 1.8])


NORMALIZATIONS = ("none", "standard", "range")
BOUNDS = ((-50.0, 50.0), (1.0, 3.0), (-4.0, -1.0), (-1.0, 5.0))


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("bounds", BOUNDS)
def test_curve_points_lie_on_the_curve_with_x_uniform(bounds, normalization):
    dataset = Curve(*bounds, normalization)
    seen = drawn(dataset)
    x, y = dataset.denormalize(seen).T
    height = 10 + max(bound * bound for bound in bounds)
    np.testing.assert_allclose(y, 10 + x**2, atol=2e-5 * height)
    assert stats.kstest(x, stats.uniform(bounds[0], bounds[1] - bounds[0]).cdf).pvalue > 1e-4
    assert dataset.distance(np.stack([x, y], axis=1)).max() < 1e-4


@pytest.mark.parametrize("bounds", BOUNDS)
def test_curves_are_seen_as_their_normalization_says(bounds):
    standard = drawn(Curve(*bounds, "standard"))
    np.testing.assert_allclose(standard.mean(axis=0), 0, atol=0.03)
    np.testing.assert_allclose(standard.std(axis=0), 1, atol=0.01)
    ranged = drawn(Curve(*bounds, "range"))
    np.testing.assert_allclose([ranged.min(axis=0), ranged.max(axis=0)], [[-1, -1], [1, 1]], atol=1e-3)
    assert abs(ranged).max() <= 1 + 1e-5
    np.testing.assert_allclose(drawn(Curve(*bounds, "none"))[:, 0].mean(), sum(bounds) / 2, atol=0.5)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("bounds", BOUNDS)
def test_what_the_networks_see_and_data_units_are_inverse(bounds, normalization):
    dataset = Curve(*bounds, normalization)
    points = np.random.default_rng(0).uniform(-60, 60, (100, 2))
    back = dataset.denormalize(np.asarray(dataset.normalize(jnp.asarray(points, jnp.float32)), float))
    np.testing.assert_allclose(back, points, rtol=1e-5, atol=1e-3)
    (x0, x1), (y0, y1) = dataset.extent
    assert x0 < bounds[0]
    assert x1 > bounds[1]
    assert y0 < 10 + min(x * x for x in np.linspace(*bounds, 101))
    assert y1 > 10 + max(bound * bound for bound in bounds)


def test_distance_from_the_curve_is_a_share_of_its_height():
    dataset = Curve(-50.0, 50.0)
    np.testing.assert_allclose(dataset.distance(np.array([[0.0, 10.0], [-50.0, 2510.0], [7.0, 59.0]])), 0, atol=1e-12)
    # 250 of 2500 above; and 10 of 100 beyond the end, at its height.
    np.testing.assert_allclose(
        dataset.distance(np.array([[0.0, 260.0], [60.0, 2510.0], [60.0, 2260.0]])), [0.1, 0.1, 0.2]
    )
