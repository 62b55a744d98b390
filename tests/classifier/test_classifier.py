"""The digit classifier: the weights that come with ganexp, what reads them, and the command that made them."""

from __future__ import annotations

import gzip
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from commands import ganexp
from original_files import MNIST

import ganexp.classifier.weights as stored
from ganexp import classifier
from ganexp.cli import classifier as cli
from ganexp.component import SettingError
from ganexp.config.usage_errors import UsageError
from ganexp.datasets import BinarizedMnist, Mnist

KINDS = ("gray", "binarized")
LEAST = {"gray": 0.992, "binarized": 0.988}
SHIPPED = json.loads((stored.PLACE / "shipped.json").read_text())


def noise(n, seed=0):
    """Images in which every pixel is random: no more alike than any two inputs."""
    return np.random.default_rng(seed).random((n, 28, 28), np.float32)


def shapes(n, seed=0):
    """Images of pixels 0 and 255 that show one of ten shapes in noise, and which."""
    kinds = np.random.default_rng(9).random((10, 7, 7)) < 0.3
    random = np.random.default_rng(seed)
    labels = random.integers(0, 10, n).astype(np.uint8)
    images = np.kron(kinds[labels], np.ones((1, 4, 4), bool)) ^ (random.random((n, 28, 28)) < 0.05)
    return np.uint8(255) * images, labels


def read_idx(name, skip):
    path = MNIST / name
    if not path.exists():
        pytest.skip(f"MNIST's files are not in {MNIST}; name their folder in GANEXP_MNIST_FILES")
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=skip)


# What comes with ganexp


@pytest.mark.parametrize("kind", KINDS)
def test_the_recipe_beside_the_weights_is_the_one_in_the_code(kind):
    content = (stored.PLACE / f"{kind}.npz").read_bytes()
    assert SHIPPED[kind]["sha256"] == stored.SHA256[kind] == stored.digest(content)
    assert SHIPPED[kind]["recipe"] == classifier.recipe()
    assert SHIPPED[kind]["epochs"] == classifier.EPOCHS
    assert SHIPPED[kind]["dataset"] == {"gray": "mnist", "binarized": "binarized_mnist"}[kind]
    assert SHIPPED[kind]["accuracy"] >= LEAST[kind]
    assert (SHIPPED[kind]["train_images"], SHIPPED[kind]["test_images"]) == (60000, 10000)


def test_the_weights_are_small():
    assert sum((stored.PLACE / f"{kind}.npz").stat().st_size for kind in KINDS) < 400_000


