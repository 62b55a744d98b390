"""The classifier's weights as a file of plain 16-bit arrays, and those that come with ganexp."""

from __future__ import annotations

import functools
import hashlib
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jaxtyping import Float, PyTree

from ganexp.component import SettingError
from ganexp.nets.classifier import classifier

if TYPE_CHECKING:
    Weights = Any
else:
    Weights = PyTree[Float[np.ndarray, "..."]]

PLACE = Path(__file__).parent
# Of the files beside this one, by kind of image; shipped.json says how they were made.
SHA256 = {
    "gray": "dbac9577defe2087652bb3d7ccaf3abf3d483ea292315db6f74094e318d8431e",
    "binarized": "fa0505f6036873a4767f6b5490694a6faad80fccfcd4c411c324a6eda1a55456",
}


def digest(content: bytes) -> str:
    """The SHA-256 checksum, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def pack(params: Weights) -> bytes:
    """The weights, rounded to 16 bits, as a NumPy archive; equal weights make equal bytes."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(params)
    arrays: dict[str, Any] = {_name(path): np.asarray(leaf, np.float16) for path, leaf in leaves}
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return file.getvalue()


def unpack(content: bytes) -> Weights:
    """The weights that `pack` packed, as 32-bit NumPy arrays."""
    like = jax.eval_shape(lambda: classifier().init(jax.random.key(0)))[0]
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return jax.tree_util.tree_map_with_path(lambda path, _: arrays[_name(path)].astype(np.float32), like)


def _name(path: tuple[object, ...]) -> str:
    return jax.tree_util.keystr(path, simple=True, separator=".")


@functools.cache
def shipped(kind: str) -> Weights:
    """The weights that come with ganexp for `gray` or `binarized` images; raises SettingError where the file is damaged."""
    path, expected = PLACE / f"{kind}.npz", SHA256[kind]
    content = path.read_bytes()
    if digest(content) != expected:
        raise SettingError("", f"{path} is damaged: its checksum does not match; install ganexp anew")
    return unpack(content)
