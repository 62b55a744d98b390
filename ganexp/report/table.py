"""The table of a summary: in a terminal, and as Markdown, LaTeX, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ganexp.records.documents import LONGEST_PATH, printable
from ganexp.report import escaped
from ganexp.report.intervals import compare, runner_up
from ganexp.report.run import Run, Value
from ganexp.report.settings import is_number, shown_value
from ganexp.report.statistics import Spread
from ganexp.report.summary import STATES, Row, Section, Summary, count

if TYPE_CHECKING:
    from rich.console import Console, JustifyMethod
    from rich.table import Table

MARK = "*"
FILE_WIDTH = 400
LONGEST = 40
AMPLE = 10_000
PERFECT = "a perfect generator"
UNKNOWN = "data set not known"
# Rich would find colors, pictures and numbers in what a file calls something.
AS_IT_IS: dict[str, Any] = {"highlight": False, "markup": False, "emoji": False}
Lines = list[list[str]]


def number(value: float) -> str:
    """Four significant digits, and whole numbers as such."""
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e6 else f"{value:.4g}"


def cell(found: Spread | None) -> str:
    """`median [lower quartile, upper quartile]`, one value alone, or nothing."""
    if found is None:
        return ""
    return number(found.median) + (f" [{number(found.low)}, {number(found.high)}]" if found.n > 1 else "")


def lines(section: Section, rows: list[Row], metrics: Sequence[str]) -> tuple[list[str], Lines]:
    """Headers and cells as text; a last line has the floors where there are some."""
    failures = any(row.failures for row in rows)
    heads = ["", *section.columns, "n", *metrics, *(["not finished"] if failures else [])]
    body = [
        [
            MARK if row is section.best else "",
            *map(shown_value, row.setting),
            str(len(row.finished)),
            *(cell(row.spread(tag)) for tag in metrics),
            *([row.failures] if failures else []),
        ]
        for row in rows
    ]
    floors = [section.floor(tag) for tag in metrics]
    if any(floor is not None for floor in floors):
        line = [""] * len(heads)
        line[min(1, len(section.columns))] = PERFECT
        line[len(section.columns) + 2 :] = ["" if floor is None else number(floor) for floor in floors] + [
            ""
        ] * failures
        body.append(line)
    return heads, body


def verdict(section: Section) -> str:
    """The best setting in a sentence, or why there is none."""
    finished = sum(len(row.finished) for row in section.rows)
    counted = f"{count(len(section.runs), 'run')}, {count(len(section.rows), 'setting')}, {finished} finished"
    if section.best is None or section.main is None:
        return counted
    return (
        f"{counted}; best by the median of {section.main}: {section.name(section.best)} "
        f"({cell(section.best.spread(section.main))}, n = {len(section.best.values(section.main))})"
    )


def console() -> Console:
    """Where tables are printed: as wide as the terminal, and in a file wide enough for every metric."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else FILE_WIDTH)


def print_summary(summary: Summary, console: Console) -> None:
    """The table of each data set, its best setting, and what is missing or failed; at most 40 settings, the best ones."""
    from rich.measure import Measurement

    for section in summary.sections:
        if len(summary.sections) > 1:
            console.print(f"\n{section.dataset or UNKNOWN}", style="bold", **AS_IT_IS)
        rows = section.rows if len(section.rows) <= LONGEST else (section.ranking or section.rows)[:LONGEST]
        metrics = section.metrics
        # Asked at its own width, a table says that it fits.
        ample = console.options.update(width=AMPLE, markup=False)
        table = _for_terminal(section, rows, metrics)
        while metrics[1:] and Measurement.get(console, ample, table).maximum > console.width:
            metrics = metrics[:-1]
            table = _for_terminal(section, rows, metrics)
        console.print(table, **AS_IT_IS)
        said = [verdict(section), *filter(None, [runner_up(section, compare(section, 2))]), *section.notes]
        if metrics != section.metrics:
            said.insert(0, f"too wide for this terminal: {', '.join(section.metrics[len(metrics) :])}")
        if len(rows) < len(section.rows):
            said.insert(0, f"the best {len(rows)} of {len(section.rows)} settings")
        for text in said:
            console.print(text, soft_wrap=True, **AS_IT_IS)
    for note in summary.notes:
        console.print(note, soft_wrap=True, **AS_IT_IS)


def _for_terminal(section: Section, rows: list[Row], metrics: Sequence[str]) -> Table:
    from rich.table import Table
    from rich.text import Text

    heads, body = lines(section, rows, metrics)
    table = Table(box=None, pad_edge=False)
    for head in heads:
        where: JustifyMethod = "right" if head == "n" or head in metrics else "left"
        # A long name takes several lines, so that the table fits the terminal.
        name = Text(re.sub(r"([./])", r"\1\n", head))
        table.add_column(name, justify=where, vertical="bottom", overflow="fold")
    for line in body:
        table.add_row(*map(Text, line), style="bold" if line[0] == MARK else "dim" if PERFECT in line else None)
    return table


