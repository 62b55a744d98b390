"""Pictures of images: samples in a grid, a row of them for each epoch, and the way from one noise vector to another."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from ganexp.types import WHITE
from ganexp.views.canvas import FAKE, REAL, Pixels
from ganexp.views.sheet import Sheet, outside_share, shades, tile

SCALE, GAP = 2, 2
APART = 12
NUMBERS_WIDTH, NUMBERS_HEIGHT = 38, 16


def stored(images: Float[np.ndarray, "*n h w c"]) -> dict[str, Any]:
    """Images in [0, 1] as they are recorded: `pixels` from 0 to 255, the share of intensities `outside` of the range, which are
    clipped, and, where there are some, which are `missing`, because they are not finite."""
    missing = ~np.isfinite(images)
    pixels = np.floor(WHITE * np.clip(np.nan_to_num(images), 0, 1) + 0.5).astype(np.uint8)
    found = {"pixels": pixels, "outside": np.asarray(outside_share(images))}
    return found | ({"missing": missing} if missing.any() else {})


def restored(arrays: dict[str, Any]) -> tuple[Float[np.ndarray, "*n h w c"], float]:
    """What `stored` stored: the images, NaN where intensities are missing, and the share of those outside of the range."""
    images = arrays["pixels"].astype(np.float32) / WHITE
    if "missing" in arrays:
        images[arrays["missing"]] = np.nan
    return images, float(arrays.get("outside", 0.0))


def grid(
    images: Float[np.ndarray, "n h w c"],
    columns: int,
    title: str,
    nearest: Float[np.ndarray, "rows h w c"] | None = None,
    outside: float | None = None,
) -> Pixels:
    """Images in [0, 1] in rows of `columns`; `nearest` are the training images closest to the last sample of each row,
    in a framed column of their own. `outside` is the share of intensities that were clipped; None: it is counted. Raises ValueError
    where there is not one of `nearest` for each row."""
    count = len(images)
    rows = -(-count // columns)
    cells, note = shades(images, outside)
    cells = np.concatenate([cells, np.full((rows * columns - count, *cells.shape[1:]), 255, np.uint8)])
    block = tile(cells.reshape(rows, columns, *cells.shape[1:]), SCALE, GAP)
    height, width = block.shape[:2]
    if nearest is None:
        sheet = Sheet(width, height, title, note)
    else:
        if len(nearest) != rows:
            raise ValueError(f"{count} images in rows of {columns} need {rows} nearest images, not {len(nearest)}")
        beside = tile(shades(nearest)[0][:, None], SCALE, GAP)
        left, side = width + APART, (beside.shape[1], images.shape[1] * SCALE)
        sheet = Sheet(left + side[0] + GAP, height, title, note, ("nearest training image", REAL))
        sheet.paste(beside, (left, 0))
        for row in range(rows):
            sheet.frame((left, row * (side[1] + GAP)), *side, REAL, GAP)
    sheet.paste(block, (0, 0))
    return sheet.pixels()


def strip(images: Float[np.ndarray, "rows n h w c"], epochs: Integer[np.ndarray, " rows"], title: str) -> Pixels:
    """A row of n samples in [0, 1] for each epoch, the first of them on top, with its number at the left."""
    cells, note = shades(images)
    block = tile(cells, SCALE, GAP)
    sheet = Sheet(NUMBERS_WIDTH + block.shape[1], NUMBERS_HEIGHT + block.shape[0], title, note)
    sheet.write("epoch", (NUMBERS_WIDTH - 6, NUMBERS_HEIGHT - 6), "rs")
    sheet.paste(block, (NUMBERS_WIDTH, NUMBERS_HEIGHT))
    side = images.shape[2] * SCALE
    for row, epoch in enumerate(epochs):
        middle = NUMBERS_HEIGHT + row * (side + GAP) + side // 2
        sheet.write(f"{int(epoch):,}", (NUMBERS_WIDTH - 6, middle), "rm")
    return sheet.pixels()


def interpolation(images: Float[np.ndarray, "rows steps h w c"], title: str, outside: float | None = None) -> Pixels:
    """What is generated in [0, 1] on the way from one noise vector (left) to another (right), a pair in each row; the two
    ends are framed. `outside` as for a grid."""
    rows, steps, tall, wide = images.shape[:4]
    cells, note = shades(images, outside)
    ends = tile(cells[:, :1], SCALE, GAP), tile(cells[:, -1:], SCALE, GAP)
    between = tile(cells[:, 1:-1], SCALE, GAP)
    tall, wide = tall * SCALE, wide * SCALE
    right = GAP + wide + APART + (between.shape[1] + APART if steps > 2 else 0)
    sheet = Sheet(right + wide + GAP, len(between) + GAP, title, note, ("two noise vectors", FAKE))
    sheet.paste(between, (GAP + wide + APART, 0))
    for left, block in zip((GAP, right), ends, strict=True):
        sheet.paste(block, (left, 0))
        for row in range(rows):
            sheet.frame((left, row * (tall + GAP)), wide, tall, FAKE, GAP)
    return sheet.pixels()
