"""Noise against the distribution functions of SciPy."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from scipy import stats

from ganexp.component import SettingError
from ganexp.priors import Normal, TruncatedNormal, Uniform

N = 50_000
ORACLES = {
    "uniform": (Uniform(dimension=2), stats.uniform(-1, 2)),
    "uniform, shifted": (Uniform(dimension=3, low=2.0, high=5.0), stats.uniform(2, 3)),
    "normal": (Normal(dimension=2), stats.norm(0, 1)),
    "normal, shifted": (Normal(dimension=1, mean=3.0, std=0.2), stats.norm(3, 0.2)),
    "truncated": (TruncatedNormal(dimension=2), stats.truncnorm(-2, 2)),
    "truncated, shifted": (
        TruncatedNormal(dimension=2, mean=0.5, std=0.25, deviations=1.5), stats.truncnorm(-1.5, 1.5, 0.5, 0.25),
    ),
}  # fmt: skip


def drawn(prior):
    return np.asarray(jax.jit(lambda: prior.sample(jax.random.key(1), N))(), float)


@pytest.mark.parametrize("name", ORACLES)
def test_every_coordinate_has_its_distribution(name):
    prior, oracle = ORACLES[name]
    for column in drawn(prior).T:
        assert stats.kstest(column, oracle.cdf).pvalue > 1e-3
        np.testing.assert_allclose([column.mean(), column.std()], [oracle.mean(), oracle.std()], atol=0.02)


@pytest.mark.parametrize("name", [name for name, (prior, _) in ORACLES.items() if prior.dimension > 1])
def test_coordinates_are_independent(name):
    columns = drawn(ORACLES[name][0]).T
    off = np.corrcoef(columns) - np.eye(len(columns))
    assert abs(off).max() < 5 / np.sqrt(N)


def test_bounded_noise_stays_within_its_bounds():
    uniform = drawn(Uniform(low=2.0, high=5.0))
    assert uniform.min() >= 2
    assert uniform.max() < 5
    truncated = drawn(TruncatedNormal(mean=1.0, std=2.0, deviations=0.5))
    assert truncated.min() >= 0
    assert truncated.max() <= 2


@pytest.mark.parametrize(("name", "dimension"), [("", 2), ("_1d", 1)])
def test_ganlabs_noise_lies_on_the_unit_interval_around_a_half(composed, name, dimension):
    # GAN Lab: uniform on [0, 1]; Gaussian of mean 0.5 and deviation 0.25, truncated at two deviations.
    for kind, oracle in (("uniform", stats.uniform(0, 1)), ("gaussian", stats.truncnorm(-2, 2, 0.5, 0.25))):
        noise = drawn(composed(f"prior=ganlab_{kind}{name}").prior)
        assert noise.shape == (N, dimension)
        assert noise.min() >= 0
        assert noise.max() <= 1
        assert stats.kstest(noise[:, 0], oracle.cdf).pvalue > 1e-3


def test_an_empty_interval_is_refused():
    with pytest.raises(SettingError, match=r"^low: 2.0 must be below high, which is 1.0"):
        Uniform(low=2.0, high=1.0)
    with pytest.raises(SettingError, match=r"^std: "):
        Normal(std=0.0)
    with pytest.raises(SettingError, match=r"^dimension: "):
        Normal(dimension=0)
