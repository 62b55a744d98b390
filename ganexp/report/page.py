"""The folder `report/`: the table, the figures and the wall as files, and one page with all of it that loads nothing."""

from __future__ import annotations

import base64
import html
import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ganexp.records.atomic import write_atomically
from ganexp.records.pictures import png_bytes
from ganexp.report import intervals, table
from ganexp.report.drawing import FAINT, INK, PAPER, QUIET, SERIES, Figure
from ganexp.report.figures import figures
from ganexp.report.intervals import Compared
from ganexp.report.runs import SEED, Run
from ganexp.report.settings import is_number, shown_value
from ganexp.report.statistics import Spread
from ganexp.report.summary import Row, Section, Summary
from ganexp.report.wall import Wall, sheet, small, wall
from ganexp.views.offline import filled

PAGE_NAME = "report.html"
DARK = ("#56b4e9", "#f0945a", "#35c79b", "#dc9bc8", "#d8c95a", "#9fd4f2", "#c99a6b", "#aeaed0")
VARIABLES = {INK: "--ink", QUIET: "--quiet", FAINT: "--faint", PAPER: "--page"} | {
    colour: f"--series-{index}" for index, colour in enumerate(SERIES)
}
MOST_PAIRS = 200
FEW = 24


def write(summary: Summary, folder: Path) -> Path:
    """Leave the report in `folder`, where files of the same names are replaced; the path of its page. Raises OSError."""
    several = len(summary.sections) > 1
    files: dict[str, bytes] = {
        "table.csv": table.comma_separated(summary).encode(),
        "table.md": table.markdown(summary).encode(),
    }
    parts = []
    for section in summary.sections:
        prefix = f"{re.sub(r'[^A-Za-z0-9_]+', '_', section.dataset) or 'unknown'}_" if several else ""
        compared = intervals.compare(section)
        drawn = figures(section, compared)
        hung = wall(section)
        pictures = _pictures(hung) if hung else {}
        files |= {f"{prefix}{figure.name}.png": figure.png for figure in drawn}
        if compared:
            files[f"{prefix}intervals.csv"] = intervals.comma_separated(section, compared).encode()
        if hung and pictures:
            files[f"{prefix}wall.png"] = png_bytes(sheet(hung, pictures))
        parts.append(_section(section, several, drawn, compared, hung, pictures, prefix))
    files[PAGE_NAME] = _page(summary, parts).encode()
    for name, content in files.items():
        write_atomically(folder / name, content, durable=False)
    return folder / PAGE_NAME


def _pictures(hung: Wall) -> dict[Path, bytes]:
    paths = {cell.picture for cell in hung.cells.values() if cell.picture is not None}
    return {path: png for path in sorted(paths) if (png := small(path)) is not None}


def _page(summary: Summary, sections: Iterable[str]) -> str:
    runs = [run for section in summary.sections for run in section.runs]
    versions, devices = ({getattr(run, name) for run in runs} - {""} for name in ("versions", "device"))
    origin = [
        f"Versions: {'; '.join(sorted(versions)) or 'not known'}",
        f"Device: {'; '.join(sorted(devices)) or 'not known'}",
    ]
    names = ", ".join(str(folder) for folder in summary.folders)
    parts: dict[str, Any] = {
        "title": html.escape(f"Report on {', '.join(folder.resolve().name for folder in summary.folders)}"),
        "folders": html.escape(names),
        "notes": _notes(summary.notes),
        "sections": "\n".join(sections),
        "origin": "".join(f'<p class="quiet">{html.escape(text)}.</p>' for text in origin),
        "light": _series(SERIES),
        "dark": _series(DARK),
    }
    return filled("ganexp.report", "page.html", parts)


def _series(colours: Sequence[str]) -> str:
    return " ".join(f"--series-{index}: {colour};" for index, colour in enumerate(colours))


