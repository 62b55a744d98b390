"""Pictures as PNG."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from ganexp.records.atomic import write_atomically


def png_bytes(pixels: UInt8[np.ndarray, "height width 3"]) -> bytes:
    """The picture as a PNG: 8 bits per channel, lossless, compressed as far as Pillow can."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png", optimize=True)
    return buffer.getvalue()


def write_png(path: Path | str, pixels: UInt8[np.ndarray, "height width 3"]) -> None:
    """Replace the picture at `path`, whose folder is made if missing."""
    # Nothing resumes from a picture: losing one in a power cut costs less than waiting for the disk at each of them.
    write_atomically(Path(path), png_bytes(pixels), durable=False)
