"""Spot the fake: a grid of real and generated images as pictures, and as a page to play in any browser, offline."""

from __future__ import annotations

import base64
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from ganexp.records.documents import printable
from ganexp.records.pictures import png_bytes
from ganexp.views.canvas import FAKE, Pixels
from ganexp.views.offline import page, picture
from ganexp.views.sheet import Sheet, shades, tile

SIDE = 6
CELLS = SIDE * SIDE
FAKE_SHARE = 1 / 3
ROW_NAMES = "ABCDEF"

SCALE, GAP, FRAME = 3, 8, 3
NAMES = 18
MARK = 9


class Questions(NamedTuple):
    """What is asked: 36 images in [0, 1], row by row of six, and which of them are fake."""

    images: Float[np.ndarray, "36 h w c"]
    truth: Bool[np.ndarray, " 36"]


def questions(seed: int, real: Float[np.ndarray, "n h w c"], fake: Float[np.ndarray, "m h w c"]) -> Questions:
    """36 cells, each fake with probability 1/3, with images from two pools, none of them twice; the seed decides all.

    Raises ValueError for a pool of fewer than 36 images.
    """
    for name, pool in (("real", real), ("generated", fake)):
        if len(pool) < CELLS:
            raise ValueError(f"{len(pool)} {name} images are too few: a quiz may need {CELLS} of them")
    generator = np.random.default_rng(seed)
    truth = generator.random(CELLS) < FAKE_SHARE
    chosen = [pool[generator.choice(len(pool), CELLS, replace=False)] for pool in (real, fake)]
    return Questions(np.where(truth[:, None, None, None], chosen[1], chosen[0]), truth)


def quiz_pictures(asked: Questions, title: str) -> tuple[Pixels, Pixels]:
    """The grid as it is asked, and with its answers: fakes framed and crossed."""
    cells, note = shades(asked.images)
    block = tile(cells.reshape(SIDE, SIDE, *cells.shape[1:]), SCALE, GAP)
    height, width = (SCALE * size for size in cells.shape[1:3])
    count = int(asked.truth.sum())
    pictures = []
    for answered in (False, True):
        told = f"{count} of {CELLS} are fake" if answered else "about a third are fake"
        legend = ("fake", FAKE) if answered else None
        size = NAMES + block.shape[1] + FRAME, NAMES + block.shape[0] + FRAME
        sheet = Sheet(*size, title, ", ".join(filter(None, [told, note])), legend)
        sheet.paste(block, (NAMES, NAMES))
        for place in range(SIDE):
            sheet.write(str(place + 1), (NAMES + place * (width + GAP) + width // 2, NAMES - 9), "mm")
            sheet.write(ROW_NAMES[place], (5, NAMES + place * (height + GAP) + height // 2), "mm")
        for cell in np.flatnonzero(asked.truth) if answered else ():
            row, column = divmod(int(cell), SIDE)
            left, top = NAMES + column * (width + GAP), NAMES + row * (height + GAP)
            sheet.frame((left, top), width, height, FAKE, FRAME)
            sheet.cross((left + width - 3, top + 3), MARK, FAKE)
        pictures.append(sheet.pixels())
    return pictures[0], pictures[1]


def quiz_page(asked: Questions, title: str, seed: int, run: str) -> str:
    """The quiz as one HTML page that loads nothing; `run` and `seed` are named in it. The answers are in it, not legibly."""
    cells, _ = shades(asked.images)
    colors = np.broadcast_to(cells, (*cells.shape[:-1], 3))
    rows = colors.reshape(SIDE, SIDE, *colors.shape[1:])
    return page(
        "views/quiz.html",
        {
            "title": title,
            "run": printable(run),
            "seed": seed,
            "kind": "gray" if cells.shape[-1] == 1 else "color",
            "columns": range(1, SIDE + 1),
            "rows": [
                (name, [picture(png_bytes(image)) for image in row]) for name, row in zip(ROW_NAMES, rows, strict=True)
            ],
            "key": base64.b64encode(np.packbits(asked.truth).tobytes()).decode(),
        },
    )
