"""The pictures of a run: which ones its data and networks call for, and their drawing from a snapshot."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from ganexp.experiment import Experiment
from ganexp.metrics.modes import ModeCount
from ganexp.types import Image
from ganexp.views.probe import Snapshot
from ganexp.views.render_charts import LinePicture, ModesPicture
from ganexp.views.render_phase import PhasePicture
from ganexp.views.render_scatter import FeaturesPicture, SamplesPicture


class Pictures:
    """Draws the pictures of one experiment. Artists are made once and moved, which is ten times cheaper than a new figure."""

    def __init__(self, experiment: Experiment):
        self._dataset = experiment.dataset
        self._artists: dict[str, Any] = {}

    def _artist(self, name: str, make: Any) -> Any:
        if name not in self._artists:
            self._artists[name] = make()
        return self._artists[name]

    def draw(self, snapshot: Snapshot, title: str, trail: Float[np.ndarray, "t 2"]) -> dict[str, Image]:
        """Every picture by name; `trail` are the values (theta, psi) so far of a Dirac-GAN."""
        extent, natural = self._dataset.extent, self._dataset.natural
        heat = None if snapshot.heat is None else np.clip(np.asarray(snapshot.heat, float), 0, 1)
        real, fake = natural(np.asarray(snapshot.real)), natural(np.asarray(snapshot.fake))
        drawn: dict[str, Image] = {}
        if snapshot.field is not None and len(trail):
            picture = self._artist("phase", lambda: PhasePicture(extent[0][1]))
            drawn["phase"] = picture.draw(*map(np.asarray, snapshot.field), *trail[-1], trail, title)
        elif self._dataset.shape == (1,) and heat is not None:
            grid = np.linspace(*extent[0], len(heat), endpoint=False) + (extent[0][1] - extent[0][0]) / len(heat) / 2
            picture = self._artist("samples", lambda: LinePicture(extent[0]))
            drawn["samples"] = picture.draw(real[:, 0], fake[:, 0], grid, heat, title)
        elif self._dataset.shape == (2,):
            picture = self._artist("samples", lambda: SamplesPicture(extent))
            drawn["samples"] = picture.draw(real, fake, heat, title)
        if snapshot.features_real is not None and snapshot.features_real.shape[1] == 2:
            features = np.asarray(snapshot.features_real), np.asarray(snapshot.features_fake)
            drawn["features"] = self._artist("features", FeaturesPicture).draw(*features, title)
        modes = self._dataset.modes()
        if modes is not None:
            shares = ModeCount(modes).counts(fake) / len(fake)
            drawn["modes"] = self._artist("modes", lambda: ModesPicture(modes.weights)).draw(shares, title)
        return drawn
