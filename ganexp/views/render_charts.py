"""Pictures of shares: points by mode of the data, and points of one-dimensional data by place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from ganexp.views import canvas
from ganexp.views.canvas import DISCRIMINATOR, FAKE, REAL, Canvas, Pixels, Range

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

MODE_HEADROOM = 2.5
LINE_HEADROOM = 1.6
BINS = 50


class ModesPicture:
    """The share of generated points nearest to each mode, as bars, against the data's own share, as a line."""

    def __init__(self, weights: Float[np.ndarray, " k"]):
        """`weights` are the data's shares of its k modes (they sum to 1); they also fix the scale of every picture."""
        from matplotlib.ticker import MaxNLocator

        weights = np.asarray(weights, np.float64)
        count = len(weights)
        self._top = float(min(1.05, MODE_HEADROOM * weights.max()))
        self._canvas = Canvas((-0.7, count - 0.3), (0.0, self._top), (58.0, 46.0, 396.0, 360.0))
        axes = self._canvas.axes
        _percent_ticks(axes)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("mode", fontsize=8, color=canvas.QUIET, labelpad=3)
        axes.set_ylabel("share of points", fontsize=8, color=canvas.QUIET, labelpad=3)
        # One shape with gaps of height 0 instead of k bars, because each artist of a frame costs time.
        edges = (np.arange(count)[:, None] + [-0.4, 0.4]).ravel()
        self._bars = axes.stairs(_with_gaps(weights), edges, fill=True, color=FAKE, alpha=0.75, animated=True)
        outline_edges = np.arange(count + 1) - 0.5
        self._outline = axes.stairs(weights, outline_edges, baseline=None, color=REAL, linewidth=2, animated=True)
        self._cut = _cut_marks(axes)
        self._canvas.legend([self._outline, self._bars], ["data", "generated"])

    def draw(self, shares: Float[np.ndarray, " k"], title: str) -> Pixels:
        """The picture of `shares` [k], each 0 to 1; a bar above the scale ends in a mark, and the highest is noted."""
        shares = np.asarray(shares, np.float64)
        finite = np.isfinite(shares)
        shares = np.where(finite, shares, 0.0)
        self._bars.set_data(_with_gaps(shares))
        note = _mark_cut(self._cut, np.arange(len(shares), dtype=np.float64), shares, self._top)
        notes = note, canvas.note_not_finite(int((~finite).sum()))
        return self._canvas.frame([self._bars, self._outline, self._cut], title, notes)


class LinePicture:
    """Real and generated one-dimensional points as histograms, with the discriminator's output D(x) as a line."""

    def __init__(self, extent_x: Range):
        """`extent_x` (x0, x1) in data units is every picture's frame."""
        self._extent = extent_x
        self._edges = np.linspace(*extent_x, BINS + 1)
        self._canvas = Canvas(extent_x, (0.0, 1.0), (58.0, 32.0, 376.0, 374.0))
        axes = self._canvas.axes
        _percent_ticks(axes)
        axes.set_ylabel(f"share of points in each of {BINS} bins", fontsize=8, color=canvas.QUIET, labelpad=3)
        empty = np.zeros(BINS)
        bars: dict[str, Any] = {"fill": True, "alpha": 0.5, "linewidth": 0, "animated": True}
        self._real = axes.stairs(empty, self._edges, color=REAL, **bars)
        self._fake = axes.stairs(empty, self._edges, color=FAKE, **bars)
        self._cut = _cut_marks(axes)
        output = axes.twinx()
        output.set(ylim=(0, 1), yticks=[0, 0.5, 1], yticklabels=["0", "0.5", "1"])
        output.tick_params(labelsize=7.5, labelcolor=DISCRIMINATOR, color=canvas.FAINT, length=3, width=0.8, pad=2)
        output.spines[:].set_visible(False)
        output.axhline(0.5, color=DISCRIMINATOR, linewidth=0.8, linestyle=(0, (2, 3)), alpha=0.7)
        self._output = output.plot([], [], color=DISCRIMINATOR, linewidth=1.8, animated=True)[0]
        self._canvas.legend([self._real, self._fake, self._output], ["real", "generated", "D(x)"])

    def draw(
        self,
        real: Float[np.ndarray, " n"],
        fake: Float[np.ndarray, " m"],
        grid_x: Float[np.ndarray, " g"],
        heat: Float[np.ndarray, " g"],
        title: str,
    ) -> Pixels:
        """The picture; `heat` [g] is D in [0, 1] at the places `grid_x` [g], in ascending order. The real points fix its height."""
        real, missing_real = canvas.finite_rows(real)
        fake, missing_fake = canvas.finite_rows(fake)
        real_shares, fake_shares = (
            np.histogram(points, self._edges)[0] / max(len(points), 1) for points in (real, fake)
        )
        top = _round_up(LINE_HEADROOM * real_shares.max()) if real_shares.any() else 1.0
        self._canvas.fix_vertical((0.0, top))
        self._real.set_data(real_shares)
        self._fake.set_data(fake_shares)
        self._output.set_data(grid_x, heat)
        centers = (self._edges[1:] + self._edges[:-1]) / 2
        notes = (
            _mark_cut(self._cut, centers, fake_shares, top),
            canvas.note_outside(canvas.outside(fake[:, None], [self._extent])),
            canvas.note_not_finite(missing_real + missing_fake),
        )
        return self._canvas.frame([self._real, self._fake, self._output, self._cut], title, notes)


def _round_up(value: float) -> float:
    power = 10.0 ** np.floor(np.log10(value))
    return float(power * next(step for step in (1, 1.5, 2, 3, 5, 7.5, 10) if value <= step * power * (1 + 1e-9)))


def _with_gaps(shares: Float[np.ndarray, " k"]) -> Float[np.ndarray, " bars_and_gaps"]:
    return np.insert(shares, np.arange(1, len(shares)), 0.0)


def _percent_ticks(axes: Axes) -> None:
    axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.3g} %")
    axes.tick_params(axis="x", length=0, pad=4)


def _cut_marks(axes: Axes) -> Line2D:
    style: dict[str, Any] = {"color": canvas.INK, "markeredgecolor": "white", "clip_on": False, "animated": True}
    return axes.plot([], [], "^", markersize=6, **style)[0]


def _mark_cut(marks: Line2D, places: Float[np.ndarray, " k"], shares: Float[np.ndarray, " k"], top: float) -> str:
    cut = shares > top
    marks.set_data(places[cut], np.full(cut.sum(), top))
    return f"highest bar {canvas.percent(shares.max())}" if cut.any() else ""
