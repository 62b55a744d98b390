"""The main metric over two swept numbers: a heat map where they form a grid, and colored points where they do not."""

from __future__ import annotations

import math
from typing import Any

from ganexp.records.documents import printable
from ganexp.report.drawing import INK, PAPER, QUIET, Figure, done, drawing, scale, wide
from ganexp.report.run import Value
from ganexp.report.settings import LONGEST_LABEL, LONGEST_TITLE, is_number, shown_value
from ganexp.report.slices import best_at, main_choice, others_at_best, values_of_lines
from ganexp.report.summary import Row, Section

MOST_PANELS, MOST_CELLS = 6, 20

Cells = dict[tuple[Value, Value], Row]


def maps(section: Section, keys: tuple[str, str]) -> list[Figure]:
    """A map for each value of the main choice, all with the same colors."""
    assert section.main is not None
    choice = main_choice(section, keys)
    panels: dict[Value, Cells] = {value: {} for value in values_of_lines(section, choice)[:MOST_PANELS]}
    for (x, y, *rest), row in best_at(section, *keys, choice).items():
        value = rest[0] if rest else ""
        if is_number(x) and is_number(y) and value in panels:
            panels[value][x, y] = row
    panels = {value: cells for value, cells in panels.items() if len(cells) > 1}
    medians = [
        found.median for cells in panels.values() for row in cells.values() if (found := row.spread(section.main))
    ]
    finite = [median for median in medians if math.isfinite(median)]
    if not finite:
        return []
    colors = _colors(finite, section.directions.lower_is_better(section.main))
    return [_panel(section, keys, cells, colors, choice, value) for value, cells in panels.items()]


def _colors(finite: list[float], lower_is_better: bool) -> Any:
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LogNorm, Normalize

    norm = (LogNorm if wide(finite) else Normalize)(min(finite), max(finite))
    return ScalarMappable(norm, colormaps["viridis_r" if lower_is_better else "viridis"])


def _panel(
    section: Section, keys: tuple[str, str], cells: Cells, colors: Any, choice: str | None, value: Value
) -> Figure:
    across, up = ([place for place in section.values(key) if is_number(place)] for key in keys)
    grid = len(across) <= MOST_CELLS and len(up) <= MOST_CELLS
    with drawing(max(2.2, 0.36 * len(up) + 0.9) if grid else 3.2) as (figure, axes):
        if grid:
            _heat_map(section, axes, cells, colors, across, up)
        else:
            _points(section, axes, cells, colors)
            bar = figure.colorbar(colors, ax=axes, fraction=0.05, pad=0.02)
            bar.ax.tick_params(which="both", labelsize=8, labelcolor=QUIET, color=QUIET)
        axes.set(xlabel=printable(keys[0], LONGEST_TITLE), ylabel=printable(keys[1], LONGEST_LABEL))
        where = f"{choice}={shown_value(value) or 'none'}" if choice else ""
        axes.set_title(printable(where, LONGEST_TITLE), loc="left", fontsize=9, color=INK)
        best_end = section.directions.way(section.main or "")
        caption = f"The median of {section.main} ({best_end}){f', {where}' if where else ''}"
        caption += others_at_best(section, *keys, choice) + ("" if grid else "; a cross: no run there finished")
        return done(figure, f"map_{keys[0]}_{keys[1]}{f'_{shown_value(value)}' if choice else ''}", caption)


def _median(row: Row, tag: str | None) -> float | None:
    found = row.spread(tag or "")
    return found.median if found is not None and math.isfinite(found.median) else None


def _heat_map(section: Section, axes: Any, cells: Cells, colors: Any, across: list[Value], up: list[Value]) -> None:
    from matplotlib.patches import Rectangle

    for (x, y), row in cells.items():
        left, low = across.index(x), up.index(y)
        median = _median(row, section.main)
        color = (0.5, 0.5, 0.5, 0.25) if median is None else colors.to_rgba(median)
        axes.add_patch(Rectangle((left - 0.5, low - 0.5), 1, 1, facecolor=color, edgecolor=PAPER, linewidth=1))
        text = row.runs[0].state if median is None else f"{median:.3g}"
        red, green, blue, _ = color
        bright = 0.299 * red + 0.587 * green + 0.114 * blue > 0.55
        ink = INK if median is None else "#000000" if bright else "#ffffff"
        size = min(8.5, 380 / len(across) / max(len(text), 6))
        axes.text(left, low, text, ha="center", va="center", color=ink, fontsize=size)
    axes.set(xlim=(-0.5, len(across) - 0.5), ylim=(-0.5, len(up) - 0.5))
    axes.set_xticks(range(len(across)), [shown_value(x) for x in across], rotation=45 if len(across) > 6 else 0)
    axes.set_yticks(range(len(up)), [shown_value(y) for y in up])


def _points(section: Section, axes: Any, cells: Cells, colors: Any) -> None:
    for (x, y), row in cells.items():
        median = _median(row, section.main)
        if median is None:
            axes.plot(x, y, "x", color=QUIET, markersize=5, clip_on=False)
        else:
            axes.plot(
                x,
                y,
                "o",
                color=colors.to_rgba(median),
                markersize=6,
                markeredgecolor=PAPER,
                markeredgewidth=0.5,
                clip_on=False,
            )
    across, up = zip(*cells, strict=True)
    scale(axes, "x", [float(place) for place in across], ticks=True)
    scale(axes, "y", [float(place) for place in up], ticks=True)
