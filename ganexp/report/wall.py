"""The picture wall: the last picture of each setting, on the two most important swept settings."""

from __future__ import annotations

import io
import os
import re
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ganexp.records.documents import inside, printable, read_bytes
from ganexp.report.run import Run, Value
from ganexp.report.settings import shown_value
from ganexp.report.slices import best_at, others_at_best
from ganexp.report.summary import Row, Section
from ganexp.report.table import number
from ganexp.views.canvas import Pixels
from ganexp.views.sheet import Sheet

MOST = 12
SIDE = 240
LONGEST_TEXT = 38
GAP, LINE, LABELS = 6, 15, 150
PREFERRED = "samples"
PICTURE = re.compile(r"(?P<kind>.+)_(?P<step>\d+)\.png", re.ASCII)
# A hundred megabytes in memory.
MOST_PIXELS = 2**25
NONE: Value = ""


class Cell(NamedTuple):
    """A place of the wall: its row, the run shown, that run's picture, and what is said below it or in its place."""

    row: Row
    run: Run | None
    picture: Path | None
    text: str


Cells = dict[tuple[Value, Value], Cell]


class Wall(NamedTuple):
    """Cells by their values of `across` and `down`, each the name of a setting or nothing; `caption` says what is shown."""

    across: str
    down: str
    columns: list[Value]
    rows: list[Value]
    cells: Cells
    caption: str


def wall(section: Section) -> Wall | None:
    """The wall of a section: in each place the median run of its best setting; None where no run left a picture."""
    # Pictures are wider than names: the longer side goes down.
    axes = sorted(list(section.importance or section.columns)[:2], key=lambda key: len(section.values(key)))
    across, down = [*[""] * (2 - len(axes)), *axes]
    places = {key: section.values(key) if key else [NONE] for key in (across, down)}
    columns, rows = _some(places[across]), _some(places[down])
    found = {_place(key): row for key, row in best_at(section, *axes).items()}
    shown = {place: row for place, row in found.items() if place[0] in columns and place[1] in rows}
    said = f", that of the run with the median {section.main}" if section.main else ""
    if 2 * len(shown) < len(columns) * len(rows):
        # Settings that were drawn at random lie on no grid.
        best = (section.ranking or section.rows)[:MOST]
        cells: Cells = {
            (index, NONE): _cell(section, row, section.name(row)) for index, row in enumerate(best, start=1)
        }
        caption = f"The last picture of each of the {len(best)} best settings{said}."
        hung = Wall("rank", "", [index for index, _ in cells], [NONE], cells, caption)
    else:
        every = len(places[across]) * len(places[down])
        spread = (
            f"; {len(columns) * len(rows)} of {every} places, evenly spread" if len(columns) * len(rows) < every else ""
        )
        caption = f"The last picture of each setting{said}{others_at_best(section, *axes)}{spread}."
        hung = Wall(across, down, columns, rows, {place: _cell(section, row) for place, row in shown.items()}, caption)
    return hung if any(cell.picture for cell in hung.cells.values()) else None


def _place(values: tuple[Value, ...]) -> tuple[Value, Value]:
    across, down = [*[NONE] * (2 - len(values)), *values]
    return across, down


def _some(values: list[Value]) -> list[Value]:
    if len(values) <= MOST:
        return values
    return [values[place] for place in np.linspace(0, len(values) - 1, MOST).round().astype(int)]


def _cell(section: Section, row: Row, name: str = "") -> Cell:
    run = row.typical(section.main) if section.main else next(iter(row.finished), None)
    scored = run is not None
    # A run that diverged has pictures too.
    run = run or next((run for run in row.runs if _last_picture(run)), None)
    picture = _last_picture(run) if run else None
    score = ""
    if run is not None and scored:
        score = f"{section.main} {number(run.final[section.main])}, " if section.main else ""
        score += f"seed {shown_value(run.seed)}"
    return Cell(
        row, run, picture, ", ".join(filter(None, [name, score, row.failures, "" if picture else "no picture"]))
    )


def _last_picture(run: Run) -> Path | None:
    """The picture of samples with the highest step, or any other kind's."""
    images = None if run.folder is None else inside(run.folder, "images")
    try:
        names = [] if images is None else os.listdir(images)
    except OSError:
        return None
    found = [match for name in names if (match := PICTURE.fullmatch(name))]
    found.sort(key=lambda match: (match["kind"] == PREFERRED, match["step"], match["kind"]), reverse=True)
    paths = (None if images is None else inside(images, match[0]) for match in found)
    return next((path for path in paths if path is not None), None)


def small(path: Path) -> bytes | None:
    """The picture as a PNG that is at most 240 pixels wide, in 64 colors; None where it cannot be read."""
    from PIL import Image

    try:
        # Pillow warns of pictures of very many pixels, and refuses those of even more.
        with (
            warnings.catch_warnings(action="error", category=Image.DecompressionBombWarning),
            Image.open(io.BytesIO(read_bytes(path)), formats=["PNG"]) as image,
        ):
            if image.width * image.height > MOST_PIXELS:
                return None
            shrunk = image.convert("RGB")
            shrunk.thumbnail((SIDE, 2 * SIDE), Image.Resampling.LANCZOS)
    except Exception:
        # What decoders raise for damaged pictures is not documented.
        return None
    buffer = io.BytesIO()
    shrunk.quantize(64, dither=Image.Dither.NONE).save(buffer, "png", optimize=True)
    return buffer.getvalue()


def sheet(shown: Wall, pictures: dict[Path, bytes]) -> Pixels:
    """The wall as one picture; `pictures` has the small ones."""
    from PIL import Image

    arrays = {path: np.asarray(Image.open(io.BytesIO(png)).convert("RGB")) for path, png in pictures.items()}
    height = max((array.shape[0] for array in arrays.values()), default=SIDE)
    tall = height + LINE + GAP
    size = LABELS + len(shown.columns) * (SIDE + GAP), LINE + len(shown.rows) * tall
    page = Sheet(*size, printable(shown.caption.rstrip(".")))
    for column, across in enumerate(shown.columns):
        left = LABELS + column * (SIDE + GAP)
        named = printable(f"{shown.across}={shown_value(across)}", LONGEST_TEXT) if shown.across else ""
        page.write(named, (left + SIDE // 2, LINE // 2), "mm")
        for index, down in enumerate(shown.rows):
            top = LINE + index * tall
            if column == 0 and shown.down:
                label = [*re.findall(r"[^.]+\.?", shown.down), f"= {shown_value(down) or 'none'}"]
                for line, text in enumerate(label):
                    page.write(
                        printable(text, LONGEST_TEXT),
                        (0, top + height // 2 + LINE * line - LINE * len(label) // 2),
                        "lm",
                    )
            cell = shown.cells.get((across, down))
            if cell is None:
                continue
            picture = None if cell.picture is None else arrays.get(cell.picture)
            if picture is not None:
                page.paste(picture, (left, top))
            page.write(
                printable(cell.text, LONGEST_TEXT + 1),
                (left, top + (height if picture is not None else height // 2) + LINE // 2),
                "lm",
            )
    return page.pixels()
