"""What all pictures share: a figure whose fixed parts are drawn once and kept as pixels, and the colors.

NumPy and matplotlib's own objects only (no pyplot, which holds global state; no JAX). matplotlib is imported when the
first picture is made, because its import takes 0.4 s that a run without pictures should not pay.
"""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Shaped, UInt8

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

Range = tuple[float, float]
Box = tuple[float, float, float, float]
Pixels = UInt8[np.ndarray, "height width 3"]

REAL = (0 / 255, 136 / 255, 55 / 255)
FAKE = (123 / 255, 50 / 255, 148 / 255)
DISCRIMINATOR = (68 / 255, 124 / 255, 228 / 255)
TRAIL = (220 / 255, 80 / 255, 20 / 255)
INK, QUIET, FAINT = "0.15", "0.4", "0.75"

WIDTH, HEIGHT, DOTS_PER_INCH = 480, 440, 100
PLOT: Box = (46.0, 32.0, 376.0, 374.0)


@functools.cache
def by_default() -> None:
    """Have matplotlib draw by its own defaults from here on: a person's matplotlibrc would make other pictures."""
    import matplotlib

    # Where pyplot is in use (a notebook), the settings are somebody's.
    if "matplotlib.pyplot" not in sys.modules:
        with warnings.catch_warnings():
            # Some defaults are of settings that go.
            warnings.simplefilter("ignore")
            # Any look at the backend imports pyplot.
            own: Any = {name: value for name, value in matplotlib.rcParamsDefault.items() if name != "backend"}
            matplotlib.rcParams.update(own)


class Canvas:
    """A figure of 480 x 440 pixels with one pair of axes; `frame` adds what moves to what is fixed.

    `plot` is the axes' box (left, bottom, width, height) in pixels. Everything added to the axes is fixed, unless it is
    `animated` and handed to `frame`.
    """

    def __init__(self, horizontal: Range, vertical: Range, plot: Box = PLOT):
        """Make the figure with fixed limits `horizontal` and `vertical`, in data units."""
        by_default()
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self._figure = Figure((WIDTH / DOTS_PER_INCH, HEIGHT / DOTS_PER_INCH), dpi=DOTS_PER_INCH, facecolor="white")
        self._agg: Any = FigureCanvasAgg(self._figure)
        self._background: Any = None
        self._plot = plot
        self.axes = self.add_axes(plot)
        self.axes.set(xlim=horizontal, ylim=vertical, autoscale_on=False)
        # Text is not parsed as mathematics: a title with a dollar sign is a title, not an error.
        self._title = self._figure.text(
            plot[0] / WIDTH, (plot[1] + plot[3] + 10) / HEIGHT, "", fontsize=10, fontweight="bold", color=INK,
            parse_math=False, animated=True,
        )  # fmt: skip
        self._note = self.axes.annotate(
            "", (1, 1), (-5, -5), "axes fraction", "offset points", ha="right", va="top", fontsize=8, color=INK,
            bbox={"boxstyle": "round,pad=0.3", "facecolor": "white", "edgecolor": FAINT, "linewidth": 0.6},
            animated=True,
        )  # fmt: skip

    def add_axes(self, box: Box) -> Axes:
        """More axes in the house style in `box` = (left, bottom, width, height), in pixels."""
        axes = self._figure.add_axes((box[0] / WIDTH, box[1] / HEIGHT, box[2] / WIDTH, box[3] / HEIGHT))
        axes.tick_params(labelsize=7.5, labelcolor=QUIET, color=FAINT, length=3, width=0.8, pad=2)
        axes.spines[:].set(color=FAINT, linewidth=0.8)
        return axes

    def fix_vertical(self, vertical: Range) -> None:
        """Change the limits of the vertical axis; the fixed parts are drawn anew where they are others."""
        if self.axes.get_ylim() != vertical:
            self.axes.set_ylim(vertical)
            self._background = None

    def legend(self, handles: Sequence[Artist], labels: Sequence[str]) -> None:
        """Name what is drawn, above the axes and at their right end, where it hides no data."""
        left, bottom, width, height = self._plot
        self._figure.legend(
            handles, labels, loc="lower right", ncols=len(labels), frameon=False, fontsize=8, labelcolor=QUIET,
            bbox_to_anchor=((left + width - 10) / WIDTH, (bottom + height + 4) / HEIGHT), borderpad=0, borderaxespad=0,
            handletextpad=0.4, columnspacing=1.0, handlelength=1.2, numpoints=1,
        )  # fmt: skip

    def add_scale_bar(self, scale: Colormap, name: str, labels: Sequence[str]) -> Artist:
        """A thin bar right of the axes with `labels` spread over it; returns an artist that hides it when drawn."""
        from matplotlib.patches import Rectangle

        left, bottom, width, height = self._plot
        bar = self.add_axes((left + width + 10, bottom, 9.0, height))
        bar.imshow(np.arange(scale.N)[:, None], scale, aspect="auto", extent=(0, 1, 0, 1), origin="lower")
        bar.yaxis.tick_right()
        bar.set(xticks=[], yticks=np.linspace(0, 1, len(labels)), yticklabels=labels)
        bar.set_title(name, fontsize=8, color=QUIET, pad=4)
        # Covering the fixed bar takes no time, drawing its axes in every frame that has one takes 10 ms.
        start = (left + width + 2) / WIDTH, (bottom - 6) / HEIGHT
        return self._figure.add_artist(
            Rectangle(start, 1, 1, facecolor="white", transform=self._figure.transFigure, animated=True)
        )

    def frame(self, moving: Iterable[Artist], title: str, notes: Iterable[str] = ()) -> Pixels:
        """The fixed parts, `moving` drawn over them in this order, `title`, and the notes that are not empty."""
        if self._background is None:
            self._agg.draw()
            self._background = self._agg.copy_from_bbox(self._figure.bbox)
        self._agg.restore_region(self._background)
        self._title.set_text(title)
        note = ", ".join(filter(None, notes))
        self._note.set_text(note)
        renderer = self._agg.get_renderer()
        for artist in (*moving, *self.axes.spines.values(), self._title, *([self._note] if note else [])):
            artist.draw(renderer)
        pixels = np.asarray(self._agg.buffer_rgba())[..., :3]
        # Six bits of each color look the same as eight, and make the PNG a sixth smaller.
        return pixels & 0b11111100 | pixels >> 6


