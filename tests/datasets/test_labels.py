"""Labels: whose they are, how often each comes, and that they go where points and noise go without moving either."""

from __future__ import annotations

import dataclasses
import gzip

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from original_files import MNIST
from scipy import stats

from ganexp.component import arrays
from ganexp.datasets import BinarizedMnist, GanlabDisjoint, GanlabGaussians, Grid, Mnist, Moons, Ring, StackedMnist
from ganexp.datasets.source import bundled
from ganexp.game import draw_noise
from ganexp.training import draw
from ganexp.types import Images

KEY = jax.random.key(3)
N = 40_000
UNEVEN = [1.0, 2.0, 3.0, 0.0, 4.0]
LABELED = {
    "ring": Ring(),
    "ring, weighted": Ring(n=5, weights=UNEVEN),
    "grid, weighted": Grid(side=2, weights=UNEVEN[1:]),
    "ganlab gaussians": GanlabGaussians(),
    "ganlab disjoint": GanlabDisjoint(),
    "moons": Moons(),
    "digits": BinarizedMnist(source="bundled"),
    "few digits": BinarizedMnist(source="bundled", examples=70),
}


def few_stacks() -> Images:
    """Twelve images of four digits, of which three are a 7."""
    labels = np.array([7, 7, 7, 0, 0, 0, 0, 9, 9, 9, 9, 1], np.uint8)
    return Images(np.zeros((12, 28, 28), np.uint8), labels, np.zeros((1, 28, 28), np.uint8), labels[:1])


@pytest.mark.parametrize("name", LABELED)
def test_labels_of_points_and_of_noise_are_as_frequent_as_the_data_set_says(name):
    dataset, data = LABELED[name], LABELED[name].load()
    frequencies = np.asarray(dataset.frequencies(data), float)
    assert len(frequencies) == dataset.classes
    assert frequencies.sum() == pytest.approx(1, abs=1e-6)
    found = jax.jit(lambda data: (dataset.sample(data, KEY, N).label, dataset.labels(data, jax.random.key(4), N)))(data)
    for labels in found:
        assert (labels.shape, labels.dtype) == ((N,), jnp.int32)
        counts = np.bincount(labels, minlength=dataset.classes)
        assert len(counts) == dataset.classes
        assert (counts[frequencies == 0] == 0).all()
        there = frequencies > 0
        expected = frequencies[there] / frequencies[there].sum() * N
        assert stats.chisquare(counts[there], expected).pvalue > 1e-4
    if dataset.modes() is not None:
        np.testing.assert_allclose(frequencies, dataset.modes().weights, atol=1e-6)


