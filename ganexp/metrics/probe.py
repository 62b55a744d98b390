"""What an evaluation reads from the device: points, scores, gradients and weights."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree

from ganexp.blocks import in_blocks
from ganexp.classifier import Reading
from ganexp.experiment import Experiment, Stream
from ganexp.game import generate, gradient, judge, sample
from ganexp.metrics.images import leak, read
from ganexp.types import DISCRIMINATOR, GENERATOR, PLAYERS, Draws, TrainState

MINIBATCH = 200
BLOCK = 250


class Probe(NamedTuple):
    """One block of an evaluation: D's output (in the loss's reading) and points on both sides, in network coordinates; of
    digits, what the classifier makes of the generated ones; by player the weights and the gradients of its loss on one batch;
    and, where the data are 0 or 1, how well one line of code tells that batch from a real one."""

    real: Float[Array, "n ..."]
    fake: Float[Array, "n ..."]
    output_real: Float[Array, " n"]
    output_fake: Float[Array, " n"]
    reading: Reading | None
    weights: dict[str, Any]
    gradients: dict[str, Any]
    leak: Float[Array, ""] | None


def reference(experiment: Experiment, data: PyTree, samples: int, block: Int[Array, ""]) -> Float[Array, "n ..."]:
    """The `block`-th set of `samples` real points; all evaluations of a run use the same ones."""
    key = jax.random.fold_in(jax.random.fold_in(experiment.key(Stream.EVALUATION), 0), block)
    return experiment.dataset.reference(data, key, samples).x


def probe(experiment: Experiment, data: PyTree, state: TrainState, samples: int, block: Int[Array, ""]) -> Probe:
    """The `block`-th `samples` real and generated points and what both players make of them, in evaluation mode.

    The noise is the same at every step: two evaluations differ by the generator alone.
    """
    experiment = experiment.at(state.step)
    key = jax.random.fold_in(jax.random.fold_in(experiment.key(Stream.EVALUATION), 1), block)

    def make(noise: Any) -> Any:
        return sample(experiment, state, noise, key)

    def logits(points: Any) -> Any:
        return judge(experiment, state.players[DISCRIMINATOR], points, key, train=False)[0].logits

    real = reference(experiment, data, samples, block)
    noise = experiment.prior.sample(key, samples)
    # Only networks for images have patches to run out of memory with.
    size = samples if experiment.dataset.size is None else BLOCK
    fake = in_blocks(make, noise, size)
    # The gradients are of what is minimized, penalties included, on as many points as one batch has.
    few = Draws(real[: experiment.batch_size], noise[: experiment.batch_size], key)
    return Probe(
        real,
        fake,
        experiment.loss.output(in_blocks(logits, real, size)),
        experiment.loss.output(in_blocks(logits, fake, size)),
        read(experiment.dataset, fake),
        {player: state.players[player].params for player in PLAYERS},
        {player: gradient(experiment, player, state.players, few, train=False) for player in PLAYERS},
        leak(few.real, generate(experiment, state.players[GENERATOR], few.noise, key, train=True)[0])
        if experiment.dataset.binary
        else None,
    )


def minibatch_accuracy(experiment: Experiment, data: PyTree, state: TrainState) -> Float[Array, " batches"]:
    """The discriminator's accuracy on each of the minibatches of 200 real and 200 generated points, over the whole set."""
    experiment = experiment.at(state.step)
    key = jax.random.fold_in(experiment.key(Stream.EVALUATION), 2)
    size = experiment.dataset.size
    assert size is not None
    count = min(MINIBATCH, size)

    def output(points: Any) -> Any:
        critique, _ = judge(experiment, state.players[DISCRIMINATOR], points, key, train=False)
        return experiment.loss.output(critique.logits)

    def accuracy(number: Any) -> Any:
        real = experiment.dataset.passed(data, number, count).x
        noise = experiment.prior.sample(jax.random.fold_in(key, number), count)
        fake = sample(experiment, state, noise, key)
        return ((output(real) >= 0.5).mean() + (output(fake) < 0.5).mean()) / 2

    return jax.lax.map(accuracy, jnp.arange(size // count))
