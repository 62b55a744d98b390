"""What an evaluation reads from the device: points, scores, gradients and weights."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
from jaxtyping import Array, Float, Int, PyTree

from ganexp.experiment import Experiment, Stream
from ganexp.types import DISCRIMINATOR, GENERATOR, Scores, TrainState


class Probe(NamedTuple):
    """One block of an evaluation: D's output (in the loss's reading) and points on both sides, in network coordinates, and
    by player the weights and the gradients of its cost on one batch."""

    real: Float[Array, "n ..."]
    fake: Float[Array, "n ..."]
    output_real: Float[Array, " n"]
    output_fake: Float[Array, " n"]
    weights: dict[str, Any]
    gradients: dict[str, Any]


def reference(experiment: Experiment, data: PyTree, samples: int, block: Int[Array, ""]) -> Float[Array, "n ..."]:
    """The `block`-th set of `samples` real points; all evaluations of a run use the same ones."""
    key = jax.random.fold_in(jax.random.fold_in(experiment.key(Stream.EVALUATION), 0), block)
    return experiment.dataset.sample(data, key, samples).x


def probe(experiment: Experiment, data: PyTree, state: TrainState, samples: int, block: Int[Array, ""]) -> Probe:
    """The `block`-th `samples` real and generated points and what both players make of them, in evaluation mode.

    The noise is the same at every step: two evaluations differ by the generator alone.
    """
    experiment = experiment.at(state.step)
    networks = experiment.networks()
    generator, discriminator = state.players[GENERATOR], state.players[DISCRIMINATOR]
    key = jax.random.fold_in(jax.random.fold_in(experiment.key(Stream.EVALUATION), 1), block)

    def make(params: Any, noise: Any) -> Any:
        return networks.generator.apply(params, generator.stats, noise, key, False)[0]

    def judge(params: Any, points: Any) -> Any:
        return networks.discriminator.apply(params, discriminator.stats, points, key, False)[0]

    real = reference(experiment, data, samples, block)
    noise = experiment.prior.sample(key, samples)
    fake = make(generator.params, noise)
    scores = Scores(judge(discriminator.params, real), judge(discriminator.params, fake))

    # The gradients are of the costs alone, without penalties, on as many points as one batch has.
    few_real, few_noise = real[: experiment.batch_size], noise[: experiment.batch_size]

    def discriminator_cost(params: Any) -> Any:
        few_fake = make(generator.params, few_noise)
        return experiment.loss.scale * experiment.loss.discriminator(
            Scores(judge(params, few_real), judge(params, few_fake))
        )

    def generator_cost(params: Any) -> Any:
        few_fake = make(params, few_noise)
        seen = Scores(judge(discriminator.params, few_real), judge(discriminator.params, few_fake))
        return experiment.loss.scale * experiment.loss.generator(seen)

    return Probe(
        real,
        fake,
        experiment.loss.output(scores.real),
        experiment.loss.output(scores.fake),
        {GENERATOR: generator.params, DISCRIMINATOR: discriminator.params},
        {
            GENERATOR: jax.grad(generator_cost)(generator.params),
            DISCRIMINATOR: jax.grad(discriminator_cost)(discriminator.params),
        },
    )
