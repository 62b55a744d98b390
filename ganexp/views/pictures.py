"""The pictures of a run: which ones its data and networks call for, and their drawing from a snapshot."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ganexp.experiment import Experiment
from ganexp.game import adversarial
from ganexp.metrics.modes import ModeCount
from ganexp.types import DISCRIMINATOR, GENERATOR, Critique, Image, Loss, Scores
from ganexp.views.history import History
from ganexp.views.probe import Snapshot
from ganexp.views.probe_images import SIDE, ImageSnapshot
from ganexp.views.render_charts import LinePicture, ModesPicture
from ganexp.views.render_classes import ClassesPicture
from ganexp.views.render_curves import AccuracyPicture, LossesPicture
from ganexp.views.render_images import grid, interpolation
from ganexp.views.render_phase import PhasePicture
from ganexp.views.render_scatter import FeaturesPicture, SamplesPicture


class Pictures:
    """Draws the pictures of one experiment. Artists are made once and moved, which is ten times cheaper than a new figure."""

    def __init__(self, experiment: Experiment):
        self._dataset, self._loss = experiment.dataset, experiment.loss
        self._whose = "" if experiment.average is None else ", averaged weights"
        self._artists: dict[str, Any] = {}

    def _artist(self, name: str, make: Any) -> Any:
        if name not in self._artists:
            self._artists[name] = make()
        return self._artists[name]

    def draw(self, snapshot: Snapshot, title: str, history: History) -> dict[str, Image]:
        """Every picture by name."""
        title += self._whose
        if snapshot.images is None:
            return self._of_points(snapshot, title, history)
        return self._of_images(snapshot.images, title, history) | self._features(snapshot, title)

    def _of_points(self, snapshot: Snapshot, title: str, history: History) -> dict[str, Image]:
        extent, natural, trail = self._dataset.extent, self._dataset.natural, history.trail
        heat = None if snapshot.heat is None else np.clip(np.asarray(snapshot.heat, float), 0, 1)
        real, fake = natural(np.asarray(snapshot.real)), natural(np.asarray(snapshot.fake))
        drawn: dict[str, Image] = {}
        if snapshot.field is not None and len(trail):
            picture = self._artist("phase", lambda: PhasePicture(extent[0][1]))
            drawn["phase"] = picture.draw(*map(np.asarray, snapshot.field), *trail[-1], trail, title)
        elif self._dataset.shape == (1,) and heat is not None:
            places = np.linspace(*extent[0], len(heat), endpoint=False) + (extent[0][1] - extent[0][0]) / len(heat) / 2
            picture = self._artist("samples", lambda: LinePicture(extent[0]))
            drawn["samples"] = picture.draw(real[:, 0], fake[:, 0], places, heat, title)
        elif self._dataset.shape == (2,):
            picture = self._artist("samples", lambda: SamplesPicture(extent))
            drawn["samples"] = picture.draw(real, fake, heat, title)
        drawn |= self._features(snapshot, title)
        modes = self._dataset.modes()
        if modes is not None:
            shares = ModeCount(modes).counts(fake) / len(fake)
            drawn["modes"] = self._artist("modes", lambda: ModesPicture(modes.weights)).draw(shares, title)
        return drawn

    def _features(self, snapshot: Snapshot, title: str) -> dict[str, Image]:
        if snapshot.features_real is None:
            return {}
        features = np.asarray(snapshot.features_real), np.asarray(snapshot.features_fake)
        return {"features": self._artist("features", FeaturesPicture).draw(*features, title)}

    def _of_images(self, snapshot: ImageSnapshot, title: str, history: History) -> dict[str, Image]:
        real, samples, nearest, way = (self._dataset.natural(np.asarray(part)) for part in snapshot)
        drawn = {
            "samples": grid(samples, SIDE, title, nearest),
            "interpolation": interpolation(way, title),
        }
        if not len(history.steps):
            drawn["real"] = grid(real, SIDE, "real images")
        if len(history.steps) > 1:
            picture = self._artist("losses", lambda: LossesPicture(equilibrium(self._loss)))
            losses = history.discriminator_losses, history.generator_losses
            drawn["losses"] = picture.draw(history.steps, *losses, title)
        return drawn

    def classes(self, shares: Float[np.ndarray, " k"], weights: Float[np.ndarray, " k"], title: str) -> Image:
        """The shares of the classes among generated images, and among the training set's."""
        return self._artist("classes", lambda: ClassesPicture(weights)).draw(shares, title)

    def accuracy(self, accuracies: Float[np.ndarray, " batches"], title: str) -> Image:
        """The discriminator's accuracy over the minibatches of the whole set."""
        return self._artist("accuracy", AccuracyPicture).draw(accuracies, title)


def equilibrium(loss: Loss) -> tuple[float, float] | None:
    """Both players' losses where the discriminator cannot tell: at the logit that it reads as 1/2. None where it reads none so, or where
    the losses read what further players say, too."""
    if {*loss.players} != {GENERATOR, DISCRIMINATOR}:
        return None
    for logit in (0.0, 0.5):
        if float(loss.output(np.float32(logit))) == 0.5:
            unsure = Critique(jnp.full(1, logit), jnp.zeros((1, 1)))
            scores = Scores(unsure, unsure)
            return float(adversarial(loss, DISCRIMINATOR, scores)), float(adversarial(loss, GENERATOR, scores))
    return None
