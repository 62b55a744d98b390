"""Views of points: by mode, as the discriminator's features, and the two numbers of the Dirac-GAN in their plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ganexp.component import component
from ganexp.experiment import Experiment
from ganexp.game import gradient
from ganexp.metrics.of_players import dirac_at, is_dirac
from ganexp.observe.scene import Scene
from ganexp.observe.view import Arrays, Frame, History, View
from ganexp.types import DISCRIMINATOR, GENERATOR, Batch, Image, Minibatches
from ganexp.views.render_charts import ModesPicture
from ganexp.views.render_phase import PhasePicture
from ganexp.views.render_scatter import FeaturesPicture

FEATURES = 2  # how many can be drawn as points of the plane
FIELD_CELLS = 17


@component
class Modes(View):
    """The share of generated points nearest to each mode, against the mixture's weights."""

    def fits(self, experiment: Experiment) -> str | None:
        return None if experiment.dataset.modes() is not None else "the data are not a mixture and have no modes"

    def read(self, scene: Scene) -> dict[str, PyTree]:
        return {"fake": scene.fake.x}

    def frame(self, experiment: Experiment, read: Mapping[str, Any], history: History) -> Arrays:
        # Its library takes a moment to import.
        from ganexp.metrics.modes import ModeCount

        modes, fake = experiment.dataset.modes(), experiment.dataset.denormalize(np.asarray(read["fake"]))
        assert modes is not None, "`fits` says so"
        return {"shares": ModeCount(modes).counts(fake) / len(fake), "weights": np.asarray(modes.weights)}

    def artist(self, experiment: Experiment) -> Any:
        modes = experiment.dataset.modes()
        assert modes is not None, "`fits` says so"
        return ModesPicture(modes.weights)

    def draw(self, frames: Sequence[Frame], step: int, experiment: Experiment, artist: Any) -> Image:
        return artist.draw(frames[-1].arrays["shares"], self.title(experiment, step))


@component
class Features(View):
    """Real and generated samples as the discriminator's last hidden layer sees them, where that has two units."""

    def read(self, scene: Scene) -> dict[str, PyTree]:
        found = {"real": scene.critique(scene.real).features, "fake": scene.critique(scene.fake, scene.noise).features}
        return found if found["real"].shape[1] == FEATURES else {}

    def frame(self, experiment: Experiment, read: Mapping[str, Any], history: History) -> Arrays | None:
        return {name: np.asarray(features) for name, features in read.items()} or None

    def artist(self, experiment: Experiment) -> Any:
        return FeaturesPicture()

    def draw(self, frames: Sequence[Frame], step: int, experiment: Experiment, artist: Any) -> Image:
        arrays = frames[-1].arrays
        return artist.draw(arrays["real"], arrays["fake"], self.title(experiment, step))


@component
class Phase(View):
    """The plane of the Dirac-GAN's two numbers: how they would move from each place, and the way they came."""

    columns: ClassVar = ("dirac/theta", "dirac/psi")
    whole: ClassVar = True

    def fits(self, experiment: Experiment) -> str | None:
        return None if is_dirac(experiment) else "the players are not single numbers, as those of model=dirac are"

    def read(self, scene: Scene) -> dict[str, PyTree]:
        theta, psi = (scene.state.players[player].params["value"] for player in (GENERATOR, DISCRIMINATOR))
        right, up = _field(scene)
        return {"theta": theta[0], "psi": psi[0], "field_theta": right, "field_psi": up}

    def frame(self, experiment: Experiment, read: Mapping[str, Any], history: History) -> Arrays:
        trail = np.array([[read["theta"], read["psi"]]], np.float32)
        if history.rows is not None:
            trail = np.stack([history.rows[column] for column in self.columns], axis=1).astype(np.float32)
        return {
            "field_theta": np.asarray(read["field_theta"]),
            "field_psi": np.asarray(read["field_psi"]),
            "trail": trail,
        }

    def artist(self, experiment: Experiment) -> Any:
        return PhasePicture(experiment.dataset.extent[0][1])

    def draw(self, frames: Sequence[Frame], step: int, experiment: Experiment, artist: Any) -> Image | None:
        arrays, trail = frames[-1].arrays, np.concatenate([frame.arrays["trail"] for frame in frames])
        if not len(trail):
            return None
        field = arrays["field_theta"], arrays["field_psi"]
        return artist.draw(*field, *trail[-1], trail.astype(float), self.title(experiment, step))


def _field(scene: Scene) -> tuple[Float[Array, "g g"], Float[Array, "g g"]]:
    """Minus the gradient that each player moves by, at every (theta, psi) of a grid over the extent."""
    experiment = scene.experiment
    draws = Minibatches(Batch(jnp.zeros((1, 1))), Batch(jnp.zeros((1, experiment.prior.dimension))), scene.key)

    def move(player: str) -> Any:
        def at(theta: Any, psi: Any) -> Any:
            grad: Any = gradient(experiment, player, dirac_at(scene.state, theta, psi), draws, train=False)
            return -grad["value"][0]

        return jax.vmap(at)(theta.ravel(), psi.ravel()).reshape(theta.shape)

    (t0, t1), (p0, p1) = scene.extent
    theta, psi = jnp.meshgrid(jnp.linspace(t0, t1, FIELD_CELLS), jnp.linspace(p0, p1, FIELD_CELLS))
    return move(GENERATOR), move(DISCRIMINATOR)
