"""Parzen windows: densities and widths, against their definitions."""

from __future__ import annotations

import math

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

from ganexp.metrics.parzen import SIGMAS, log_densities, parzen_window

RNG = np.random.default_rng(0)


def parzen_by_definition(points, samples, sigma):
    exponents = -(cdist(points, samples) ** 2) / (2 * sigma**2)
    return (
        logsumexp(exponents, axis=1)
        - math.log(len(samples))
        - points.shape[1] * math.log(sigma * math.sqrt(2 * math.pi))
    )


def test_log_densities_equal_their_definition():
    points, samples = RNG.random((30, 50)), RNG.random((70, 50))
    expected = [parzen_by_definition(points, samples, sigma) for sigma in SIGMAS]
    np.testing.assert_allclose(log_densities(points, samples, SIGMAS), expected, rtol=1e-9)
    # In 32 bits as they come from a device, rounded no further.
    low = points.astype(np.float32), samples.astype(np.float32)
    expected_low = [parzen_by_definition(*low, sigma) for sigma in SIGMAS]
    np.testing.assert_allclose(log_densities(*low, SIGMAS), expected_low, rtol=1e-9)
    # A sample that overflowed explains no image; and far away every exponential is 0 on its own.
    spoilt = np.concatenate([samples, np.full_like(samples, np.nan)])
    np.testing.assert_allclose(log_densities(points, spoilt, SIGMAS), np.subtract(expected, math.log(2)), rtol=1e-9)
    far = log_densities(points + 100, samples, SIGMAS[:1])
    np.testing.assert_allclose(far, [parzen_by_definition(points + 100, samples, 0.1)], rtol=1e-9)


def test_the_normalizer_of_784_pixels_is_the_published_one():
    image = RNG.random((1, 784))
    found = log_densities(image, image, np.array([0.1, 0.2, 0.21544346900318834]))[:, 0]
    np.testing.assert_allclose(found, [1084.7789, 541.3515, 483.0367], atol=1e-4)


def test_the_width_is_chosen_on_the_first_thousand_of_the_validation_images():
    samples = RNG.normal(size=(400, 3))
    validation, test = RNG.normal(size=(1000, 3)), RNG.normal(size=(300, 3))
    found = parzen_window(samples, validation, test)
    curve = [parzen_by_definition(validation, samples, sigma).mean() for sigma in SIGMAS]
    np.testing.assert_allclose(found.curve, curve)
    assert found.sigma == SIGMAS[np.argmax(curve)]
    assert SIGMAS[0] < found.sigma < SIGMAS[-1]
    expected = parzen_by_definition(test, samples, found.sigma)
    np.testing.assert_allclose(found.log_likelihood, expected.mean())
    np.testing.assert_allclose(found.standard_error, expected.std() / math.sqrt(300))
    longer = parzen_window(samples, np.concatenate([validation, np.full((500, 3), 9.0)]), test)
    np.testing.assert_array_equal(longer.curve, found.curve)


def test_widths_are_those_of_the_protocol():
    published = [0.1, 0.12915, 0.16681, 0.21544, 0.27826, 0.35938, 0.46416, 0.59948, 0.77426, 1.0]
    np.testing.assert_allclose(SIGMAS, published, atol=5e-6)
