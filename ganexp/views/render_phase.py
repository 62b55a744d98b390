"""The picture of a two-number game: where its players are heading, and the way they came."""

from __future__ import annotations

from typing import Any, SupportsFloat

import numpy as np
from jaxtyping import Float

from ganexp.views import canvas
from ganexp.views.canvas import FAINT, INK, PLOT, TRAIL, Canvas, Pixels


class PhasePicture:
    """The phase plane of the Dirac-GAN: how theta (the generator, right) and psi (the discriminator, up) move."""

    def __init__(self, bound: float):
        """Every picture shows theta and psi from -`bound` to `bound`."""
        from matplotlib.ticker import MaxNLocator

        self._bound = bound
        limits = (-bound, bound)
        left, bottom, _, height = PLOT
        self._canvas = Canvas(limits, limits, (left + 6, bottom + 10, height - 10, height - 10))
        axes = self._canvas.axes
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
        axes.set_xlabel("theta (generator)", fontsize=8, color=canvas.QUIET, labelpad=2)
        axes.set_ylabel("psi (discriminator)", fontsize=8, color=canvas.QUIET, labelpad=0)
        for line in (axes.axhline, axes.axvline):
            line(0, color=FAINT, linewidth=0.8)
        self._scale = canvas.scale_colors("Blues", (0.3, 1.0), softness=0.0, levels=8)
        self._canvas.add_scale_bar(self._scale, "", ["still", "speed", "fastest"])
        self._trail = axes.plot([], [], color=TRAIL, linewidth=1.4, animated=True)[0]
        dot: dict[str, Any] = {"color": TRAIL, "markeredgecolor": "white", "clip_on": False, "animated": True}
        self._now = axes.plot([], [], "o", markersize=9, markeredgewidth=1.2, **dot)[0]
        self._equilibrium = axes.plot(
            [0], [0], "*", markersize=13, color=INK, markeredgecolor="white", markeredgewidth=0.8, animated=True
        )[0]
        self._canvas.legend([self._now, self._trail, self._equilibrium], ["now", "so far", "equilibrium"])

    def draw(
        self,
        field_theta: Float[np.ndarray, "rows columns"],
        field_psi: Float[np.ndarray, "rows columns"],
        theta: SupportsFloat,
        psi: SupportsFloat,
        trail: Float[np.ndarray, "t 2"],
        title: str,
    ) -> Pixels:
        """The picture; `trail` holds (theta, psi).

        The fields are the motion at a grid's points, edges included: a column per theta, a row per psi, row 0 lowest.
        """
        axes = self._canvas.axes
        rows, columns = np.shape(field_theta)
        places = [np.linspace(-self._bound, self._bound, count) for count in (columns, rows)]
        length = np.hypot(field_theta, field_psi)
        usable = np.isfinite(length) & (length > 0)
        divisor = np.where(usable, length, 1.0)
        directions = [np.where(usable, field / divisor, 0.0) for field in (field_theta, field_psi)]
        arrows = axes.quiver(
            *np.meshgrid(*places), *directions, np.where(usable, length, 0.0), cmap=self._scale, pivot="middle",
            clim=(0, length[usable].max() if usable.any() else 1.0), angles="xy", scale_units="width",
            scale=1.3 * columns, width=0.004, headwidth=4, headlength=4.5, headaxislength=4, minlength=0.5,
            animated=True,
        )  # fmt: skip
        trail, missing = canvas.finite_rows(trail)
        self._trail.set_data(*trail.T)
        now, missing_now = canvas.finite_rows(np.array([[float(theta), float(psi)]]))
        self._now.set_data(*np.clip(now, -self._bound, self._bound).T)
        beyond = canvas.outside(now, [(-self._bound, self._bound)] * 2)
        notes = "now outside" if beyond.any() else "", canvas.note_not_finite(missing + missing_now)
        picture = self._canvas.frame([arrows, self._trail, self._equilibrium, self._now], title, notes)
        arrows.remove()
        return picture