def _notes(notes: Sequence[str]) -> str:
    return f'<ul class="notes">{"".join(f"<li>{html.escape(note)}</li>" for note in notes)}</ul>' if notes else ""


def _section(
    section: Section,
    several: bool,
    drawn: Sequence[Figure],
    compared: Sequence[Compared],
    hung: Wall | None,
    pictures: dict[Path, bytes],
    prefix: str,
) -> str:
    important = ", ".join(f"{key} {share:.0%}" for key, share in section.importance.items()) if section.best else ""
    said = [
        f"{table.verdict(section)}.",
        intervals.runner_up(section, compared),
        f"What explains the ranks of {section.main}: {important}." if important else "",
    ]
    parts = [
        f"<h2>{html.escape(section.dataset or 'data set not known')}</h2>" if several else "",
        *(f"<p>{html.escape(text)}</p>" for text in said if text),
        _notes(section.notes),
        _settings(section),
    ]
    if drawn:
        shown = (_figure(figure, f"figure_{prefix}{index}_") for index, figure in enumerate(drawn))
        parts.append(f'<div class="figures">{"".join(shown)}</div>')
    if hung and pictures:
        parts.append(_wall(section, hung, pictures))
    if 0 < len(compared) <= MOST_PAIRS:
        parts.append(_pairs(section, compared))
    parts.append(_every(section))
    return "\n".join(part for part in parts if part)


def _table(
    heads: Sequence[str], body: Iterable[tuple[str, Sequence[str]]], foot: str = "", numbers: Iterable[str] = ()
) -> str:
    numeric = set(numbers)
    shown = "".join(
        f'<th scope="col"{" class=number" if head in numeric else ""}>'
        f'<button type="button">{_breakable(head) or "★"}</button></th>'
        for head in heads
    )
    rows = "".join(f"<tr{kind}>{''.join(cells)}</tr>\n" for kind, cells in body)
    tall = " tall" if rows.count("<tr") > FEW else ""
    return f'<div class="wide{tall}"><table><thead><tr>{shown}</tr></thead><tbody>\n{rows}</tbody>{foot}</table></div>'


def _cell(text: str, value: float | str | None = None, kind: str = "") -> str:
    """A cell that sorts by `value`, or by its text; a value that is not a number by an empty one, at the end."""
    sorted_by = "" if value is None else f' data-value="{"" if value != value else value}"'
    return f"<td{f' class={kind}' if kind else ''}{sorted_by}>{text}</td>"


def _setting_cells(values: Iterable[Any]) -> list[str]:
    return [_cell(html.escape(shown_value(value)), value if is_number(value) else None) for value in values]


def _spread_cell(found: Spread | None) -> str:
    if found is None:
        return _cell("", math.nan, "number")
    band = f" <small>[{table.number(found.low)}, {table.number(found.high)}]</small>" if found.n > 1 else ""
    return _cell(f"{table.number(found.median)}{band}", found.median, "number")


def _settings(section: Section) -> str:
    others = any(row.others for row in section.rows)
    heads = ["", *section.columns, "n", *section.metrics, *(["not finished"] if others else [])]

    def line(row: Row) -> tuple[str, list[str]]:
        cells = [_cell("★" if row is section.best else ""), *_setting_cells(row.setting)]
        cells.append(_cell(str(len(row.finished)), len(row.finished), "number"))
        cells += [_spread_cell(row.spread(tag)) for tag in section.metrics]
        return " class=best" if row is section.best else "", cells + ([_cell(row.others)] if others else [])

    floors = [section.floor(tag) for tag in section.metrics]
    foot = ""
    if any(floor is not None for floor in floors):
        cells = "".join(f'<td class="number">{"" if floor is None else table.number(floor)}</td>' for floor in floors)
        foot = f'<tfoot><tr><td colspan="{len(section.columns) + 2}">{table.PERFECT}</td>{cells}{"<td></td>" if others else ""}</tr></tfoot>'
    rows = section.rows if len(section.rows) <= FEW else section.ranking or section.rows
    return _table(heads, map(line, rows), foot, ["n", *section.metrics])


