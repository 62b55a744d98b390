"""The slice of binarized MNIST that ships with the package: 5,000 training and 1,000 test digits."""

from __future__ import annotations

import io
from importlib.resources import files
from typing import Any

import numpy as np

NAME = "bundled.npz"


def bundled() -> dict[str, np.ndarray]:
    """`train_image`, `train_label`, `test_image`, `test_label`, uint8; pixels are 0 or 255."""
    content = (files("ganexp.datasets.source") / NAME).read_bytes()
    with np.load(io.BytesIO(content), allow_pickle=False) as packed:
        return {
            name: 255 * np.unpackbits(packed[name], axis=1).reshape(-1, 28, 28)
            if name.endswith("image")
            else packed[name]
            for name in packed.files
        }


def pack(arrays: dict[str, np.ndarray], train: int = 5000, test: int = 1000) -> bytes:
    """The first images of each split, binarized at 0.5 and packed to bits, as the content of the bundled file."""
    lengths = {"train": train, "test": test}
    packed: dict[str, Any] = {}
    for name, array in arrays.items():
        few = array[: lengths[name.partition("_")[0]]]
        packed[name] = np.packbits(few.reshape(len(few), -1) > 127, axis=1) if name.endswith("image") else few
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **packed)
    return buffer.getvalue()
