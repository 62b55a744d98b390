"""What the pictures read from the device: the same noise and the same real points at every step, so that they are one film."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ganexp.experiment import Experiment, Stream
from ganexp.game import draw_noise, gradient, judge, output_anywhere, sample
from ganexp.metrics.of_players import dirac_players, is_dirac
from ganexp.types import DISCRIMINATOR, GENERATOR, Batch, Draws, TrainState
from ganexp.views.probe_images import ImageSnapshot, image_snapshot

POINTS, FEW_IMAGES = 500, 200
CELLS = 48
FEATURES = 2  # how many can be drawn as points of the plane
FIELD_CELLS = 17


class Snapshot(NamedTuple):
    """What is drawn, in network coordinates: 500 real and 500 generated points, of images none; D's output at the centres of 48 cells a side
    over the extent, rows by y, without labels (`game.output_anywhere`); the discriminator's features of the points, where there are two; for one number a
    player, how (theta, psi) would move from the points of a 17 x 17 grid over the extent; and what images' own pictures need."""

    real: Float[Array, "n ..."] | None
    fake: Float[Array, "n ..."] | None
    heat: Float[Array, ...] | None
    features_real: Float[Array, "n 2"] | None
    features_fake: Float[Array, "n 2"] | None
    field: tuple[Float[Array, "g g"], Float[Array, "g g"]] | None
    images: ImageSnapshot | None


def snapshot(experiment: Experiment, data: PyTree, state: TrainState, extent: Float[Array, "2 2"]) -> Snapshot:
    """Everything the pictures of one step need, on the data set's `extent`; pure."""
    experiment = experiment.at(state.step)
    points, noise, unused = jax.random.split(experiment.key(Stream.PICTURES), 3)

    def features(batch: Batch) -> Any:
        found = judge(experiment, state.players[DISCRIMINATOR], batch, unused, train=False)[0].features
        return found if found.shape[1] == FEATURES else None

    count = FEW_IMAGES if experiment.dataset.images else POINTS
    real = experiment.dataset.sample(data, points, count)
    fake = sample(experiment, state, draw_noise(experiment, data, noise, count), unused)
    heat = field = None
    if experiment.dataset.shape in ((1,), (2,)):
        cells = jnp.meshgrid(*[_centres(*extent[axis]) for axis in range(experiment.dataset.shape[0])])
        places = jnp.stack([cell.ravel() for cell in cells], axis=1)
        heat = output_anywhere(experiment, data, state, experiment.dataset.seen(places), unused).reshape(cells[0].shape)
    if is_dirac(experiment):
        field = _field(experiment, unused, extent)
    if not experiment.dataset.images:
        return Snapshot(real.x, fake.x, heat, features(real), features(fake), field, None)
    # What is not returned is not computed: only a discriminator with two features is applied to these images.
    return Snapshot(None, None, None, features(real), features(fake), None, image_snapshot(experiment, data, state))


def _centres(low: Any, high: Any) -> Float[Array, " cells"]:
    return low + (high - low) * (jnp.arange(CELLS) + 0.5) / CELLS


def _field(experiment: Experiment, key: Any, extent: Any) -> tuple[Float[Array, "g g"], Float[Array, "g g"]]:
    """Minus the gradient of each player's loss, at every (theta, psi) of the grid."""
    draws = Draws(Batch(jnp.zeros((1, 1))), Batch(jnp.zeros((1, experiment.prior.dimension))), key)

    def move(player: str) -> Any:
        def at(theta: Any, psi: Any) -> Any:
            slope: Any = gradient(experiment, player, dirac_players(theta, psi), draws, train=False)
            return -slope["value"][0]

        return jax.vmap(at)(theta.ravel(), psi.ravel()).reshape(theta.shape)

    (t0, t1), (p0, p1) = extent
    theta, psi = jnp.meshgrid(jnp.linspace(t0, t1, FIELD_CELLS), jnp.linspace(p0, p1, FIELD_CELLS))
    return move(GENERATOR), move(DISCRIMINATOR)