def _figure(figure: Figure, prefix: str) -> str:
    svg = figure.svg[figure.svg.index("<svg") :]
    svg = re.sub(r' (?:width|height)="[\d.]+pt"', "", svg, count=2)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    # Names of parts are names in the whole page.
    svg = re.sub(r'((?:\bid="|url\(#|href="#))', rf"\g<1>{prefix}", svg)
    for colour, variable in VARIABLES.items():
        svg = svg.replace(colour, f"var({variable})")
    caption = html.escape(figure.caption)
    svg = svg.replace("<svg", f'<svg role="img" aria-label="{caption}"', 1)
    return f"<figure>{svg}<figcaption>{caption}</figcaption></figure>"


def _wall(section: Section, hung: Wall, pictures: dict[Path, bytes]) -> str:
    head = "".join(f'<th scope="col">{_named(hung.across, value)}</th>' for value in hung.columns)
    rows = []
    for down in hung.rows:
        cells = []
        for across in hung.columns:
            cell = hung.cells.get((across, down))
            if cell is None:
                cells.append("<td></td>")
                continue
            png = pictures.get(cell.picture) if cell.picture else None
            name = html.escape(section.name(cell.row))
            shown = (
                f'<img alt="{name}" title="{name}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'
                if png
                else ""
            )
            chosen = " class=chosen" if cell.row is section.best else ""
            cells.append(f"<td{chosen}>{shown}<small>{html.escape(cell.text)}</small></td>")
        rows.append(f'<tr><th scope="row">{_named(hung.down, down)}</th>{"".join(cells)}</tr>')
    body = f"<thead><tr><td></td>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return f'<figure><div class="wide"><table class="wall">{body}</table></div><figcaption>{html.escape(hung.caption)}</figcaption></figure>'


def _named(key: str, value: Any) -> str:
    return f"{_breakable(key)} = {html.escape(shown_value(value) or 'none')}" if key else ""


def _breakable(name: str) -> str:
    """A long name may be broken between its words only."""
    return re.sub(r"([._/])", r"\1<wbr>", html.escape(name))


def _pairs(section: Section, compared: Sequence[Compared]) -> str:
    heads = ["better", "n", "worse", "n of the worse", "difference", "low", "high", "verdict"]

    def line(pair: Compared) -> tuple[str, list[str]]:
        numbers = [_cell(table.number(value), value, "number") for value in pair.interval]
        names = [_cell(html.escape(section.name(row)), kind="long") for row in (pair.first, pair.second)]
        counts = [_cell(str(count), count, "number") for count in pair.counts]
        return "", [names[0], counts[0], names[1], counts[1], *numbers, _cell(pair.verdict)]

    shown = _table(heads, map(line, compared), numbers=[*heads[1:2], *heads[3:7]])
    title = f"Every pair of settings: the difference of the medians of {html.escape(section.main or '')}, with its 95 % interval"
    return f"<details><summary>{title}</summary>{shown}</details>"


def _every(section: Section) -> str:
    heads = ["run", *section.columns, SEED, *section.metrics, "ended"]

    def line(run: Run) -> tuple[str, list[str]]:
        cells = [_cell(html.escape(run.folder.name), kind="long")]
        cells += _setting_cells(run.value(key) for key in (*section.columns, SEED))
        for tag in section.metrics:
            value = run.final.get(tag)
            cells.append(
                _cell("" if value is None else table.number(value), math.nan if value is None else value, "number")
            )
        ended = f"{run.state}{f': {run.reason}' if run.reason else ''}"
        return "", [*cells, _cell(html.escape(ended), kind="long")]

    shown = _table(heads, map(line, section.runs), numbers=section.metrics)
    return f"<details><summary>Every run ({len(section.runs)})</summary>{shown}</details>"
