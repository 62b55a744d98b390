"""Image data sets: where they come from, in which order they are drawn, and what is said when they cannot be had."""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import subprocess
import sys
import threading
import types
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganexp.component import SettingError
from ganexp.config.build import load
from ganexp.datasets import BinarizedMnist, FashionMnist, Mnist, StackedMnist, images
from ganexp.datasets.order import positions, shuffled
from ganexp.datasets.source import bundled, cache, origin
from ganexp.training import draw

KEY = jax.random.key(5)
ORDER = jax.random.key(6)
REAL_FILES = Path(os.environ.get("GANEXP_MNIST_FILES") or Path(__file__).parents[2] / "shared/data/mnist")


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


def test_the_bundled_slice_is_small_and_as_its_origin_says():
    package = Path(cache.__file__).parent
    assert (package / "bundled.npz").stat().st_size < 700_000
    assert "Creative Commons" in (package / "ORIGIN.md").read_text()
    arrays = bundled()
    assert {name: array.shape for name, array in arrays.items()} == {
        "train_image": (5000, 28, 28), "train_label": (5000,), "test_image": (1000, 28, 28), "test_label": (1000,)
    }  # fmt: skip
    assert set(np.unique(arrays["train_image"])) == {0, 255}
    assert (np.bincount(arrays["train_label"]) > 400).all()


def broken(change, what):
    return pytest.param(change, what, id=change.__name__)


def another_format(folder):
    path = folder / "arrays.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))


def one_bit(folder):
    path = folder / "train_image.npy"
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content)


def cut_off(folder):
    path = folder / "test_label.npy"
    path.write_bytes(path.read_bytes()[:-10])


def one_file_gone(folder):
    (folder / "test_image.npy").unlink()


def torn_notes(folder):
    (folder / "arrays.json").write_text('{"format": 1, "sha')


@pytest.mark.parametrize(
    "change, what",
    [
        broken(another_format, "written by another version of ganexp"),
        broken(one_bit, "train_image.npy in the cache is damaged"),
        broken(cut_off, "test_label.npy in the cache is damaged"),
        broken(one_file_gone, "cannot be read"),
        broken(torn_notes, "cannot be read"),
    ],
)
def test_a_cache_that_cannot_be_used_is_said_to_be_so(gray_cache, change, what):
    change(gray_cache / "mnist")
    with pytest.raises(SettingError, match=what) as caught:
        Mnist().load()
    assert f"remove the folder {gray_cache / 'mnist'}" in str(caught.value)


def test_what_is_read_is_mapped_and_read_once(gray_cache):
    assert isinstance(Mnist().load().train.base, np.memmap)
    one_bit(gray_cache / "mnist")
    assert StackedMnist().load().train.base is Mnist().load().train.base


CONTENTS = {original.name: (original.name.encode() * 100)[:2500] for original in origin.originals("mnist")}


@pytest.fixture
def published(monkeypatch):
    """Data sets of four files of 2,500 bytes, `CONTENTS`, as gzip packs them; what they hold is known of `mnist` alone."""
    before = {name: origin.originals(name) for name in origin.HOSTS}

    def small(original: origin.Original) -> origin.Original:
        content = CONTENTS[original.name]
        small = original._replace(sha256=hashlib.sha256(gzip.compress(content, mtime=0)).hexdigest())
        if original.content_sha256 is None:
            return small
        return small._replace(content_bytes=len(content), content_sha256=hashlib.sha256(content).hexdigest())

    monkeypatch.setattr(origin, "originals", lambda name: [small(original) for original in before[name]])


def given(folder, change=lambda content: gzip.compress(content, mtime=0), rename=str):
    """A folder with the four files, each changed and under another name."""
    folder.mkdir(exist_ok=True)
    for name, content in CONTENTS.items():
        (folder / rename(name)).write_bytes(change(content))
    return folder


def anew(content):
    return gzip.compress(content, 1, mtime=7)


def unpacked(name):
    return name.removesuffix(".gz")


def dotted(name):
    return unpacked(name).replace("-idx", ".idx")


