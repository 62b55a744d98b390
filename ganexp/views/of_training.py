"""Views of numbers of the training: both players' losses, and the discriminator's accuracy by minibatch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from ganexp.component import component
from ganexp.experiment import Experiment
from ganexp.game import adversarial
from ganexp.metrics.of_players import minibatch_accuracy
from ganexp.observe.metric import END
from ganexp.observe.scene import Scene
from ganexp.observe.view import Arrays, Frame, History, View
from ganexp.types import DISCRIMINATOR, GENERATOR, Critique, Image, Loss, Scores
from ganexp.views.render_curves import AccuracyPicture, LossesPicture


@component
class Losses(View):
    """Both players' losses so far, by minibatch."""

    columns: ClassVar = (f"loss/{DISCRIMINATOR}", f"loss/{GENERATOR}")
    whole: ClassVar = True

    def read(self, scene: Scene) -> dict[str, PyTree]:
        return {}

    def frame(self, experiment: Experiment, read: Mapping[str, Any], history: History) -> Arrays | None:
        rows = history.rows
        if rows is None or not len(rows["step"]):
            return None
        losses = (np.asarray(rows[column], np.float32) for column in self.columns)
        return {
            "step": np.asarray(rows["step"], np.int64),
            **dict(zip((DISCRIMINATOR, GENERATOR), losses, strict=True)),
        }

    def artist(self, experiment: Experiment) -> Any:
        return LossesPicture(equilibrium(experiment.loss))

    def draw(self, frames: Sequence[Frame], step: int, experiment: Experiment, artist: Any) -> Image | None:
        names = ("step", DISCRIMINATOR, GENERATOR)
        columns = [np.concatenate([frame.arrays[name] for frame in frames]).astype(float) for name in names]
        return artist.draw(*columns, self.title(experiment, step)) if len(columns[0]) > 1 else None


@component
class Accuracy(View):
    """The discriminator's accuracy on each minibatch of 200 real and 200 generated points, over the whole set."""

    when: ClassVar = END

    def fits(self, experiment: Experiment) -> str | None:
        return (
            None
            if experiment.dataset.size is not None
            else "its points are generated on the fly, not drawn from a finite data set"
        )

    def read(self, scene: Scene) -> dict[str, PyTree]:
        return {"accuracy": scene.samples.once(minibatch_accuracy)}

    def frame(self, experiment: Experiment, read: Mapping[str, Any], history: History) -> Arrays:
        return {"accuracy": np.asarray(read["accuracy"])}

    def artist(self, experiment: Experiment) -> Any:
        return AccuracyPicture()

    def draw(self, frames: Sequence[Frame], step: int, experiment: Experiment, artist: Any) -> Image:
        return artist.draw(frames[-1].arrays["accuracy"], f"step {step:,}")


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
