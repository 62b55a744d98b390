"""Checkpoints come back bit for bit, or are refused in a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from ganexp.checkpoints import Checkpoint, CheckpointError, load, paths, save, settings_of
from ganexp.training import StepHealth
from ganexp.types import Player, TrainState

PLAYERS = ("generator", "discriminator")

SETTINGS = {"dataset": "ring", "dataset.radius": 2.0, "dataset.weights": None, "batch_size": 16, "seed": 2**32 - 1}
ODD = np.array([np.nan, np.inf, -np.inf, -0.0, 1e-45, 3.4e38], np.float32)


def checkpoint(step: int) -> Checkpoint:
    """A small state with every kind of number that a bit-for-bit copy must keep."""
    players = {
        player: Player(
            {"kernel": ODD.reshape(2, 3) + number, "bias": np.zeros(0, np.float32)}, {}, [np.int32(step), ODD]
        )
        for number, player in enumerate(PLAYERS)
    }
    health = StepHealth({player: np.float32(0.1) for player in PLAYERS}, np.int32(0), np.array([True, False] * 3))
    return Checkpoint(TrainState(np.int32(step), players, {"average": ODD}), health, SETTINGS)


def like(of: Checkpoint) -> Any:
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), of[:2])


@pytest.fixture
def saved(tmp_path) -> Path:
    return save(tmp_path, checkpoint(7))


def test_a_checkpoint_comes_back_bit_for_bit(saved):
    before = checkpoint(7)
    after = load(saved, like(before))
    assert jax.tree.structure(after[:2]) == jax.tree.structure(before[:2])
    for old, new in zip(jax.tree.leaves(before[:2]), jax.tree.leaves(after[:2]), strict=True):
        assert (old.dtype, old.shape, old.tobytes()) == (new.dtype, new.shape, new.tobytes())
    assert after.settings == settings_of(saved) == SETTINGS


def test_the_last_three_are_kept_and_come_newest_first(tmp_path):
    for step in (5, 10, 9_999_999_999, 20, 100):
        save(tmp_path, checkpoint(min(step, 2**31 - 1)))
    names = [path.stem for path in paths(tmp_path)]
    assert names == ["2147483647", "0000000100", "0000000020"]
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == sorted(
        f"{name}.ckpt" for name in names
    )


def test_saving_a_step_again_replaces_it(saved):
    changed = checkpoint(7)._replace(settings={"seed": 1})
    assert save(saved.parent.parent, changed) == saved
    assert settings_of(saved) == {"seed": 1}
    assert paths(saved.parent.parent) == [saved]


def test_what_a_kill_leaves_behind_is_no_checkpoint(saved):
    for name in ("0000000009.ckpt.partial", "last.ckpt", "12.ckpt"):
        (saved.parent / name).write_bytes(saved.read_bytes()[:50])
    assert paths(saved.parent.parent) == [saved]
    assert paths(saved.parent / "nowhere") == []


def assert_refused(path: Path, expected: Any) -> None:
    for read in (settings_of, lambda path: load(path, expected)):
        with pytest.raises(CheckpointError, match="truncated or was changed") as refused:
            read(path)
        assert str(path) in str(refused.value)


def test_a_truncated_checkpoint_is_refused(saved):
    content, expected = saved.read_bytes(), like(checkpoint(7))
    lengths = [*range(0, len(content), 97), 1, 20, 21, 51, 52, 53, len(content) - 1]
    for length in lengths:
        saved.write_bytes(content[:length])
        assert_refused(saved, expected)
    saved.write_bytes(content + b"\0")
    assert_refused(saved, expected)
    saved.write_bytes(content)
    load(saved, expected)


def test_a_checkpoint_with_one_changed_byte_is_refused(saved):
    content, expected = saved.read_bytes(), like(checkpoint(7))
    chosen = np.random.default_rng(0).choice(len(content), 150, replace=False).tolist()
    # All of the header: the name of the format and the checksum.
    for place in {*range(60), len(content) - 1, *chosen}:
        for flip in (0x01, 0x80, 0xFF):
            changed = bytearray(content)
            changed[place] ^= flip
            saved.write_bytes(changed)
            assert_refused(saved, expected)


def wrong_with(path: Path) -> CheckpointError | None:
    try:
        settings_of(path)
    except CheckpointError as error:
        return error
    return None


def test_the_damaged_is_told_from_the_whole(tmp_path):
    files = [save(tmp_path, checkpoint(step)) for step in (1, 2, 3)]
    files[2].write_bytes(files[2].read_bytes()[:-1])
    found = [(path, wrong_with(path)) for path in paths(tmp_path)]
    assert [path for path, _ in found] == files[::-1]
    assert [type(error) for _, error in found] == [CheckpointError, type(None), type(None)]


def test_a_checkpoint_of_another_experiment_is_refused_with_the_shapes(saved):
    def bent(change: Any) -> Any:
        return jax.tree.map(change, like(checkpoint(7)))

    for change in (
        lambda leaf: jax.ShapeDtypeStruct((*leaf.shape, 2), leaf.dtype),
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, np.float64),
    ):
        with pytest.raises(CheckpointError, match="where this experiment has"):
            load(saved, bent(change))
    state, health = like(checkpoint(7))
    with pytest.raises(CheckpointError, match="holds 14 arrays where this experiment has 13"):
        load(saved, (state, health._replace(losses={"generator": health.losses["generator"]})))


def test_a_missing_or_unreadable_checkpoint_is_refused(saved):
    for path in (saved.parent / "0000000008.ckpt", saved.parent):
        with pytest.raises(CheckpointError, match="cannot be read"):
            settings_of(path)
