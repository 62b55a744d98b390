"""Checkpoints: one file each, with a checksum, replaced whole; the last three are kept."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import msgpack
import numpy as np

from ganexp.records.atomic import write_atomically
from ganexp.training import StepHealth
from ganexp.types import TrainState

MAGIC = b"ganexp checkpoint 1\n"
KEPT = 3
FOLDER = "checkpoints"


class CheckpointError(ValueError):
    """A file that is not a whole checkpoint, or not one of this experiment."""


class Checkpoint(NamedTuple):
    """The state at a step, the health of that step, and the settings that made them."""

    state: TrainState
    health: StepHealth
    settings: dict[str, Any]


def save(folder: Path, checkpoint: Checkpoint, step: int | None = None) -> Path:
    """Write the checkpoint to `folder`/checkpoints/STEP.ckpt, and remove all but the last three.

    `step` names that of several runs in one checkpoint; otherwise it is the state's.
    """
    arrays = [_packed(leaf) for leaf in jax.tree.leaves((checkpoint.state, checkpoint.health))]
    content = msgpack.packb({"settings": checkpoint.settings, "arrays": arrays})
    path = folder / FOLDER / f"{int(checkpoint.state.step) if step is None else step:010d}.ckpt"
    path.parent.mkdir(exist_ok=True)
    write_atomically(path, MAGIC + hashlib.sha256(content).digest() + content, durable=True)
    for old in paths(folder)[KEPT:]:
        old.unlink(missing_ok=True)
    return path


def paths(folder: Path) -> list[Path]:
    """The checkpoints of a run, newest first."""
    found = (folder / FOLDER).glob("*.ckpt")
    return sorted((path for path in found if re.fullmatch(r"\d{10}", path.stem)), reverse=True)


def load(path: Path, like: tuple[TrainState, StepHealth]) -> Checkpoint:
    """The checkpoint in the file `path`, of a state and health shaped as `like`; raises CheckpointError."""
    settings, arrays = _read(path)
    leaves, structure = jax.tree.flatten(like)
    if len(leaves) != len(arrays):
        raise CheckpointError(f"{path} holds {len(arrays)} arrays where this experiment has {len(leaves)}")
    restored = []
    for leaf, array in zip(leaves, arrays, strict=True):
        wanted = jax.eval_shape(jax.random.key_data, leaf) if _is_key(leaf) else leaf
        if wanted.shape != array.shape or wanted.dtype != array.dtype:
            raise CheckpointError(
                f"{path} holds an array of shape {array.shape} and type {array.dtype} "
                f"where this experiment has {wanted.shape} and {wanted.dtype}"
            )
        restored.append(jax.random.wrap_key_data(jnp.asarray(array)) if _is_key(leaf) else array)
    state, health = jax.tree.unflatten(structure, restored)
    if np.max(state.step) != int(path.stem):
        raise CheckpointError(f"{path} holds the state at step {np.max(state.step)}, which is not that of its name")
    return Checkpoint(state, health, settings)


def settings_of(path: Path) -> dict[str, Any]:
    """The settings that made the checkpoint in the file `path`; raises CheckpointError."""
    return _read(path)[0]


def _read(path: Path) -> tuple[dict[str, Any], list[np.ndarray]]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    head = len(MAGIC) + hashlib.sha256().digest_size
    digest, body = content[len(MAGIC) : head], content[head:]
    if not content.startswith(MAGIC) or hashlib.sha256(body).digest() != digest:
        raise CheckpointError(f"{path} is truncated or was changed: its checksum does not match")
    try:
        unpacked = msgpack.unpackb(body)
        return dict(unpacked["settings"]), [_unpacked(packed) for packed in unpacked["arrays"]]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        # Whole, and somebody else's.
        raise CheckpointError(f"{path} does not hold what ganexp saves ({type(error).__name__})") from None


def _is_key(leaf: Any) -> bool:
    return bool(jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key))


def _packed(leaf: Any) -> tuple[str, list[int], bytes]:
    # A noisy optimizer keeps a key in its state.
    array = np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf)
    return array.dtype.str, list(array.shape), array.tobytes()


def _unpacked(packed: list[Any]) -> np.ndarray:
    kind, shape, content = packed
    if not re.fullmatch(r"[<|][biuf]\d\d?", kind):
        raise ValueError(kind)
    return np.frombuffer(content, np.dtype(kind)).reshape(shape)