def test_the_frequency_of_a_stack_is_the_product_of_its_digits():
    data = few_stacks()
    frequencies = np.asarray(StackedMnist().frequencies(data), float)
    share = np.bincount(data.train_label, minlength=10) / 12
    for label in (0, 7, 790, 917, 123, 999):
        digits = [label // 100, label // 10 % 10, label % 10]
        assert frequencies[label] == pytest.approx(np.prod(share[digits]), rel=1e-5)
    counts = np.bincount(StackedMnist().labels(data, KEY, N), minlength=1000)
    there = frequencies > 0
    assert (counts[~there] == 0).all()
    assert stats.chisquare(counts[there], N * frequencies[there] / frequencies[there].sum()).pvalue > 1e-4


@pytest.mark.parametrize("name", ["ring", "ring, weighted", "grid, weighted", "ganlab disjoint"])
def test_the_label_of_a_point_is_its_nearest_mode(name):
    # Modes are at least seven deviations from one another.
    dataset = LABELED[name]
    x, label = jax.jit(lambda: dataset.sample((), KEY, 5000))()
    distances = np.linalg.norm(np.asarray(x)[:, None] - dataset.modes().centers, axis=2)
    np.testing.assert_array_equal(label, distances.argmin(axis=1))


def test_the_label_of_a_gaussian_of_ganlab_is_the_one_whose_spread_it_has():
    # These two overlap: what tells them apart is their mean and their deviation.
    dataset = GanlabGaussians()
    x, label = jax.jit(lambda: dataset.sample((), KEY, N))()
    for mode, (center, deviation) in enumerate(zip(dataset.modes().centers, dataset.modes().stds, strict=True)):
        own = np.asarray(x, float)[np.asarray(label) == mode]
        np.testing.assert_allclose(own.mean(axis=0), center, atol=5 * deviation.max() / len(own) ** 0.5)
        np.testing.assert_allclose(own.std(axis=0), deviation, rtol=0.05)


def test_the_label_of_a_moon_is_the_half_circle_that_a_point_lies_on():
    x, label = jax.jit(lambda: Moons(std=0.01).sample((), KEY, 5000))()
    middles = np.array([[0.0, 0.0], [1.0, 0.5]])[np.asarray(label)]
    radii = np.linalg.norm(np.asarray(x) - middles, axis=1)
    assert np.abs(radii - 1).max() < 0.06
    above = np.asarray(x)[:, 1] - middles[:, 1]
    assert (np.where(label == 0, above, -above) > -0.06).all()


def test_the_labels_of_bundled_digits_are_the_slices_own():
    dataset = BinarizedMnist(source="bundled")
    known = {
        image.tobytes(): int(label)
        for image, label in zip(bundled()["train_image"], bundled()["train_label"], strict=True)
    }
    x, label = dataset.sample(dataset.load(), KEY, 300)
    pixels = np.uint8(255) * np.asarray(x[..., 0], np.uint8)
    assert [known[image.tobytes()] for image in pixels] == label.tolist()


@pytest.mark.skipif(
    not MNIST.is_dir(), reason=f"MNIST's files are not in {MNIST}; GANEXP_MNIST_FILES names their folder"
)
def test_the_labels_of_mnist_are_those_of_its_files():
    def content(name: str, header: int) -> np.ndarray:
        packed, plain = MNIST / f"{name}.gz", MNIST / name
        raw = gzip.decompress(packed.read_bytes()) if packed.exists() else plain.read_bytes()
        return np.frombuffer(raw, np.uint8)[header:]

    images, labels = content("train-images-idx3-ubyte", 16).reshape(-1, 28, 28), content("train-labels-idx1-ubyte", 8)
    dataset = Mnist(files=str(MNIST))
    # The set is in another order than its files.
    known = {image.tobytes(): int(label) for image, label in zip(images, labels, strict=True)}
    x, label = dataset.training(dataset.load(), KEY, jnp.int32(7), KEY, 500)
    pixels = np.rint(np.asarray(x[..., 0]) * 255).astype(np.uint8)
    assert [known[image.tobytes()] for image in pixels] == label.tolist()


@pytest.mark.parametrize("name", ["curve", "dirac", "ganlab_line", "ganlab_ring", "spiral"])
def test_data_without_classes_have_no_labels(composed, name):
    dataset = composed(f"dataset={name}").dataset
    assert dataset.classes is dataset.frequencies(()) is dataset.labels((), KEY, 5) is None
    assert dataset.sample((), KEY, 5).label is None


def test_labels_move_neither_points_nor_noise(composed):
    """They have keys of their own: those of the noise, and of all else, are what they were."""
    experiment = composed("batch_size=64")
    noise = draw_noise(experiment, (), KEY, 500)
    np.testing.assert_array_equal(noise.x, experiment.prior.sample(KEY, 500))
    unlabeled = dataclasses.replace(experiment, dataset=composed("dataset=curve").dataset)
    bare = draw_noise(unlabeled, (), KEY, 500)
    assert bare.label is None
    np.testing.assert_array_equal(noise.x, bare.x)
    # A label says nothing of the noise that it came with, nor of the real point beside it.
    mean = np.abs([np.asarray(noise.x)[np.asarray(noise.label) == mode].mean(axis=0) for mode in range(8)])
    assert mean.max() < 5 / (500 / 8) ** 0.5
    drawn = jax.jit(draw)(arrays(experiment), (), np.int32(2))
    assert drawn.noise.label.shape == drawn.real.label.shape == drawn.noise.x.shape[:2] == (2, 64)
    assert np.mean(np.asarray(drawn.noise.label) == np.asarray(drawn.real.label)) < 0.3
