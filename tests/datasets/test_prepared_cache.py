"""The bundled slice, and the cache of prepared arrays: what cannot be used is said to be so."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ganexp.component import SettingError
from ganexp.datasets import Mnist, StackedMnist
from ganexp.datasets.source import bundled, cache


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
