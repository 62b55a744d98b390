"""Metrics of the players themselves: what the discriminator says, how large gradients are, and numbers that are a whole player."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ganexp.component import component, numbers
from ganexp.experiment import ROLES, Experiment, Stream
from ganexp.game import assess, draw_noise, sample, with_params
from ganexp.nets import Linear, Point
from ganexp.observe.metric import END, LOG, Arrays, Metric
from ganexp.observe.samples import Samples
from ganexp.ranking import NEITHER
from ganexp.types import DISCRIMINATOR, GENERATOR, Batch, TrainState

MINIBATCH = 200


@component
class DiscriminatorOutput(Metric):
    """The share of real and of generated points that the discriminator gets right, and its mean output on both."""

    better: ClassVar = dict.fromkeys(("accuracy/real", "accuracy/fake", "score/real", "score/fake"), NEITHER)

    def read(self, samples: Samples) -> dict[str, PyTree]:
        return {"output_real": samples.output_real, "output_fake": samples.output_fake}

    def score(self, arrays: Arrays, known: Any) -> dict[str, float]:
        real, fake = np.asarray(arrays["output_real"], float), np.asarray(arrays["output_fake"], float)
        return {
            "accuracy/real": float((real > 0.5).mean()),
            "accuracy/fake": float((fake < 0.5).mean()),
            "score/real": float(real.mean()),
            "score/fake": float(fake.mean()),
        }


@component
class GradientNorm(Metric):
    """The Euclidean norm of the gradient of what each player minimizes, on one minibatch; histograms of weights and gradients."""

    better: ClassVar = dict.fromkeys((f"gradient/{player}" for player in ROLES), NEITHER)
    by_sample: ClassVar = False

    def read(self, samples: Samples) -> dict[str, PyTree]:
        return {"weights": samples.weights, "gradients": samples.gradients}

    def score(self, arrays: Arrays, known: Any) -> dict[str, float]:
        return {f"gradient/{player}": norm(gradient) for player, gradient in arrays["gradients"].items()}

    def histograms(self, arrays: Arrays, known: Any) -> dict[str, Any]:
        return {
            f"{kind}/{player}/{name}": leaf
            for player in arrays["gradients"]
            for kind in ("weights", "gradients")
            for name, leaf in numbers(arrays[kind][player]).items()
        }


def norm(tree: Any) -> float:
    """The Euclidean norm of all numbers of a tree of arrays."""
    return float(np.sqrt(sum(float(np.sum(np.square(leaf, dtype=float))) for leaf in jax.tree.leaves(tree))))


@component
class MinibatchAccuracy(Metric):
    """The discriminator's mean accuracy over the minibatches of the whole set: see `minibatch_accuracy`."""

    better: ClassVar = {"accuracy/minibatches": NEITHER}
    when: ClassVar = END
    by_sample: ClassVar = False

    def fits(self, experiment: Experiment) -> str | None:
        return (
            None
            if experiment.dataset.size is not None
            else "its points are generated on the fly, not drawn from a finite data set"
        )

    def read(self, samples: Samples) -> dict[str, PyTree]:
        return {"minibatch_accuracy": samples.once(minibatch_accuracy)}

    def score(self, arrays: Arrays, known: Any) -> dict[str, float]:
        return {"accuracy/minibatches": float(np.asarray(arrays["minibatch_accuracy"]).mean())}


def minibatch_accuracy(experiment: Experiment, data: PyTree, state: TrainState) -> Float[Array, " batches"]:
    """The discriminator's accuracy on each of the minibatches of 200 real and 200 generated points, over the whole set."""
    experiment = experiment.at(state.step)
    key = jax.random.fold_in(experiment.key(Stream.EVALUATION), 2)
    size = experiment.dataset.size
    assert size is not None
    count = min(MINIBATCH, size)

    def output(batch: Batch, noise: Batch | None = None) -> Any:
        return experiment.loss.output(assess(experiment, state, batch, key, noise).logits)

    def accuracy(number: Any) -> Any:
        real = experiment.dataset.sequential(data, number, count)
        noise = draw_noise(experiment, data, jax.random.fold_in(key, number), count)
        fake = sample(experiment, state, noise, key)
        return ((output(real) >= 0.5).mean() + (output(fake, noise) < 0.5).mean()) / 2

    return jax.lax.map(accuracy, jnp.arange(size // count))


@component
class DiracParameters(Metric):
    """The two numbers of the Dirac-GAN: theta is the generator, psi the discriminator."""

    better: ClassVar = {"dirac/theta": NEITHER, "dirac/psi": NEITHER}
    when: ClassVar = LOG
    by_sample: ClassVar = False

    def fits(self, experiment: Experiment) -> str | None:
        return None if is_dirac(experiment) else "the players are not single numbers, as those of model=dirac are"

    def read(self, samples: Samples) -> dict[str, PyTree]:
        theta, psi = (samples.state.players[player].params["value"] for player in (GENERATOR, DISCRIMINATOR))
        return {"theta": theta[0], "psi": psi[0]}

    def score(self, arrays: Arrays, known: Any) -> dict[str, float]:
        return {"dirac/psi": float(arrays["psi"]), "dirac/theta": float(arrays["theta"])}


def is_dirac(experiment: Experiment) -> bool:
    """Whether both players are one number each."""
    model, shape = experiment.model, experiment.dataset.shape
    return shape == (1,) and isinstance(model.generator, Point) and isinstance(model.discriminator, Linear)


def dirac_at(state: TrainState, theta: Any, psi: Any) -> TrainState:
    """The state with players whose numbers are `theta` and `psi`; pure."""
    params = {GENERATOR: {"value": theta[None]}, DISCRIMINATOR: {"value": psi[None]}}
    return state._replace(players=with_params(state.players, params))
