"""Pictures of numbers by minibatch: both players' losses, and the discriminator's accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float, Shaped

from ganexp.views import canvas
from ganexp.views.canvas import DISCRIMINATOR, FAKE, Canvas, Pixels, Range

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

# About as many as there are pixels: more points take time and show nothing.
BINS = 200
PLOT = (58.0, 46.0, 396.0, 360.0)
DOTTED: dict[str, Any] = {"linewidth": 1.2, "linestyle": (0, (1.5, 2))}


class Envelope(NamedTuple):
    """Numbers in bins of neighbors: each bin's mean place, and the lowest number in it, the mean and the highest."""

    place: Float[np.ndarray, " bins"]
    low: Float[np.ndarray, " bins"]
    mean: Float[np.ndarray, " bins"]
    high: Float[np.ndarray, " bins"]


class LossesPicture:
    """Both players' losses by minibatch: the means of neighbors as lines, in bands from their lowest to their highest."""

    def __init__(self, equilibrium: tuple[float, float] | None = None):
        """`equilibrium` are the losses of discriminator and generator when neither can gain, drawn as dotted lines."""
        self._equilibrium = equilibrium or ()
        self._canvas = Canvas((0.0, 1.0), (0.0, 1.0), PLOT)
        axes = self._canvas.axes
        _label(axes, "step", "loss on its minibatch")
        axes.yaxis.set_animated(True)
        colors = DISCRIMINATOR, FAKE
        self._curves = [_Curve(axes, color) for color in colors]
        self._targets = [
            axes.axhline(loss, color=color, animated=True, **DOTTED)
            for loss, color in zip(self._equilibrium, colors, strict=False)
        ]
        handles: list[Artist] = [curve.line for curve in self._curves]
        names = ["discriminator", "generator"]
        if self._targets:
            handles, names = [*handles, axes.plot([], [], color=canvas.QUIET, **DOTTED)[0]], [*names, "equilibrium"]
        self._canvas.legend(handles, names)

    def draw(
        self,
        steps: Shaped[np.ndarray, " n"],
        discriminator: Float[np.ndarray, " n"],
        generator: Float[np.ndarray, " n"],
        title: str,
    ) -> Pixels:
        """The picture; `steps` ascend. The scale holds each player's losses from their 0.5th to their 99.5th percentile."""
        places = np.asarray(steps, np.float64)
        losses = [np.asarray(values, np.float64) for values in (discriminator, generator)]
        finite = [values[np.isfinite(values)] for values in losses]
        known = np.concatenate(finite)
        vertical = _range_of_most(finite, self._equilibrium)
        self._canvas.axes.set(xlim=_span(places), ylim=vertical)
        for curve, values in zip(self._curves, losses, strict=True):
            curve.move(envelope(places, values, BINS))
        notes = (
            canvas.note_outside(canvas.outside(known[:, None], [vertical])),
            canvas.note_not_finite(2 * len(places) - len(known)),
        )
        axes = self._canvas.axes
        bands, lines = [curve.band for curve in self._curves], [curve.line for curve in self._curves]
        return self._canvas.frame([axes.xaxis, axes.yaxis, *bands, *self._targets, *lines], title, notes)


class AccuracyPicture:
    """The discriminator's accuracy on real and generated images, minibatch by minibatch, beside that of guessing."""

    def __init__(self) -> None:
        """Make the empty picture: accuracies from 0 to 1, upwards."""
        self._canvas = Canvas((0.0, 1.0), (-0.02, 1.02), PLOT)
        axes = self._canvas.axes
        _label(axes, "minibatch", "accuracy of the discriminator")
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1], labels=["0", "0.25", "0.5", "0.75", "1"])
        guessing = axes.axhline(0.5, color=canvas.QUIET, **DOTTED)
        self._curve = _Curve(axes, DISCRIMINATOR)
        self._mean = axes.plot([], [], color=canvas.INK, linewidth=1.2, animated=True)[0]
        self._canvas.legend([self._mean, guessing], ["mean", "guessing"])

    def draw(self, accuracies: Float[np.ndarray, " n"], title: str) -> Pixels:
        """The picture of accuracies (0 to 1), in the order of the minibatches; their mean is added to the title."""
        accuracies = np.asarray(accuracies, np.float64)
        places = np.arange(1.0, len(accuracies) + 1)
        finite = accuracies[np.isfinite(accuracies)]
        axes = self._canvas.axes
        axes.set_xlim(_span(places))
        self._curve.move(envelope(places, accuracies, BINS))
        self._mean.set_data([], [])
        if len(finite):
            title = f"{title}: mean {finite.mean():.3f}" if title else f"mean {finite.mean():.3f}"
            self._mean.set_data(axes.get_xlim(), [finite.mean()] * 2)
        notes = [canvas.note_not_finite(len(accuracies) - len(finite))]
        return self._canvas.frame([axes.xaxis, self._curve.band, self._curve.line, self._mean], title, notes)


class _Curve:
    def __init__(self, axes: Axes, color: tuple[float, float, float]):
        self.band = axes.fill([], [], color=color, alpha=0.25, linewidth=0, animated=True)[0]
        self.line = axes.plot([], [], color=color, linewidth=1.4, animated=True)[0]

    def move(self, now: Envelope) -> None:
        there, back = np.stack([now.place, now.high], 1), np.stack([now.place, now.low], 1)[::-1]
        self.band.set_xy(np.concatenate([there, back]))
        self.line.set_data(now.place, now.mean)


def envelope(places: Float[np.ndarray, " n"], values: Float[np.ndarray, " n"], bins: int) -> Envelope:
    """The finite `values` at `places` in at most `bins` bins of as many neighbors each, to within one."""
    finite = np.isfinite(values)
    places, values = places[finite], values[finite]
    count = len(values)
    if count <= bins:
        return Envelope(places, values, values, values)
    starts = np.arange(bins) * count // bins
    sizes = np.diff(np.append(starts, count))
    place, mean = (np.add.reduceat(numbers, starts) / sizes for numbers in (places, values))
    return Envelope(place, np.minimum.reduceat(values, starts), mean, np.maximum.reduceat(values, starts))


def _label(axes: Axes, horizontal: str, vertical: str) -> None:
    from matplotlib.ticker import MaxNLocator

    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    # Drawn anew in each frame, because its range grows with training.
    axes.xaxis.set_animated(True)
    axes.xaxis.set_major_formatter(lambda place, _: f"{place:,.10g}")
    axes.set_xlabel(horizontal, fontsize=8, color=canvas.QUIET, labelpad=3)
    axes.set_ylabel(vertical, fontsize=8, color=canvas.QUIET, labelpad=3)


def _span(places: Float[np.ndarray, " n"]) -> Range:
    if not len(places):
        return 0.0, 1.0
    first, last = float(places[0]), float(places[-1])
    return (first, last) if first < last else (first - 0.5, first + 0.5)


def _range_of_most(players: list[Float[np.ndarray, " _"]], also: tuple[float, ...]) -> Range:
    shown = [*(np.percentile(losses, [0.5, 99.5]) for losses in players if len(losses)), np.asarray(also)]
    values = np.concatenate(shown)
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    padding = 0.06 * (high - low) or 0.5 * abs(high) or 1.0
    # A cross-entropy's zero is worth seeing, and a loss that has been negative keeps its own range.
    return min(0.0, low - padding) if low >= 0 and all(
        (losses >= 0).all() for losses in players
    ) else low - padding, high + padding