@pytest.mark.parametrize(
    "change, rename",
    [
        pytest.param(anew, str, id="packed anew"),
        pytest.param(bytes, unpacked, id="unpacked"),
        pytest.param(bytes, dotted, id="unpacked, with a dot"),
        pytest.param(anew, lambda name: dotted(name) + ".gz", id="packed, with a dot"),
        pytest.param(bytes, str, id="unpacked by a browser under its old name"),
        pytest.param(anew, unpacked, id="packed under the name of the unpacked"),
    ],
)
def test_files_are_known_by_what_they_hold(published, tmp_path, change, rename):
    folder = given(tmp_path / "files", change, rename)
    found = origin.find("mnist", folder)
    assert found == {name: folder / rename(name) for name in CONTENTS}
    assert {name: origin.content(path) for name, path in found.items()} == CONTENTS


def test_of_several_files_one_that_is_right_will_do(published, tmp_path):
    folder = given(tmp_path / "files", lambda content: b"another")
    with pytest.raises(SettingError, match=r"t10k-images-idx3-ubyte\.gz holds 7 bytes"):
        origin.find("mnist", folder)
    given(folder, bytes, dotted)
    # Archives of the files have folders of their names.
    for name in CONTENTS:
        (folder / unpacked(name)).mkdir()
    assert origin.find("mnist", folder) == {name: folder / dotted(name) for name in CONTENTS}


@pytest.mark.parametrize(
    "change, what",
    [
        (lambda content: anew(content)[:-9], "is cut off"),
        (lambda content: anew(content)[:10] + b"no deflate stream", "is damaged: it cannot be unpacked"),
        (lambda content: content[:-1], "holds 2,499 bytes where mnist's holds 2,500: it is cut off, or another file"),
        (lambda content: content + content, "holds more than 2,500 bytes where mnist's holds 2,500: it is cut off, or"),
        (
            lambda content: b"#" + content[1:],
            "is damaged, or another file: the checksum of what it holds is not that of",
        ),
        (lambda content: b"", "holds 0 bytes"),
    ],
)
def test_files_that_are_not_the_originals_are_refused(published, tmp_path, change, what):
    folder = given(tmp_path / "files", change)
    with pytest.raises(SettingError) as caught:
        Mnist(files=str(folder)).load()
    assert f"{folder}/t10k-images-idx3-ubyte.gz {what}" in str(caught.value)


def test_a_folder_without_the_files_is_refused(published, tmp_path):
    folder = given(tmp_path / "files")
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(SettingError, match=r"lacks t10k-labels-idx1-ubyte\.gz; it must hold t10k-images.*packed or un"):
        Mnist(files=str(folder)).load()
    with pytest.raises(SettingError, match="nowhere is not a folder"):
        Mnist(files=str(tmp_path / "nowhere")).load()
    with pytest.raises(SettingError, match=r"train-labels-idx1-ubyte\.gz is not a folder"):
        Mnist(files=str(folder / "train-labels-idx1-ubyte.gz")).load()


def test_a_data_set_whose_contents_are_not_known_is_taken_as_it_is_published(published, tmp_path):
    folder = given(tmp_path / "files")
    assert len(origin.find("fashion_mnist", folder)) == 4
    given(folder, anew)
    with pytest.raises(
        SettingError, match=r"is not the file that fashion_mnist is published as; unpacked, or packed anew"
    ):
        origin.find("fashion_mnist", folder)


def test_contents_are_known_of_mnist_and_of_nothing_else():
    sizes = {original.name: original.content_bytes for original in origin.originals("mnist")}
    images, labels = 28 * 28, 1
    assert sizes == {
        "t10k-images-idx3-ubyte.gz": 16 + 10_000 * images,
        "t10k-labels-idx1-ubyte.gz": 8 + 10_000 * labels,
        "train-images-idx3-ubyte.gz": 16 + 60_000 * images,
        "train-labels-idx1-ubyte.gz": 8 + 60_000 * labels,
    }
    assert {original.content_sha256 for original in origin.originals("fashion_mnist")} == {None}


def test_files_are_checked_even_where_the_cache_has_them(gray_cache, published, tmp_path):
    with pytest.raises(SettingError, match="holds 7 bytes"):
        Mnist(files=str(given(tmp_path / "files", lambda content: b"another"))).load()


def test_a_folder_of_the_home_is_found(gray_cache, published, monkeypatch, tmp_path):
    given(tmp_path / "files")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(Mnist(files="~/files").load().train) == 5000


