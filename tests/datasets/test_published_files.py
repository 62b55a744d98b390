"""Files that somebody has, or that are downloaded: known by what they hold, or refused in a sentence."""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import types

import numpy as np
import pytest
from original_files import MNIST

from ganexp.component import SettingError
from ganexp.datasets import Mnist, images
from ganexp.datasets.source import bundled, cache, origin

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
    monkeypatch.setattr(shutil, "disk_usage", lambda path: types.SimpleNamespace(free=10**6))
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
@pytest.mark.skipif(not MNIST.is_dir(), reason="the four original files of MNIST are not at hand")
def test_the_real_files_go_through_tfds(empty_cache, tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    # One as it is published, one packed anew, and two unpacked.
    for name, write, rename in zip(CONTENTS, (None, anew, bytes, bytes), (str, str, unpacked, dotted), strict=True):
        content = (MNIST / name).read_bytes()
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
