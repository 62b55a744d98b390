"""The file of frames: what goes in comes out, a kill costs the last frame at most, and damage is a sentence."""

from __future__ import annotations

import struct
import zlib

import msgpack
import numpy as np
import pytest

from ganexp.observe.view import Frame
from ganexp.records.documents import DocumentError
from ganexp.records.frames import FrameFile, index, read

ARRAYS = {
    "floats": np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32),
    "doubles": np.array([np.nan, np.inf, -0.0, 1e-310]),
    "pixels": np.arange(48, dtype=np.uint8).reshape(3, 4, 4, 1),
    "missing": np.eye(3, dtype=bool),
    "steps": np.array([-1, 2**40]),
    "none": np.empty((0, 2), np.float32),
    "one": np.asarray(0.25),
}


def frames_of(path, view):
    return read(path, [entry for entry in index(path) if entry.view == view])


def assert_equal(one, other):
    assert one.keys() == other.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name])
        assert (array.dtype, array.shape) == (other[name].dtype, other[name].shape)


def written(path, steps=(0, 5, 10), begin=0, batches=False):
    """A file of two views, of which one has an array that never changes."""
    file = FrameFile(path, begin, batches)
    for step in steps:
        file.append("samples", Frame(step, {"real": ARRAYS["floats"], "fake": ARRAYS["floats"] * (step + 1)}))
        file.append("modes", Frame(step, {"shares": np.array([step / 10, 1 - step / 10])}))
    file.close()
    return path


def test_arrays_come_back_with_their_shapes_types_and_bits(tmp_path):
    file = FrameFile(tmp_path / "frames.bin", 0, False)
    file.append("all", Frame(7, ARRAYS))
    (frame,) = file.frames("all")
    file.close()
    assert frame.step == 7
    assert_equal(frame.arrays, ARRAYS)
    assert np.signbit(frame.arrays["doubles"][2])


def test_the_index_is_in_order_and_knows_steps_and_views(tmp_path):
    path = written(tmp_path / "frames.bin")
    assert [(entry.step, entry.view) for entry in index(path)] == [
        (step, view) for step in (0, 5, 10) for view in ("samples", "modes")
    ]
    assert [frame.step for frame in frames_of(path, "samples")] == [0, 5, 10]
    assert_equal(frames_of(path, "samples")[1].arrays, {"real": ARRAYS["floats"], "fake": ARRAYS["floats"] * 6})


def test_what_does_not_change_is_stored_once(tmp_path):
    path = written(tmp_path / "frames.bin")
    lengths = [entry.length for entry in index(path) if entry.view == "samples"]
    assert lengths[1] < 0.6 * lengths[0]
    assert_equal(frames_of(path, "samples")[2].arrays, {"real": ARRAYS["floats"], "fake": ARRAYS["floats"] * 11})


def test_a_torn_end_costs_one_frame_wherever_it_is_torn(tmp_path):
    whole = written(tmp_path / "whole.bin")
    content, entries = whole.read_bytes(), index(whole)
    path = tmp_path / "frames.bin"
    for length in range(entries[-2].place, len(content)):
        path.write_bytes(content[:length])
        kept = [entry for entry in entries if entry.end <= length]
        assert index(path) == kept
        # What goes on there is what would have been written without a tear.
        file = FrameFile(path, 10, False)
        assert file.lost is None
        assert path.read_bytes() == content[: entries[-2].place]
        file.close()
        written(path, steps=(10,), begin=10)
        assert path.read_bytes() == content


@pytest.mark.parametrize("begin", [0, 5, 7, 10, 11])
def test_a_resumed_file_is_the_uninterrupted_one(tmp_path, begin):
    whole = written(tmp_path / "whole.bin").read_bytes()
    path = written(tmp_path / "frames.bin")
    written(path, steps=[step for step in (0, 5, 10) if step >= begin], begin=begin)
    assert path.read_bytes() == whole


def test_batches_make_the_same_file_and_are_read_before_they_are_full(tmp_path):
    alone = written(tmp_path / "alone.bin").read_bytes()
    path = written(tmp_path / "frames.bin", batches=True)
    assert path.read_bytes() == alone
    file = FrameFile(path, 20, True)
    file.append("samples", Frame(20, {"real": ARRAYS["floats"]}))
    assert file.frames("samples")[-1].step == 20
    assert file.last("samples") == 20
    assert file.last("modes") == 10
    assert file.last("strip") is None
    file.close()


def test_nothing_is_made_where_nothing_is_recorded(tmp_path):
    FrameFile(tmp_path / "frames.bin", 0, False).close()
    assert not (tmp_path / "frames.bin").exists()
    written(tmp_path / "frames.bin")
    FrameFile(tmp_path / "frames.bin", 0, False).close()
    assert not (tmp_path / "frames.bin").exists(), "a run that begins anew has no frames of another"


def test_every_changed_byte_is_noticed_or_is_a_tear(tmp_path):
    whole = written(tmp_path / "whole.bin", steps=(0, 5))
    content, entries = whole.read_bytes(), index(whole)
    frames = read(whole, entries)
    path = tmp_path / "frames.bin"
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x40]) + content[place + 1 :])
        try:
            kept = index(path)
            found = read(path, kept)
        except DocumentError as error:
            assert str(error).startswith(f"{path} is ")
            assert "\n" not in str(error)
            continue
        # A length that grew beyond the end is a tear; whatever is read is what was written.
        assert len(kept) < len(entries)
        for one, other in zip(found, frames, strict=False):
            assert one.step == other.step
            assert_equal(one.arrays, other.arrays)


def test_what_follows_damage_is_forgotten_with_a_word(tmp_path):
    path = written(tmp_path / "frames.bin")
    content, entries = path.read_bytes(), index(path)
    path.write_bytes(content[: entries[2].body] + b"\0" + content[entries[2].body + 1 :])
    file = FrameFile(path, 20, False)
    assert file.lost is not None
    assert "samples at step 5" in file.lost
    assert path.read_bytes() == content[: entries[2].place]
    assert FrameFile(tmp_path / "frames.bin", 20, False).lost is None


@pytest.mark.parametrize("content", [b"", b"ganexp frames 2\n", b"\0" * 100])
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "frames.bin"
    path.write_bytes(content)
    with pytest.raises(DocumentError, match=r"frames\.bin is no file of frames"):
        index(path)


def test_a_hostile_frame_takes_no_memory_and_runs_no_code(tmp_path):
    for part in (
        ["<f8", [2**40], zlib.compress(b"\0")],
        ["|O8", [1], zlib.compress(b"\0" * 8)],
        ["<f4", [-1, -1], zlib.compress(b"\0" * 4)],
        ["<f4", [2], zlib.compress(b"\0" * 2**20)],
        ["<f4", ["2"], b""],
        10**6,
        -1,
        16,
        None,
        {"a": 1},
    ):
        body, name = msgpack.packb({"x": part}), b"samples"
        head = struct.pack("<qIIH", 0, len(body), zlib.crc32(body), len(name))
        path = tmp_path / "frames.bin"
        path.write_bytes(b"ganexp frames 1\n" + head + name + struct.pack("<I", zlib.crc32(head + name)) + body)
        with pytest.raises(DocumentError, match="its frame of samples at step 0 was changed"):
            read(path, index(path))