@pytest.fixture
def empty_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(images, "_READ", {})
    return tmp_path / "cache" / "ganexp" / "data"


def test_a_missing_download_is_one_sentence_with_three_ways(empty_cache, monkeypatch):
    import requests

    def refused(*args, **settings):
        raise requests.ConnectionError

    monkeypatch.setattr(requests, "head", refused)
    with pytest.raises(SettingError) as caught:
        Mnist().load()
    for way in ("connect to the network", "dataset.files=FOLDER", "dataset.source=bundled"):
        assert way in str(caught.value)
    assert not empty_cache.exists()


def test_a_server_that_never_answers_is_not_waited_for(empty_cache, monkeypatch):
    import requests

    released = threading.Event()
    monkeypatch.setattr(
        requests, "head", lambda *args, **settings: released.wait(60) and types.SimpleNamespace(ok=True)
    )
    monkeypatch.setattr(origin, "SECONDS", 0.05)
    with pytest.raises(SettingError, match="no answer"):
        Mnist().load()
    released.set()
    for thread in threading.enumerate():
        if thread.name == "asks whether the server is there":
            thread.join()


def full(name, folder, files):
    folder.mkdir()
    (folder / "half").write_bytes(b"half")
    raise OSError(errno.ENOSPC, "No space left on device")


def test_nothing_half_prepared_is_kept(empty_cache, monkeypatch):
    from ganexp.datasets.source import builder

    monkeypatch.setattr(origin, "check_network", lambda name: None)
    monkeypatch.setattr(builder, "prepare", full)
    with pytest.raises(
        SettingError,
        match=r"mnist could not be prepared in .*No space left on device; nothing of it is kept; set XDG_CACHE_HOME",
    ):
        Mnist().load()
    assert list(empty_cache.iterdir()) == []
    # What a killed process left goes; what a living one is at stays.
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for process in (dead.pid, os.getpid()):
        (empty_cache / f".mnist-{process}-x").mkdir()
    with pytest.raises(SettingError, match="No space left on device"):
        Mnist().load()
    assert [path.name for path in empty_cache.iterdir()] == [f".mnist-{os.getpid()}-x"]
    monkeypatch.setattr(cache, "NEEDED", 2**63)
    with pytest.raises(SettingError, match="MB are free"):
        Mnist().load()


def test_without_a_cache_folder_one_is_asked_for(published, monkeypatch, tmp_path):
    monkeypatch.setattr(images, "_READ", {})
    monkeypatch.setattr(cache, "cache_home", lambda: None)
    sentence = "mnist is kept in a cache folder, and you have no home to hold one; set XDG_CACHE_HOME to a folder that"
    for files in (None, str(given(tmp_path / "files"))):
        with pytest.raises(SettingError, match=sentence):
            Mnist(files=files).load()


@pytest.mark.slow  # TFDS encodes and writes 70,000 pictures: 20 to 60 seconds.
@pytest.mark.skipif(not REAL_FILES.is_dir(), reason="the four original files of MNIST are not at hand")
def test_the_real_files_go_through_tfds(empty_cache, tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    # One as it is published, one packed anew, and two unpacked.
    for name, write, rename in zip(CONTENTS, (None, anew, bytes, bytes), (str, str, unpacked, dotted), strict=True):
        content = (REAL_FILES / name).read_bytes()
        (folder / rename(name)).write_bytes(content if write is None else write(gzip.decompress(content)))
    told = []
    data = Mnist(files=str(folder)).load(told.append)
    assert data.train.shape == (60_000, 28, 28)
    assert data.test.shape == (10_000, 28, 28)
    assert told == ["preparing mnist: once, about 20 seconds"]
    np.testing.assert_array_equal((data.train[:5000] > 127) * np.uint8(255), bundled()["train_image"])
    np.testing.assert_array_equal(data.test_label[:1000], bundled()["test_label"])
    assert [path.name for path in empty_cache.iterdir()] == ["mnist"]
    for normalized, expected in ((data.train.mean() / 255, Mnist.MEAN), (data.train.std() / 255, Mnist.STD)):
        assert normalized == pytest.approx(expected, abs=1e-4)
