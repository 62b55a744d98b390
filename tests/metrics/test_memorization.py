"""Images that are training images, or nearly."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from ganexp.metrics.memorization import CopyDetector

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def unseen():
    """Images of one distribution: those to train on, and more; and the metric."""
    train, test, more = np.split(RNG.random((7000, 12)).astype(np.float32), [3000, 5000])
    return train, more, CopyDetector(train, test)


def share(metric, images):
    return metric(images)["memorization/share"]


def test_nearest_training_images_are_those_of_all_distances(unseen):
    train, more, metric = unseen
    found, every = metric.nearest(more[:200]), cdist(more[:200], train)
    nearest = np.sort(every, axis=1)
    np.testing.assert_array_equal(found.neighbor, every.argmin(axis=1))
    np.testing.assert_allclose(found.distance, nearest[:, 0], rtol=1e-6)
    np.testing.assert_allclose(found.ratio, nearest[:, 0] / nearest[:, 1], rtol=1e-6)


def test_unseen_images_are_memorized_by_one_in_a_hundred(unseen):
    _, more, metric = unseen
    # The threshold is a quantile of 2,000 test images: the share varies by chance on both sides.
    assert abs(share(metric, more) - 0.01) < 4 * math.sqrt(2 * 0.01 * 0.99 / 2000)


def test_copies_are_memorized_with_noise_on_them_too(unseen):
    train, more, metric = unseen
    copies = train[:300]
    found = metric.nearest(copies)
    np.testing.assert_array_equal(found.neighbor, np.arange(300))
    assert found.distance.max() == found.ratio.max() == 0
    assert share(metric, copies) == 1
    noise = RNG.normal(0, 0.03, copies.shape).astype(np.float32)
    assert share(metric, copies + noise) > 0.9
    assert share(metric, np.concatenate([copies, more[:300]])) == pytest.approx(0.5, abs=0.03)


def test_memorization_has_no_units(unseen):
    train, more, _ = unseen
    other = CopyDetector(255 * train, 255 * more)
    assert share(other, 255 * more) == pytest.approx(0.01, abs=1 / len(more))
    same = CopyDetector(train, more)
    np.testing.assert_allclose(other.threshold, same.threshold, rtol=1e-5)


def test_a_training_image_that_is_there_twice_can_be_copied():
    train = np.repeat(RNG.random((50, 6)), 2, axis=0)
    metric = CopyDetector(train, RNG.random((40, 6)))
    assert share(metric, train[:10]) == 1
    assert metric.nearest(train[:10]).ratio.max() == 0


def test_images_that_are_no_numbers_are_no_copies(unseen):
    train, _, metric = unseen
    bad = train[:8].copy()
    bad[:, 0] = [np.nan, np.inf, -np.inf, 3e38] * 2
    assert share(metric, bad) == 0
