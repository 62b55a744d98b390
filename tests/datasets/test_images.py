"""Image data sets: where they come from, in which order they are drawn, and what is said when they cannot be had."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganexp.component import SettingError
from ganexp.config.build import load
from ganexp.datasets import BinarizedMnist, FashionMnist, Mnist, StackedMnist
from ganexp.datasets.order import positions, shuffled
from ganexp.datasets.source import bundled
from ganexp.training import draw

KEY = jax.random.key(5)


ORDER = jax.random.key(6)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 97, 5000, 60_000])
def test_every_epoch_holds_every_index_once(size):
    place = jnp.arange(size, dtype=jnp.uint32)
    orders = [np.asarray(shuffled(ORDER, jnp.full(size, epoch, jnp.uint32), place, size)) for epoch in range(2)]
    for order in orders:
        assert (np.sort(order) == np.arange(size)).all()
    if size > 90:
        assert (orders[0] != orders[1]).mean() > 0.9
        assert abs(np.corrcoef(orders[0], np.arange(size))[0, 1]) < 4 / size**0.5
        assert abs(np.corrcoef(orders[0], orders[1])[0, 1]) < 4 / size**0.5


def test_the_first_index_of_an_epoch_is_any_index_alike():
    epochs = 20_000
    first = shuffled(ORDER, jnp.arange(epochs, dtype=jnp.uint32), jnp.zeros(epochs, jnp.uint32), 60_000)
    counts = np.bincount(np.asarray(first) // 600, minlength=100)
    # Chi-square with 99 degrees of freedom: 1 in 10,000 lies above 161.
    assert ((counts - 200) ** 2 / 200).sum() < 161


@pytest.mark.parametrize(
    "count, size", [(200, 60_000), (256, 60_000), (7, 5000), (1, 3), (130_000, 60_000), (64, 65_521)]
)
def test_positions_are_those_of_whole_numbers(count, size):
    for step in (0, 1, 299, 300, 301, 12_345, 2**31 - 2):
        epoch, place = positions(jnp.int32(step), count, size)
        expected = [divmod(step * count + number, size) for number in range(count)]
        np.testing.assert_array_equal(place, [rest for _, rest in expected])
        np.testing.assert_array_equal(epoch, [whole % 2**32 for whole, _ in expected])


def test_one_epoch_of_steps_shows_every_image_once():
    dataset = BinarizedMnist(source="bundled")
    data = dataset.load()
    step = jax.jit(lambda step: dataset.training(data, ORDER, step, KEY, 200).x)
    seen = np.concatenate([np.asarray(step(number)) for number in range(25)]).reshape(5000, -1)
    real = (data.train > 127).reshape(5000, -1)
    assert not (seen == real).all(axis=1).any(), "shuffled"
    np.testing.assert_array_equal(np.sort(seen @ _hash()), np.sort(real @ _hash()))


def _hash():
    return np.random.default_rng(0).normal(size=784)


def test_sequential_epochs_follow_the_set_and_begin_anew():
    dataset = BinarizedMnist(source="bundled", order="sequential", examples=300)
    data = dataset.load()
    batch = dataset.training(data, ORDER, jnp.int32(1), KEY, 200)
    expected = np.r_[200:300, 0:100]
    np.testing.assert_array_equal(batch.label, bundled()["train_label"][expected])
    np.testing.assert_array_equal(batch.x[..., 0], bundled()["train_image"][expected] / 255)


def test_with_replacement_draws_are_the_step_s_own():
    dataset = BinarizedMnist(source="bundled", order="replacement")
    data = dataset.load()
    one, other = (dataset.training(data, ORDER, jnp.int32(0), jax.random.key(seed), 5000).label for seed in (1, 2))
    assert (one != other).mean() > 0.8
    index = jax.random.randint(jax.random.key(1), (1, 5000), 0, 5000)
    assert len(np.unique(index)) < 4000, "some images come twice"


def test_the_discriminator_s_batches_make_the_epoch(composed):
    words = ("dataset=binarized_mnist", "dataset.source=bundled", "batch_size=500", "updates.d_steps=2")
    experiment = composed(*words)
    assert experiment.steps_per_epoch == 5
    data = experiment.dataset.load()
    real = np.concatenate([draw(experiment, data, jnp.int32(step)).real.x[:2].reshape(1000, -1) for step in range(5)])
    np.testing.assert_array_equal(np.sort(real @ _hash()), np.sort((data.train > 127).reshape(5000, -1) @ _hash()))
    assert composed(*words[:3], "updates.minibatch=same", "updates.d_steps=5").steps_per_epoch == 10


def test_epochs_are_steps(tiny_job):
    words = ["dataset=binarized_mnist", "dataset.source=bundled", "batch_size=200"]
    assert load([*words, "epochs=3"])[1].steps == 75
    assert load([*words, "epochs=0.5"])[1].steps == 12
    assert load([*words, "epochs=0.04"])[1].steps == 1
    assert load([*words, "steps=7"])[1].steps == 7
    odd = load([*words[:2], "batch_size=300", "epochs=3"])[1]
    assert (odd.steps, odd.experiment.epoch(49), odd.experiment.epoch(50)) == (50, 2, 3), (
        "the third epoch ends in step 50"
    )
    with pytest.raises(SettingError, match=r"epochs: .* 0 steps, where one is 25"):
        load([*words, "epochs=0.03"])
    with pytest.raises(SettingError, match=r"epochs: .* give steps=N"):
        load(["epochs=3"])


def test_labels_come_with_the_images_and_a_stack_reads_as_a_number(gray_cache):
    dataset = StackedMnist()
    data = dataset.load()
    by_image = {image.tobytes(): label for image, label in zip(data.train, data.train_label, strict=True)}
    batch = dataset.training(data, ORDER, jnp.int32(0), KEY, 20)
    assert batch.x.shape == (20, 28, 28, 3)
    for x, label in zip(batch.x, batch.label, strict=True):
        digits = [
            int(by_image[np.round(np.asarray(x[..., channel]) * 255).astype(np.uint8).tobytes()])
            for channel in range(3)
        ]
        assert int(label) == 100 * digits[0] + 10 * digits[1] + digits[2]
    counts = np.bincount(dataset.training(data, ORDER, jnp.int32(0), KEY, 5000).label, minlength=1000)
    assert (counts > 0).sum() > 950


@pytest.mark.parametrize("kind", [Mnist, FashionMnist, StackedMnist])
@pytest.mark.parametrize("normalization", ["unit", "symmetric", "standard"])
def test_normalizations_are_undone(gray_cache, kind, normalization):
    dataset = kind(normalization=normalization)
    data = dataset.load()
    x = np.asarray(dataset.sample(data, KEY, 50).x)
    low, high = {"unit": (0, 1), "symmetric": (-1, 1), "standard": (-0.9, 3)}[normalization]
    assert low <= x.min() < x.max() <= high
    natural = dataset.denormalize(x)
    assert -1e-5 < natural.min() <= natural.max() < 1 + 1e-5
    np.testing.assert_allclose(dataset.normalize(jnp.asarray(natural)), x, atol=1e-5)


def test_a_threshold_is_a_number_and_binarizes(gray_cache):
    data = Mnist().load()
    for threshold in (0.2, 0.5, 0.9):
        dataset = BinarizedMnist(threshold=threshold)
        x = np.asarray(dataset.training(data, ORDER, jnp.int32(0), KEY, 5000).x)
        assert set(np.unique(x)) == {0, 1}
        assert x.sum() == (data.train / 255 > threshold).sum()


def test_a_bernoulli_draw_is_of_its_seed_and_right_on_average(gray_cache):
    gray = Mnist().load().train
    drawn = [BinarizedMnist(binarization="bernoulli", binarization_seed=seed).load().train for seed in (0, 0, 1)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert set(np.unique(drawn[0])) == {0, 255}
    assert 0.01 < (drawn[0] != drawn[2]).mean() < 0.2
    on = np.concatenate([drawn[0][gray == level] for level in range(150, 160)]).mean() / 255
    assert on == pytest.approx(154.5 / 255, abs=0.02)
    assert not drawn[0][gray == 0].any()
    assert drawn[0][gray == 255].all()


def test_unseen_images_are_the_test_set_s_without_repetition():
    dataset = BinarizedMnist(source="bundled")
    data = dataset.load()
    batch = dataset.test_batch(data, KEY, 1000)
    np.testing.assert_array_equal(np.sort(batch.label), np.sort(data.test_label))
    np.testing.assert_array_equal(
        np.sort(np.asarray(batch.x).reshape(1000, -1) @ _hash()), np.sort((data.test > 127).reshape(1000, -1) @ _hash())
    )
    assert dataset.test_batch(data, KEY, 1500).x.shape == (1500, 28, 28, 1)