@pytest.mark.parametrize("kind", KINDS)
def test_accuracy_on_the_test_images_of_mnist(kind):
    images = read_idx("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)
    labels = read_idx("t10k-labels-idx1-ubyte.gz", 8)
    if kind == "binarized":
        images = np.uint8(255) * (images / 255 > 0.5)
    share = classifier.accuracy(classifier.shipped(kind), images, labels)
    # Another processor may round one image to the other side.
    assert share == pytest.approx(SHIPPED[kind]["accuracy"], abs=3e-4)
    assert share >= LEAST[kind]


@pytest.mark.parametrize(
    "change", [lambda content: content[:-1], lambda content: content[:999] + b"?" + content[1000:]]
)
def test_damaged_weights_are_refused(change, monkeypatch, tmp_path):
    (tmp_path / "gray.npz").write_bytes(change((stored.PLACE / "gray.npz").read_bytes()))
    monkeypatch.setattr(stored, "PLACE", tmp_path)
    stored.shipped.cache_clear()
    try:
        with pytest.raises(SettingError, match=r"gray\.npz is damaged: its checksum does not match"):
            stored.shipped("gray")
    finally:
        stored.shipped.cache_clear()


# Reading


def numpy_reading(params, x):
    """The network in NumPy, place by place."""

    def convolve(x, layer, stride):
        kernel, bias = layer["kernel"].astype(float), layer["bias"].astype(float)
        size, side = len(kernel), x.shape[1] // stride
        low = (size - stride) // 2
        x = np.pad(x, ((0, 0), (low, size), (low, size), (0, 0)))
        out = np.empty((len(x), side, side, kernel.shape[-1]))
        for i in range(side):
            for j in range(side):
                patch = x[:, i * stride : i * stride + size, j * stride : j * stride + size]
                out[:, i, j] = np.einsum("nhwc,hwco->no", patch, kernel) + bias
        return np.maximum(out, 0)

    first, second, third = (layer for _, layer in sorted(params["convolutions"].items()))
    x = convolve(np.pad(x, ((0, 0), (2, 2), (2, 2)))[..., None].astype(float), first, 2)
    x = convolve(x, second, 1)
    x = np.max([x[:, i::2, j::2] for i in (0, 1) for j in (0, 1)], axis=0)
    x = convolve(x, third, 2).reshape(len(x), -1)
    features = x @ params["features"]["kernel"] + params["features"]["bias"]
    features = np.where(features > 0, features, 0.1 * features)
    odds = np.exp(features @ params["last"]["kernel"] + params["last"]["bias"])
    return odds / odds.sum(axis=1, keepdims=True), features


@pytest.mark.parametrize("kind", KINDS)
def test_a_reading_is_what_numpy_computes(kind):
    x = shapes(6)[0].astype(np.float32) / 255
    reading = jax.jit(classifier.reader(kind))(jnp.asarray(x))
    probabilities, features = numpy_reading(classifier.shipped(kind), x)
    np.testing.assert_allclose(reading.features, features, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(reading.probabilities, probabilities, rtol=1e-3, atol=1e-5)


def test_a_reader_is_pure():
    # Blocks of images, and a rest.
    reader, x = classifier.reader("gray"), jnp.asarray(noise(110))
    reading = jax.jit(reader)(x)
    assert reading.probabilities.shape == (110, 10) and reading.features.shape == (110, 64)
    np.testing.assert_allclose(reading.probabilities.sum(axis=1), 1, rtol=1e-5)
    mapped = jax.jit(jax.vmap(reader))(x.reshape(2, 55, 28, 28))
    others = [
        (slice(None), jax.tree.map(lambda part: part.reshape(110, -1), mapped)),
        (slice(47, 53), reader(x[47:53])),
    ]
    for place, other in others:
        for part, same in zip(reading, other, strict=True):
            np.testing.assert_allclose(part[place], same, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_every_feature_says_something(kind):
    images = BinarizedMnist(source="bundled").load().test / np.float32(255)
    features = jax.jit(classifier.reader(kind))(jnp.asarray(images)).features
    assert np.asarray(features).std(axis=0).min() > 0.05


def test_a_reader_is_made_once():
    assert classifier.reader("gray") is classifier.reader("gray")
    with pytest.raises(KeyError):
        classifier.reader("colored")


# Training


@pytest.mark.slow  # It trains a network twice: ten seconds.
def test_a_small_fit_learns_and_is_a_function_of_its_seed():
    # Fewer images than a batch has: they are one.
    images, labels = shapes(100)
    losses = []
    params = classifier.fit(images, labels, 2**32 - 1, 40, lambda epoch, loss: losses.append((epoch, loss)))
    assert [epoch for epoch, _ in losses] == list(range(1, 41))
    assert losses[-1][1] < 0.1 * losses[0][1]
    assert classifier.accuracy(params, *shapes(1003, seed=5)) > 0.9
    first, again, another = (classifier.pack(classifier.fit(images, labels, seed, 1)) for seed in (1, 1, 2))
    assert first == again != another


def test_accuracy_is_the_share_whose_most_probable_digit_is_the_label():
    images = np.uint8(255 * noise(1003))
    wanted = numpy_reading(classifier.shipped("gray"), images[-3:] / 255)[0].argmax(axis=1)
    labels = np.full(1003, 10, np.uint8)
    labels[-3:] = wanted
    # The last three alone are right: blocks of images of any length count.
    assert classifier.accuracy(classifier.shipped("gray"), images, labels) == 3 / 1003


def test_packed_weights_come_back_rounded_to_16_bits():
    images, labels = shapes(100)
    params = classifier.fit(images, labels, 3, 1)
    back = classifier.unpack(classifier.pack(params))
    for before, after in zip(jax.tree.leaves(params), jax.tree.leaves(back), strict=True):
        assert after.dtype == np.float32
        np.testing.assert_array_equal(after, before.astype(np.float16).astype(np.float32))
    assert jax.tree.structure(back) == jax.tree.structure(params)


# The command


SMALL = ("dataset=binarized_mnist", "dataset.source=bundled", "dataset.examples=240")


@pytest.fixture(autouse=True)
def own_cache(monkeypatch):
    """Compiled programs stay in the cache of the tests."""
    monkeypatch.setattr("ganexp.cache.enable", lambda: None)


def test_the_command_leaves_weights_and_how_they_were_made(tmp_path, capsys):
    out = tmp_path / "new"
    words = ["epochs=2", *SMALL, "seed=3", f"out={out}"]
    assert cli.command(words) == 0
    content = (out / "classifier.npz").read_bytes()
    told = json.loads((out / "classifier.json").read_text())
    images = BinarizedMnist(source="bundled", examples=240).load()
    assert content == classifier.pack(classifier.fit(images.train, images.train_label, 3, 2))
    assert told.keys() == SHIPPED["binarized"].keys()
    assert (told["dataset"], told["settings"]["examples"]) == ("binarized_mnist", 240)
    assert (told["seed"], told["epochs"], told["train_images"], told["test_images"]) == (3, 2, 240, 1000)
    assert told["sha256"] == stored.digest(content)
    assert told["accuracy"] == classifier.accuracy(classifier.unpack(content), images.test, images.test_label)
    shown = capsys.readouterr()
    assert [line.partition("  ")[0] for line in shown.err.splitlines()] == ["epoch 1/2", "epoch 2/2"]
    assert f"{told['accuracy']:.2%} of 1,000 test images" in shown.out and str(out) in shown.out
    with pytest.raises(UsageError, match=r"holds classifier\.json already"):
        cli.command(words)
    assert (out / "classifier.npz").read_bytes() == content


def test_without_a_folder_there_is_one_by_date_and_time(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.command([*SMALL, "epochs=1"]) == 0
    assert len(list(tmp_path.glob("outputs/*/*/classifier.npz"))) == 1


class Stop(Exception):  # noqa: N818 - a signal is no error
    pass


def test_where_nothing_is_typed_the_digits_are_gray(monkeypatch):
    def load_data(job):
        assert type(job.experiment.dataset) is Mnist
        raise Stop

    monkeypatch.setattr("ganexp.cli.workspace.load_data", load_data)
    with pytest.raises(Stop):
        cli.command([])


def test_pixels_are_what_the_data_set_shows_to_networks():
    images = np.random.default_rng(0).integers(0, 256, (5, 28, 28), np.uint8)
    for normalization in ("unit", "symmetric", "standard"):
        np.testing.assert_array_equal(cli.pixels(Mnist(normalization=normalization), images), images)
    for threshold in (0.5, 0.25):
        expected = np.uint8(255) * (images / 255 > threshold)
        np.testing.assert_array_equal(cli.pixels(BinarizedMnist(threshold=threshold), images), expected)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["dataset=ring"],
            "dataset=ring: has no images to classify as single digits; choose dataset=mnist or dataset=binarized_mnist",
        ),
        (["dataset=stacked_mnist"], "dataset=stacked_mnist: has no images to classify as single digits"),
        (["dataset=fashion_mnist"], "dataset=fashion_mnist: has no images to classify as single digits"),
        (["epochs=0"], "epochs=0: it must be a whole number from 1 to 1000"),
        (["epochs=ten"], "epochs=ten: it must be a whole number from 1 to 1000"),
        (["epochs=1", "epochs=2"], "epochs is given twice, as epochs=1 and as epochs=2; give it once"),
        (["loss=minimax"], "loss=minimax: the classifier has no such setting; it has dataset, seed, epochs, out"),
        (["dataset=ring", "seed=-1"], "seed: -1 is out of range"),
        (["dataset=ring", "again"], "again is neither a command nor a setting"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_done(words, sentence, tmp_path):
    out = tmp_path / "none"
    with pytest.raises((UsageError, SettingError)) as refused:
        cli.command([*words, f"out={out}"])
    assert sentence in str(refused.value)
    assert not out.exists()


@pytest.mark.parametrize("flag", ["-m", "--dry-run", "--cfg=job"])
@pytest.mark.parametrize(("command", "own"), [("classifier", "no flags"), ("quiz", "no flags"), ("list", "--markdown")])
def test_flags_of_other_commands_are_refused(command, own, flag, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert ganexp(command, flag) == 2
    said = capsys.readouterr().err
    assert said == f"ganexp: {command} takes no {flag.partition('=')[0]}; it takes {own}\n"
    assert not list(tmp_path.iterdir())
