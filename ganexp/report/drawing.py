"""What all figures of a report share: their colors, their axes, and the two forms they are kept in.

matplotlib's own objects only (no pyplot, which holds global state), imported when the first figure is drawn.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple

from ganexp.report.settings import shown_value
from ganexp.views.canvas import by_default

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

# Okabe and Ito's colors, darkened where they would be faint on white; the page has others for a dark background.
SERIES = ("#0072b2", "#d55e00", "#009e73", "#a6548a", "#7a6a00", "#2f9fd6", "#7f3f00", "#555577")
INK, QUIET, FAINT, PAPER = "#262627", "#66666a", "#bfbfc1", "#fffffe"
MARKERS = "osD^vPX*"
DASHES = ("-", "--")
WIDTH = 4.6
DECADE = 10
LEGEND_LINE = 0.19


class Figure(NamedTuple):
    """A drawn figure: a name for its file, what it shows in sentences, and itself as SVG text and as the bytes of a PNG."""

    name: str
    caption: str
    svg: str
    png: bytes


@contextmanager
def drawing(height: float, labels: Sequence[str] = ()) -> Iterator[tuple[Drawing, Axes]]:
    """A figure of 4.6 x `height` inches, and room for a legend of `labels`, with one pair of axes, while it is drawn on."""
    by_default()
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Drawing

    # Text stays text, so that a page can color it, and equal runs make equal files.
    with matplotlib.rc_context({"svg.fonttype": "none", "font.size": 9, "text.parse_math": False}):
        room = (math.ceil(len(labels) / _columns(labels)) + 1) * LEGEND_LINE if labels else 0
        figure = Drawing((WIDTH, height + room), dpi=150, layout="constrained", facecolor=PAPER)
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        axes.set_facecolor("none")
        axes.tick_params(which="both", labelsize=8.5, labelcolor=QUIET, color=FAINT, length=3, width=0.8)
        axes.tick_params(which="minor", labelsize=7.5, length=2)
        axes.spines[:].set(color=FAINT, linewidth=0.8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.xaxis.label.set_color(INK)
        axes.yaxis.label.set_color(INK)
        yield figure, axes


def legend(figure: Drawing, title: str) -> None:
    """Name the lines above the axes, where the legend hides no data."""
    labels = [str(label) for label in figure.axes[0].get_legend_handles_labels()[1]]
    box = figure.legend(
        title=title, loc="outside upper left", ncols=_columns(labels), frameon=False, fontsize=9, title_fontsize=9, alignment="left",
        labelcolor=INK, handlelength=2.2, columnspacing=1.2,
    )  # fmt: skip
    box.get_title().set_color(INK)


def _columns(labels: Sequence[str]) -> int:
    longest = max(map(len, labels))
    return 1 if longest > 24 else 2 if longest > 12 else 3


def done(figure: Drawing, name: str, caption: str) -> Figure:
    """Keep what was drawn."""
    import matplotlib

    name = re.sub(r"[^\w.]+", "_", name)
    for text in figure.findobj(lambda artist: hasattr(artist, "set_parse_math")):
        text.set_parse_math(False)  # type: ignore[attr-defined]
    png, svg = io.BytesIO(), io.StringIO()
    figure.savefig(png, format="png", metadata={"Software": None})
    # Several figures stand in one page, where their parts' names must differ.
    with matplotlib.rc_context({"svg.hashsalt": name}):
        figure.savefig(svg, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return Figure(name, caption + ".", svg.getvalue(), png.getvalue())


def wide(values: Sequence[float]) -> bool:
    """Whether values span more than a decade, and so want a log axis."""
    return min(values) > 0 and max(values) > DECADE * min(values)


def scale(axes: Axes, side: Literal["x", "y"], values: Sequence[float], ticks: bool) -> None:
    """Make an axis fit its values: log or, with a zero among them, symlog beyond a decade; `ticks`: one at each of few values."""
    from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

    axis, choose = (axes.xaxis, axes.set_xscale) if side == "x" else (axes.yaxis, axes.set_yscale)
    distinct = sorted(set(values))
    above = [value for value in distinct if value > 0]
    if wide(distinct):
        choose("log")
    elif ticks and distinct[0] == 0 and above and wide(above):
        choose("symlog", linthresh=above[0])
    if ticks and len(distinct) <= 8:
        axis.set_ticks(distinct, [shown_value(value) for value in distinct])
        axis.set_minor_locator(NullLocator())
        if sum(len(shown_value(value)) for value in distinct) > 36:
            axis.set_tick_params(labelrotation=30)
    elif wide(distinct):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        if max(distinct) > 100 * min(distinct):
            axis.set_minor_formatter(NullFormatter())
        else:
            axis.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "25" else ""))
