"""What the page shows of a section: texts, numbers and pictures, which its template lays out."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ganexp.report import intervals, table
from ganexp.report.drawing import Figure
from ganexp.report.inline import inlined
from ganexp.report.intervals import Comparison
from ganexp.report.run import SEED, Run, Value
from ganexp.report.settings import is_number, shown_value
from ganexp.report.statistics import Spread
from ganexp.report.summary import Section
from ganexp.report.wall import Cell as Hung
from ganexp.report.wall import Wall
from ganexp.views import offline

MOST_PAIRS, FEW = 200, 24
STAR = "★"


class Head(NamedTuple):
    """A column's name, in parts between which it may be broken, and the kind of its cells."""

    parts: list[str]
    kind: str


class Cell(NamedTuple):
    """A place of a table: its text and a band behind it, what it is sorted by where that is not its text, and its kind."""

    text: str
    band: str = ""
    order: int | float | str | None = None
    kind: str = ""


class Line(NamedTuple):
    """A row of a table; `best` where it is that of the best setting."""

    cells: list[Cell]
    best: bool = False


class Grid(NamedTuple):
    """A table that can be sorted; the first text of `foot` takes `span` columns."""

    heads: list[Head]
    lines: list[Line]
    foot: list[str] = []
    span: int = 1

    @property
    def tall(self) -> bool:
        """Whether it scrolls below its heads."""
        return len(self.lines) > FEW


def contents(
    section: Section,
    drawn: Sequence[Figure],
    compared: Sequence[Comparison],
    hung: Wall | None,
    pictures: Mapping[Path, bytes],
    prefix: str,
) -> dict[str, Any]:
    """Everything the page says of a section; `prefix` is put before the names of its figures' parts."""
    important = ", ".join(f"{key} {share:.0%}" for key, share in section.importance.items()) if section.best else ""
    said = [
        f"{table.verdict(section)}.",
        intervals.runner_up(section, compared),
        f"What explains the ranks of {section.main}: {important}." if important else "",
    ]
    details = [(f"Every run ({len(section.runs)})", _every(section))]
    if 0 < len(compared) <= MOST_PAIRS:
        title = f"Every pair of settings: the difference of the medians of {section.main}, with its 95 % interval"
        details.insert(0, (title, _pairs(section, compared)))
    return {
        "name": section.dataset or table.UNKNOWN,
        "said": [text for text in said if text],
        "notes": section.notes,
        "settings": _settings(section),
        "figures": [
            # Written by a serializer, which escapes every text in it.
            {
                "caption": figure.caption,
                "markup": offline.markup(inlined(figure.svg, figure.caption, f"{prefix}{number}_")),
            }
            for number, figure in enumerate(drawn)
        ],
        "wall": _wall(section, hung, pictures) if hung and pictures else None,
        "details": details,
    }


def _heads(names: Iterable[str], numbers: Iterable[str]) -> list[Head]:
    numeric = set(numbers)
    return [Head(_parts(name) or [STAR], "number" if name in numeric else "") for name in names]


def _parts(name: str) -> list[str]:
    """A long name may be broken between its words only."""
    return re.findall(r"[^._/]+[._/]?|[._/]", name)


def _number(text: str, value: float | None, band: str = "") -> Cell:
    """A cell that is sorted by a number; what is none comes last."""
    return Cell(text, band, "" if value is None or math.isnan(value) else value, "number")


def _setting_cells(values: Iterable[Value]) -> list[Cell]:
    return [Cell(shown_value(value), order=value if is_number(value) else None) for value in values]


def _spread_cell(found: Spread | None) -> Cell:
    if found is None:
        return _number("", None)
    band = f"[{table.number(found.low)}, {table.number(found.high)}]" if found.n > 1 else ""
    return _number(table.number(found.median), found.median, band)


def _settings(section: Section) -> Grid:
    failures = any(row.failures for row in section.rows)
    heads = ["", *section.columns, "n", *section.metrics, *(["not finished"] if failures else [])]
    rows = section.rows if len(section.rows) <= FEW else section.ranking or section.rows
    lines = [
        Line(
            [
                Cell(STAR if row is section.best else ""),
                *_setting_cells(row.setting),
                _number(str(len(row.finished)), len(row.finished)),
                *(_spread_cell(row.spread(tag)) for tag in section.metrics),
                *([Cell(row.failures)] if failures else []),
            ],
            row is section.best,
        )
        for row in rows
    ]
    floors = [section.floor(tag) for tag in section.metrics]
    foot = [table.PERFECT, *("" if floor is None else table.number(floor) for floor in floors), *[""] * failures]
    known = any(floor is not None for floor in floors)
    return Grid(_heads(heads, ["n", *section.metrics]), lines, foot if known else [], len(section.columns) + 2)


def _wall(section: Section, hung: Wall, pictures: Mapping[Path, bytes]) -> dict[str, Any]:
    across, down = _parts(hung.across), _parts(hung.down)

    def shown(cell: Hung | None) -> dict[str, Any] | None:
        if cell is None:
            return None
        png = pictures.get(cell.picture) if cell.picture else None
        return {
            "name": section.name(cell.row),
            "text": cell.text,
            "picture": "" if png is None else offline.picture(png),
            "best": cell.row is section.best,
        }

    return {
        "caption": hung.caption,
        "columns": [(across, shown_value(value) or "none") for value in hung.columns],
        "rows": [
            ((down, shown_value(value) or "none"), [shown(hung.cells.get((column, value))) for column in hung.columns])
            for value in hung.rows
        ],
    }


def _pairs(section: Section, compared: Sequence[Comparison]) -> Grid:
    heads = ["better", "n", "worse", "n of the worse", "difference", "low", "high", "verdict"]

    def line(pair: Comparison) -> Line:
        names = [Cell(section.name(row), kind="long") for row in (pair.first, pair.second)]
        counts = [_number(str(count), count) for count in pair.counts]
        numbers = [_number(table.number(value), value) for value in pair.interval]
        return Line([names[0], counts[0], names[1], counts[1], *numbers, Cell(pair.verdict)])

    return Grid(_heads(heads, [heads[1], *heads[3:7]]), [line(pair) for pair in compared])


def _every(section: Section) -> Grid:
    def line(run: Run) -> Line:
        scores = [run.final.get(tag) for tag in section.metrics]
        ended = f"{run.state}{f': {run.reason}' if run.reason else ''}"
        return Line(
            [
                Cell(run.name, kind="long"),
                *_setting_cells(run.value(key) for key in (*section.columns, SEED)),
                *(_number("" if score is None else table.number(score), score) for score in scores),
                Cell(ended, kind="long"),
            ]
        )

    heads = ["run", *section.columns, SEED, *section.metrics, "ended"]
    return Grid(_heads(heads, section.metrics), [line(run) for run in section.runs])
