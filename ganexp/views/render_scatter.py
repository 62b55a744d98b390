"""Pictures of points in the plane: samples over the discriminator's output, and the discriminator's features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from ganexp.views import canvas
from ganexp.views.canvas import FAKE, PLOT, REAL, Box, Canvas, Pixels, Range

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

LIKE_RANGES = 3.0
# Odd, so that D = 0.5 has its own white band; few, because a smooth heat map doubles the size of the PNG.
BANDS = 13


class SamplesPicture:
    """Real and generated points in the plane, over a heat map of the discriminator's output D(x)."""

    def __init__(self, extent: tuple[Range, Range]):
        """`extent` ((x0, x1), (y0, y1)) in data units is the frame of every picture; like ranges get equal scales."""
        self._extent = extent
        plot = _plot_box(extent)
        self._canvas = Canvas(*extent, plot)
        axes = self._canvas.axes
        scale = canvas.scale_colors("PRGn", (0.1, 0.9), softness=0.5, levels=BANDS)
        frame = (*extent[0], *extent[1])
        self._heat = axes.imshow(
            np.zeros((1, 1)), scale, aspect="auto", extent=frame, origin="lower", vmin=0, vmax=1, animated=True,
            interpolation="bilinear", interpolation_stage="data",
        )  # fmt: skip
        self._cover = self._canvas.add_scale_bar(scale, "D(x)", ["0", "0.5", "1"])
        self._real, self._fake = _dots(axes, REAL), _dots(axes, FAKE)
        self._fake.set_clip_on(False)
        self._canvas.legend([self._real, self._fake], ["real", "generated"])

    def draw(
        self,
        real: Float[np.ndarray, "n 2"],
        fake: Float[np.ndarray, "m 2"],
        heat: Float[np.ndarray, "rows columns"] | None,
        title: str,
    ) -> Pixels:
        """The picture; `heat[row, column]` is D (0 to 1) at the centers of the frame's cells, row 0 at the lowest y."""
        real, missing_real = canvas.finite_rows(real)
        fake, missing_fake = canvas.finite_rows(fake)
        beyond = canvas.outside(fake, self._extent)
        self._real.set_data(*real.T)
        self._fake.set_data(*np.clip(fake, *np.transpose(self._extent)).T)
        below = self._cover
        if heat is not None:
            below = self._heat
            self._heat.set_data(np.ma.masked_invalid(heat))
        notes = canvas.note_outside(beyond), canvas.note_not_finite(missing_real + missing_fake)
        return self._canvas.frame([below, self._real, self._fake], title, notes)


class FeaturesPicture:
    """Real and generated points as the discriminator's two-number feature layer sees them, with their centroids."""

    def __init__(self) -> None:
        """Make the empty picture; its limits follow the features of each frame."""
        from matplotlib.ticker import MaxNLocator

        self._canvas = Canvas((0.0, 1.0), (0.0, 1.0), (58.0, 46.0, 396.0, 360.0))
        axes = self._canvas.axes
        axes.set_xlabel("feature 1", fontsize=8, color=canvas.QUIET, labelpad=3)
        axes.set_ylabel("feature 2", fontsize=8, color=canvas.QUIET, labelpad=3)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_animated(True)
            # Drawn anew in each frame, where every label costs a millisecond.
            axis.set_major_locator(MaxNLocator(4))
        self._real, self._fake = _dots(axes, REAL), _dots(axes, FAKE)
        self._centroids = [_cross(axes, REAL, 20.0), _cross(axes, FAKE, 16.0)]
        centroid = _cross(axes, canvas.QUIET, 8.0)
        self._canvas.legend([self._real, self._fake, centroid], ["real", "generated", "centroids"])

    def draw(self, real: Float[np.ndarray, "n 2"], fake: Float[np.ndarray, "m 2"], title: str) -> Pixels:
        """The picture; its limits hold the 1st to the 99th percentile; a centroid beyond them lies on the edge."""
        real, missing_real = canvas.finite_rows(real)
        fake, missing_fake = canvas.finite_rows(fake)
        centers = [points.mean(0, keepdims=True) if len(points) else points for points in (real, fake)]
        points = np.concatenate([real, fake])
        limits = [_robust_range(points[:, axis]) for axis in range(2)]
        axes = self._canvas.axes
        axes.set(xlim=limits[0], ylim=limits[1])
        self._real.set_data(*real.T)
        self._fake.set_data(*fake.T)
        for cross, center in zip(self._centroids, centers, strict=True):
            cross.set_data(*np.clip(center, *np.transpose(limits)).T)
        moving = [axes.xaxis, axes.yaxis, self._real, self._fake, *self._centroids]
        notes = canvas.note_outside(canvas.outside(points, limits)), canvas.note_not_finite(missing_real + missing_fake)
        return self._canvas.frame(moving, title, notes)


def _dots(axes: Axes, color: tuple[float, float, float]) -> Line2D:
    return axes.plot([], [], "o", markersize=3.4, color=color, alpha=0.75, markeredgecolor="none", animated=True)[0]


def _cross(axes: Axes, color: tuple[float, float, float] | str, size: float) -> Line2D:
    style: dict[str, Any] = {"color": color, "markeredgecolor": "white", "markeredgewidth": 2, "animated": True}
    return axes.plot([], [], "X", markersize=size, **style)[0]


def _plot_box(extent: tuple[Range, Range]) -> Box:
    (x0, x1), (y0, y1) = extent
    left, bottom, width, height = PLOT
    ratio = (y1 - y0) / (x1 - x0)
    if not 1 / LIKE_RANGES <= ratio <= LIKE_RANGES:
        return PLOT
    scale = min(width, height / ratio)
    return left + (width - scale) / 2, bottom + (height - scale * ratio) / 2, scale, scale * ratio


def _robust_range(values: Float[np.ndarray, " n"]) -> Range:
    if not len(values):
        return -1.0, 1.0
    low, high = np.percentile(values, [1, 99])
    # A collapsed feature has no width; half its size (or 1) around it keeps ticks and limits apart.
    padding = 0.12 * (high - low) or 0.5 * abs(high) or 1.0
    return float(low - padding), float(high + padding)
