"""What metrics of images read of samples, block by block."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganexp.blocks import map_in_blocks
from ganexp.component import arrays
from ganexp.config.build import load
from ganexp.observe.readings import read
from ganexp.observe.samples import Samples, classified
from ganexp.training import init

KEY = jax.random.key(3)


SMALL = (
    "dataset=binarized_mnist",
    "dataset.source=bundled",
    "dataset.examples=300",
    "model.generator.width=8",
    "model.discriminator.width=8",
    "batch_size=50",
    "eval_samples=500",
    "final_samples=500",
)


def test_blocks_change_no_number():
    x = jax.random.normal(KEY, (23, 4))

    def rows(part):
        return part.sum(axis=1), part[:, :2] * 2

    for expected, found in zip(rows(x), map_in_blocks(rows, x, 5), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def readings(job, data):
    samples = Samples(job.experiment, data, init(arrays(job.experiment)), 20, jnp.int32(0))
    return read(job.metric, {}, samples, jnp.asarray(job.experiment.dataset.extent, jnp.float32))[0]


@pytest.mark.slow  # The probe of images and that of points, both compiled for this alone: ten seconds.
def test_metrics_of_images_read_them():
    job = load(SMALL)[1]
    experiment = job.experiment
    found = readings(job, experiment.dataset.load())
    assert found.by_sample["fake"].shape == (20, 28, 28, 1)
    expected = classified(experiment.dataset, found.by_sample["fake"]).probabilities
    np.testing.assert_allclose(found.by_sample["reading"].probabilities, expected, rtol=1e-4)
    assert found.once["leak"] == 1
    points = load([])[1]
    found = readings(points, ())
    assert {*found.by_sample} == {"fake", "output_real", "output_fake"}
