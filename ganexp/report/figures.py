"""The figures of a summary: sensitivity curves, heat maps, the best of k settings, and bootstrap intervals."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ganexp.records.documents import printable
from ganexp.report.drawing import (
    DASHES,
    FAINT,
    INK,
    MARKERS,
    PAPER,
    QUIET,
    SERIES,
    Figure,
    done,
    drawing,
    legend,
    scale,
)
from ganexp.report.intervals import Comparison
from ganexp.report.maps import maps
from ganexp.report.run import Value
from ganexp.report.settings import LONGEST_LABEL, LONGEST_TITLE, is_number, is_numeric, shown_value
from ganexp.report.slices import MOST_LINES, best_at, main_choice, others_at_best, values_of_lines
from ganexp.report.statistics import LEAST_SEEDS, best_of
from ganexp.report.summary import Section

MOST_COMPARED, MOST_AXES = 20, 3
# Beyond so many places they are drawn from an interval, one run at each, and no line joins them.
MOST_JOINED = 24
HEIGHT = 3.2


def figures(section: Section, compared: Sequence[Comparison]) -> list[Figure]:
    """Every figure that the section's settings and metrics call for."""
    if section.main is None or len(section.rows) < 2:
        return []
    with warnings.catch_warnings():
        # A setting may be named in letters that the font lacks: they are boxes in the PNG, and letters in the page.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from", UserWarning)
        return _figures(section, compared)


def _figures(section: Section, compared: Sequence[Comparison]) -> list[Figure]:
    assert section.main is not None
    important = list(section.importance)
    numeric = [key for key in important if is_numeric(section.values(key))]
    drawn = [sensitivity(section, key, section.main) for key in numeric[:MOST_AXES]]
    drawn += [sensitivity(section, numeric[0], tag) for tag in section.metrics if numeric and tag != section.main]
    if len(numeric) > 1:
        drawn += maps(section, (numeric[0], numeric[1]))
    drawn += [figure for figure in (best_of_k(section), intervals(section, compared)) if figure is not None]
    return [figure for figure in drawn if figure is not None]


def sensitivity(section: Section, key: str, tag: str) -> Figure | None:
    """The metric against one swept number, a line for each main choice: median and quartiles over seeds, others at their best."""
    choice = main_choice(section, [key])
    lines = values_of_lines(section, choice)
    places = [value for value in section.values(key) if is_number(value)]
    best = best_at(section, key, choice)
    with drawing(HEIGHT, _labels(choice, lines)) as (figure, axes):
        shown: list[float] = []
        lost: list[tuple[int, float]] = []
        for index, value in enumerate(lines):
            points = []
            for place in places:
                row = best.get((place, value) if choice else (place,))
                found = None if row is None else row.spread(tag)
                if found is not None and all(map(math.isfinite, found)):
                    points.append((float(place), found.median, found.low, found.high))
                if row is not None and any(run.state == "diverged" for run in row.runs):
                    lost.append((index, float(place)))
            x, median, low, high = np.array(points).reshape(-1, 4).T
            line = _style(index, value)
            if len(places) > MOST_JOINED:
                line |= {"linestyle": "none"}
            else:
                axes.fill_between(x, low, high, color=line["color"], alpha=0.16, linewidth=0)
            axes.plot(x, median, **line)
            shown += [float(part) for part in (*median, *low, *high)]
        if not shown:
            return None
        for order, (index, place) in enumerate(lost):
            # Below one another, so that each line's is seen.
            above = sum(other == place for _, other in lost[:order])
            axes.plot(
                place, 1 - 0.05 * above, marker="x", color=SERIES[index % len(SERIES)], markersize=5, markeredgewidth=1.6,
                transform=axes.get_xaxis_transform(), clip_on=False, zorder=5,
            )  # fmt: skip
        scale(axes, "x", [float(place) for place in places], ticks=True)
        scale(axes, "y", shown, ticks=False)
        axes.set(xlabel=printable(key, LONGEST_TITLE), ylabel=printable(tag, LONGEST_LABEL))
        if choice is not None:
            legend(figure, printable(choice, LONGEST_TITLE))
        joined = f" and the inter-quartile band{others_at_best(section, key, choice)}"
        caption = (
            f"{tag} ({section.directions.way(tag)}) against {key}: the median over seeds{joined if len(places) <= MOST_JOINED else ''}"
            + ("; a cross at the top: a run diverged there" if lost else "")
            + (f"; the {MOST_LINES} best of {len(section.values(choice))} lines" if choice and len(lines) < len(section.values(choice)) else "")
        )  # fmt: skip
        return done(figure, f"sensitivity_{key}_{tag}", caption)


