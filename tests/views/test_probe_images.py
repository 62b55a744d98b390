"""What pictures of images read: strips, ways between noises, nearest training images."""

from __future__ import annotations

import itertools

import jax
import numpy as np
import pytest

from ganexp.config.build import load
from ganexp.job import STRIP_ROWS, strip_stride
from ganexp.priors import Normal, Uniform
from ganexp.views.probe_images import STEPS, between, nearest

KEY = jax.random.key(3)


def steps_of_the_strip(job):
    step, steps = 0, [0]
    while step < job.steps:
        step = job.next_strip(step)
        if job.strip_due(step):
            steps.append(step)
    return steps


@pytest.mark.parametrize(
    "words", [("batch_size=200",), ("batch_size=256",), ("batch_size=300", "updates.d_steps=7"), ("batch_size=7",)]
)
def test_the_strip_has_a_row_for_each_epoch_and_never_too_many(words):
    job = load(["dataset=binarized_mnist", "dataset.source=bundled", "dataset.examples=1000", "epochs=170", *words])[1]
    per_step = job.experiment.updates.learned * job.experiment.batch_size
    passed = [step * per_step // 1000 for step in range(job.steps + 1)]
    expected = [0]
    for step in range(1, job.steps + 1):
        stride = next(2**k for k in itertools.count() if passed[step] <= 40 * 2**k)
        if passed[step] // stride * stride > passed[step - 1] // stride * stride:
            expected.append(step)
    assert steps_of_the_strip(job)[: len(expected)] == expected
    shown = [epoch for step in expected if (epoch := passed[step]) % strip_stride(passed[job.steps]) == 0]
    assert len(shown) <= STRIP_ROWS + 1


def test_toys_have_no_strip(tiny_job):
    assert not tiny_job.strip_due(0)
    assert tiny_job.next_strip(0) == tiny_job.steps


def test_the_way_between_two_noises_keeps_their_length_where_they_are_normal():
    start, end = jax.random.normal(KEY, (2, 3, 50))
    way = np.asarray(between(Normal(dimension=50), start, end)).reshape(3, STEPS, 50)
    np.testing.assert_allclose(way[:, 0], start, atol=1e-4)
    np.testing.assert_allclose(way[:, -1], end, atol=1e-4)
    lengths = np.linalg.norm(way, axis=2)
    shortest = np.minimum(lengths[:, :1], lengths[:, -1:])
    assert (lengths > 0.95 * shortest).all(), "a straight line would pass near the origin"
    unit = way / lengths[:, :, None]
    angles = np.arccos((unit[:, 1:] * unit[:, :-1]).sum(axis=2))
    assert angles.std(axis=1).max() < 0.05
    line = np.asarray(between(Uniform(dimension=50), start, end)).reshape(3, STEPS, 50)
    np.testing.assert_allclose(line[:, 3], 2 / 3 * start + 1 / 3 * end, atol=1e-5)


def test_the_nearest_training_image_is_that_of_a_loop(gray_cache, composed):
    experiment = composed("dataset=stacked_mnist", "dataset.examples=200", "batch_size=10")
    data = experiment.dataset.load()
    x = experiment.dataset.test_batch(data, KEY, 4).x
    found = np.asarray(nearest(experiment, data, x))
    train = data.train.reshape(200, -1) / 255
    for image, other in zip(np.asarray(x), found, strict=True):
        for channel in range(3):
            distances = ((train - image[..., channel].ravel()) ** 2).sum(axis=1)
            np.testing.assert_allclose(other[..., channel].ravel(), train[distances.argmin()], atol=1e-6)
