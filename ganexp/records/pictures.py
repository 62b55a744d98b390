"""Pictures as PNG."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from ganexp.records.atomic import write_atomically


def png_bytes(pixels: UInt8[np.ndarray, "height width 3"]) -> bytes:
    """The picture as a PNG: 8 bits per channel, lossless."""
    buffer = io.BytesIO()
    # Level 6 takes twice as long for a tenth less, and Pillow's `optimize` five times as long for nothing more.
    Image.fromarray(pixels).save(buffer, "png", compress_level=3)
    return buffer.getvalue()


def write_png(path: Path | str, png: bytes) -> None:
    """Replace the picture at `path`, whose folder is made if missing, by the bytes of a PNG."""
    Path(path).parent.mkdir(exist_ok=True)
    # Nothing resumes from a picture: losing one in a power cut costs less than waiting for the disk at each of them.
    write_atomically(Path(path), png, durable=False)
