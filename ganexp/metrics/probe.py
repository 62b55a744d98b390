"""What an evaluation reads from the device: points, scores, gradients and weights."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree

from ganexp.blocks import in_blocks
from ganexp.classifier import Reading
from ganexp.experiment import Experiment, Stream
from ganexp.metrics.images import leak, read
from ganexp.outputs import Soft
from ganexp.types import DISCRIMINATOR, GENERATOR, Scores, TrainState
from ganexp.updates import discriminator_terms, total

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
    networks = experiment.networks()
    generator, discriminator = state.players[GENERATOR], state.players[DISCRIMINATOR]
    key = jax.random.fold_in(jax.random.fold_in(experiment.key(Stream.EVALUATION), 1), block)

    def make(params: Any, noise: Any, train: bool = False) -> Any:
        return networks.generator.apply(params, generator.stats, noise, key, train)[0]

    def judge(params: Any, points: Any) -> Any:
        return networks.discriminator.apply(params, discriminator.stats, points, key, False)[0]

    real = reference(experiment, data, samples, block)
    noise = experiment.prior.sample(key, samples)
    # Only networks for images have patches to run out of memory with.
    size = samples if experiment.dataset.size is None else BLOCK
    fake = in_blocks(lambda part: make(generator.params, part), noise, size)
    scores = Scores(*(in_blocks(lambda part: judge(discriminator.params, part), side, size) for side in (real, fake)))

    # The gradients are of what is minimized, penalties included, on as many points as one batch has.
    few_real, few_noise = real[: experiment.batch_size], noise[: experiment.batch_size]

    def discriminator_cost(params: Any) -> Any:
        few_fake = make(generator.params, few_noise)
        scores = Scores(judge(params, few_real), judge(params, few_fake))
        return total(
            discriminator_terms(experiment, scores, lambda points: judge(params, points), few_real, few_fake, key)
        )

    def generator_cost(params: Any) -> Any:
        # A threshold has no gradient: what training differentiates is looked at where there is one.
        few_fake = make(params, few_noise, not isinstance(experiment.output, Soft))
        seen = Scores(judge(discriminator.params, few_real), judge(discriminator.params, few_fake))
        return experiment.loss.scale * experiment.loss.generator(seen)

    return Probe(
        real,
        fake,
        experiment.loss.output(scores.real),
        experiment.loss.output(scores.fake),
        read(experiment.dataset, fake),
        {GENERATOR: generator.params, DISCRIMINATOR: discriminator.params},
        {
            GENERATOR: jax.grad(generator_cost)(generator.params),
            DISCRIMINATOR: jax.grad(discriminator_cost)(discriminator.params),
        },
        leak(few_real, make(generator.params, few_noise, True)) if experiment.dataset.binary else None,
    )


def minibatch_accuracy(experiment: Experiment, data: PyTree, state: TrainState) -> Float[Array, " batches"]:
    """The discriminator's accuracy on each of the minibatches of 200 real and 200 generated points, over the whole set."""
    experiment = experiment.at(state.step)
    networks = experiment.networks()
    generator, discriminator = state.players[GENERATOR], state.players[DISCRIMINATOR]
    key = jax.random.fold_in(experiment.key(Stream.EVALUATION), 2)
    size = experiment.dataset.size
    assert size is not None
    count = min(MINIBATCH, size)

    def judge(points: Any) -> Any:
        logits, _, _ = networks.discriminator.apply(discriminator.params, discriminator.stats, points, key, False)
        return experiment.loss.output(logits)

    def accuracy(number: Any) -> Any:
        real = experiment.dataset.passed(data, number, count).x
        noise = experiment.prior.sample(jax.random.fold_in(key, number), count)
        fake, _, _ = networks.generator.apply(generator.params, generator.stats, noise, key, False)
        return ((judge(real) >= 0.5).mean() + (judge(fake) < 0.5).mean()) / 2

    return jax.lax.map(accuracy, jnp.arange(size // count))
