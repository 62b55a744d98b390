"""What the pictures read from the device: the same noise and the same real points at every step, so that they are one film."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ganexp.experiment import Experiment, Stream
from ganexp.metrics.dirac import is_dirac
from ganexp.types import DISCRIMINATOR, GENERATOR, Scores, TrainState
from ganexp.views.probe_images import ImageSnapshot, image_snapshot

POINTS, FEW_IMAGES = 500, 200
CELLS = 48
FIELD_CELLS = 17


class Snapshot(NamedTuple):
    """What is drawn, in network coordinates: 500 real and 500 generated points, of images none; D's output at the centres of 48 cells a side
    over the extent, rows by y; the discriminator's features of the points, where it has such a layer; for one number a
    player, how (theta, psi) would move from the points of a 17 x 17 grid over the extent; and what images' own pictures need."""

    real: Float[Array, "n ..."] | None
    fake: Float[Array, "n ..."] | None
    heat: Float[Array, ...] | None
    features_real: Float[Array, "n f"] | None
    features_fake: Float[Array, "n f"] | None
    field: tuple[Float[Array, "g g"], Float[Array, "g g"]] | None
    images: ImageSnapshot | None


def snapshot(experiment: Experiment, data: PyTree, state: TrainState, extent: Float[Array, "2 2"]) -> Snapshot:
    """Everything the pictures of one step need, on the data set's `extent`; pure."""
    experiment = experiment.at(state.step)
    networks = experiment.networks()
    generator, discriminator = state.players[GENERATOR], state.players[DISCRIMINATOR]
    points, noise, unused = jax.random.split(experiment.key(Stream.PICTURES), 3)

    def judge(x: Any) -> Any:
        logits, features, _ = networks.discriminator.apply(discriminator.params, discriminator.stats, x, unused, False)
        return experiment.loss.output(logits), features

    count = POINTS if experiment.dataset.size is None else FEW_IMAGES
    real = experiment.dataset.sample(data, points, count).x
    latent = experiment.prior.sample(noise, count)
    fake = networks.generator.apply(generator.params, generator.stats, latent, unused, False)[0]
    heat = field = None
    if experiment.dataset.shape in ((1,), (2,)):
        cells = jnp.meshgrid(*[_centres(*extent[axis]) for axis in range(experiment.dataset.shape[0])])
        places = jnp.stack([cell.ravel() for cell in cells], axis=1)
        heat = judge(experiment.dataset.seen(places))[0].reshape(cells[0].shape)
    if is_dirac(experiment):
        field = _field(experiment, unused, extent)
    features = judge(real)[1], judge(fake)[1]
    if experiment.dataset.size is None:
        return Snapshot(real, fake, heat, *features, field, None)
    # What is not returned is not computed: only a discriminator with features looks at these images.
    return Snapshot(None, None, None, *features, None, image_snapshot(experiment, data, state))


def _centres(low: Any, high: Any) -> Float[Array, " cells"]:
    return low + (high - low) * (jnp.arange(CELLS) + 0.5) / CELLS


def _field(experiment: Experiment, key: Any, extent: Any) -> tuple[Float[Array, "g g"], Float[Array, "g g"]]:
    """Minus the gradient of each player's cost, at every (theta, psi) of the grid."""
    networks = experiment.networks()
    template = {player: getattr(networks, player).init(key) for player in (GENERATOR, DISCRIMINATOR)}
    noise = jnp.zeros((1, experiment.prior.dimension))
    real = jnp.zeros((1, 1))

    def costs(theta: Any, psi: Any) -> tuple[Any, Any]:
        values = {GENERATOR: theta, DISCRIMINATOR: psi}
        params = {
            player: jax.tree.map(lambda leaf, value=values[player]: jnp.full_like(leaf, value), template[player][0])
            for player in values
        }
        fake = networks.generator.apply(params[GENERATOR], {}, noise, key, False)[0]

        def critic(x: Any) -> Any:
            return networks.discriminator.apply(params[DISCRIMINATOR], {}, x, key, False)[0]

        scores = Scores(critic(real), critic(fake))
        terms = [penalty.term(critic, real, fake, key) for penalty in experiment.penalty.values()]
        extra = sum(term for term in terms if term is not None)
        scale = experiment.loss.scale
        return scale * experiment.loss.generator(scores), scale * experiment.loss.discriminator(scores) + extra

    (t0, t1), (p0, p1) = extent
    theta, psi = jnp.meshgrid(jnp.linspace(t0, t1, FIELD_CELLS), jnp.linspace(p0, p1, FIELD_CELLS))
    move_theta = jax.vmap(jax.grad(lambda t, p: -costs(t, p)[0], argnums=0))(theta.ravel(), psi.ravel())
    move_psi = jax.vmap(jax.grad(lambda t, p: -costs(t, p)[1], argnums=1))(theta.ravel(), psi.ravel())
    return move_theta.reshape(theta.shape), move_psi.reshape(psi.shape)