def scale_colors(name: str, span: Range, softness: float, levels: int) -> Colormap:
    """The part `span` (of 0 to 1) of matplotlib's scale `name` in `levels` colors, mixed with `softness` white."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    colors = colormaps[name](np.linspace(*span, levels))[:, :3]
    return ListedColormap(colors * (1 - softness) + softness).with_extremes(bad=FAINT)


def finite_rows(points: Shaped[np.ndarray, "n ..."]) -> tuple[Float[np.ndarray, "kept ..."], int]:
    """The points without a NaN or an infinity, as float64 [kept, ...], and the number left out."""
    points = np.asarray(points, np.float64)
    kept = np.isfinite(points).all(axis=tuple(range(1, points.ndim)))
    return points[kept], int(len(points) - kept.sum())


def outside(points: Float[np.ndarray, "n d"], ranges: Sequence[Range]) -> Bool[np.ndarray, " n"]:
    """Which points lie outside of the box that `ranges` (one per axis, in data units) spans."""
    low, high = np.transpose(ranges)
    beyond: Bool[np.ndarray, " n"] = ((points < low) | (points > high)).any(1)
    return beyond


def percent(share: float) -> str:
    """A share (0 to 1) as text; a share above 0 is never called "0 %" and one below 1 never "100 %"."""
    if 0 < share < 0.005:
        return "<1 %"
    return ">99 %" if 0.995 <= share < 1 else f"{100 * share:.0f} %"


def note_outside(beyond: Bool[np.ndarray, " n"]) -> str:
    """The note on points outside of the frame, empty if there are none."""
    return f"{percent(beyond.mean())} outside" if beyond.any() else ""


def note_not_finite(count: int) -> str:
    """The note on points left out because they are NaN or infinite, empty if there are none."""
    return f"{count:,} not finite" if count else ""