def markdown(summary: Summary) -> str:
    """GitHub's Markdown, with the notes below."""
    return _tabulated(
        summary,
        "github",
        lambda text: f"## {escaped.markdown(text)}\n\n",
        lambda text: f"- {escaped.markdown_line(text)}\n",
        escaped.markdown,
    )


def latex(summary: Summary) -> str:
    """Tables for LaTeX's booktabs, with the notes as comments."""
    return _tabulated(summary, "latex_booktabs", lambda text: f"% {text}\n", lambda text: f"% {text}\n")


def _tabulated(
    summary: Summary,
    form: str,
    heading: Callable[[str], str],
    item: Callable[[str], str],
    cell: Callable[[str], str] = str,
) -> str:
    from tabulate import tabulate

    parts = []
    for section in summary.sections:
        heads, body = lines(section, section.rows, section.metrics)
        align = ["right" if head == "n" or head in section.metrics else "left" for head in heads]
        # The cells of settings are texts from files; the others are marks and numbers.
        end = 1 + len(section.columns)
        body = [[line[0], *map(cell, line[1:end]), *line[end:]] for line in body]
        table = tabulate(body, list(map(cell, heads)), tablefmt=form, disable_numparse=True, colalign=align)
        said = [verdict(section), *section.notes]
        title = heading(section.dataset or UNKNOWN) if len(summary.sections) > 1 else ""
        parts.append(f"{title}{table}\n\n{''.join(item(text) for text in said)}")
    if summary.notes:
        parts.append("".join(item(text) for text in summary.notes))
    return "\n".join(parts)


def comma_separated(summary: Summary) -> str:
    """One line for each setting of each data set, numbers in full."""
    keys = list(dict.fromkeys(key for section in summary.sections for key in section.columns))
    tags = list(dict.fromkeys(tag for section in summary.sections for tag in section.metrics))
    spreads = [f"{tag}/{part}" for tag in tags for part in ("n", "median", "lower_quartile", "upper_quartile")]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    # A data set that is swept over is a column already.
    first = [] if "dataset" in keys else ["dataset"]
    writer.writerow(
        [
            *first,
            *map(escaped.spreadsheet, keys),
            "runs",
            *(state.replace(" ", "_") for state in STATES),
            *map(escaped.spreadsheet, spreads),
            "best",
        ]
    )
    for section in summary.sections:
        for row in section.rows:
            setting = dict(zip(section.columns, row.setting, strict=True))
            states = Counter(run.state for run in row.runs)
            cells: list[Any] = [escaped.spreadsheet(section.dataset)] if first else []
            cells += [_plain(setting.get(key, "")) for key in keys]
            cells += [len(row.runs), *(states[state] for state in STATES)]
            for tag in tags:
                found = row.spread(tag)
                cells += [0, "", "", ""] if found is None else list(found)
            writer.writerow([*cells, row is section.best])
    return buffer.getvalue()


def _plain(value: Value) -> Value:
    return value if is_number(value) else escaped.spreadsheet(shown_value(value))


def objects(summary: Summary) -> str:
    """JSON with the sections, their rows, and the notes; numbers that are not finite are texts."""
    sections = [
        {
            "dataset": section.dataset,
            "columns": section.columns,
            "metrics": section.metrics,
            "main": section.main,
            "importance": section.importance,
            "rows": [_object(section, row) for row in section.rows],
            "floors": {tag: floor for tag in section.metrics if (floor := section.floor(tag)) is not None},
            "notes": section.notes,
        }
        for section in summary.sections
    ]
    return json.dumps({"sections": sections, "notes": summary.notes}, indent=2, ensure_ascii=False) + "\n"


def _object(section: Section, row: Row) -> dict[str, Any]:
    names = ("n", "median", "lower_quartile", "upper_quartile")
    spreads = {tag: row.spread(tag) for tag in section.metrics}
    return {
        "setting": {
            key: None if value == "null" else value
            for key, value in zip(section.columns, row.setting, strict=True)
            if value != ""
        },
        "runs": [
            {"folder": _place(run), "seed": run.seed, "state": run.state, "reason": run.reason} for run in row.runs
        ],
        "metrics": {
            tag: dict(zip(names, map(_finite, found), strict=True))
            for tag, found in spreads.items()
            if found is not None
        },
        "best": row is section.best,
    }


def _place(run: Run) -> str:
    return run.name if run.folder is None else printable(run.folder, LONGEST_PATH)


def _finite(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


FORMATS: dict[str, Callable[[Summary], str]] = {
    "markdown": markdown,
    "csv": comma_separated,
    "latex": latex,
    "json": objects,
}