def best_of_k(section: Section) -> Figure | None:
    """What the best of k settings scores that are drawn at random, for each main choice."""
    assert section.main is not None
    tag = section.main
    objectives = {row: row.objective(tag) for row in section.rows}
    finite = [value for value in objectives.values() if math.isfinite(value)]
    if not finite:
        return None
    worst = (max if section.directions.lower_is_better(tag) else min)(finite)
    choices = [key for key in section.importance if not is_numeric(section.values(key))]
    choice = choices[0] if choices and len(section.columns) > 1 else None
    series = {}
    for value in values_of_lines(section, choice):
        known = [objectives[row] for row in section.rows if choice is None or section.of(row, choice) == value]
        scores = [worst if math.isinf(score) else score for score in known if not math.isnan(score)]
        if len(scores) > 1:
            series[value] = best_of(np.array(scores), section.directions.lower_is_better(tag))
    if not series:
        return None
    from matplotlib.ticker import MaxNLocator

    with drawing(HEIGHT, _labels(choice, list(series))) as (figure, axes):
        for index, (value, curve) in enumerate(series.items()):
            k = np.arange(1, len(curve) + 1)
            line = _style(index, value)
            axes.fill_between(k, curve[:, 1], curve[:, 2], color=line["color"], alpha=0.16, linewidth=0)
            axes.plot(k, curve[:, 0], **line | {"markersize": 4 if len(k) <= MOST_JOINED else 0})
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        scale(axes, "y", [float(part) for curve in series.values() for part in curve.ravel()], ticks=False)
        axes.set(xlabel="k settings tried at random", ylabel=f"best {tag}")
        if choice is not None:
            legend(figure, printable(choice, LONGEST_TITLE))
        caption = (
            f"The expected best median of {tag} ({section.directions.way(tag)}) among k settings drawn at random"
            f"{f', for each {choice}' if choice else ''}; the band has its quartiles"
        ) + (
            "; diverged settings count as the worst that finished" if any(map(math.isinf, objectives.values())) else ""
        )
        return done(figure, "best_of_k", caption)


def intervals(section: Section, compared: Sequence[Comparison]) -> Figure | None:
    """The difference of each setting's median from the best one's, with bootstrap intervals and the number of seeds."""
    # One seed on each side has no interval.
    every = [pair for pair in compared if pair.first is section.best and max(pair.counts) > 1]
    shown = every[:MOST_COMPARED]
    if not shown or section.best is None:
        return None
    mine, few = shown[0].counts[0], any(pair.few for pair in shown)
    with drawing(0.8 + 0.34 * len(shown)) as (figure, axes):
        axes.axvline(0, color=QUIET, linewidth=0.8)
        for place, pair in enumerate(shown):
            found, color = pair.interval, FAINT if pair.few else SERIES[0]
            axes.plot([found.low, found.high], [place, place], color=color, linewidth=2.5, solid_capstyle="butt")
            axes.plot(found.difference, place, "o", color=QUIET if pair.few else SERIES[0], markersize=4)
            name = section.name(pair.second)
            shown_name = printable(name, LONGEST_TITLE + 1)
            label = axes.annotate(
                f"{shown_name}  (n = {pair.counts[1]})", (0, place), (2, 4), ("axes fraction", "data"),
                textcoords="offset points", fontsize=7, color=INK, va="bottom",
                bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.5},
            )  # fmt: skip
            label.set_in_layout(False)
        axes.set(ylim=(len(shown) - 0.5, -0.9), yticks=[], xlabel=f"median {section.main} - that of the best")
        more = len(section.ranking) - 1 - len(shown)
        caption = (
            f"Each setting's median of {section.main} less that of the best, {section.name(section.best)} (n = {mine}), "
            "with 95 % bootstrap percentile intervals over seeds"
            + (f"; {more} more settings rank lower or have no finished run" if more else "")
            + (f"; gray: fewer than {LEAST_SEEDS} seeds in one of the two, too few for any 95 % interval of a median" if few else "")
        )  # fmt: skip
        return done(figure, "intervals", caption)


def _style(index: int, value: Value) -> dict[str, Any]:
    return {
        "color": SERIES[index % len(SERIES)],
        "linestyle": DASHES[index // len(SERIES) % 2],
        "marker": MARKERS[index % 8],
        "markersize": 4,
        "linewidth": 1.4,
        # matplotlib hides labels that begin with an underscore.
        "label": f" {label}" if (label := _label(value)).startswith("_") else label,
    }


def _labels(choice: str | None, lines: Sequence[Value]) -> list[str]:
    return [] if choice is None else list(map(_label, lines))


def _label(value: Value) -> str:
    return printable(shown_value(value), LONGEST_LABEL) or "none"
