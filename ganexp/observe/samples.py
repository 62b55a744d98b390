"""What an evaluation reads from the device: real and generated points, and what the players make of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree

from ganexp.blocks import map_in_blocks
from ganexp.experiment import Experiment, Stream
from ganexp.game import assess, draw_noise, generate, gradient, sample
from ganexp.types import GENERATOR, Batch, Dataset, Minibatches, TrainState

BLOCK = 250


class Samples:
    """The `block`-th `count` real and generated points of an evaluation, in network coordinates and evaluation mode, and what is
    made of them. Each part is computed when it is first asked for, and once; what nobody asks for is not computed.

    The noise is the same at every step: two evaluations differ by the generator alone.
    """

    def __init__(self, experiment: Experiment, data: PyTree, state: TrainState, count: int, block: Int[Any, ""]):
        self.experiment, self.data, self.state = experiment.at(state.step), data, state
        self._count, self._block = count, block
        self._found: dict[Callable[..., Any], Any] = {}
        self._key = jax.random.fold_in(jax.random.fold_in(experiment.key(Stream.EVALUATION), 1), block)
        # Only networks for images have patches to run out of memory with.
        self._size = BLOCK if experiment.dataset.images else count

    @cached_property
    def real(self) -> Batch:
        """Real points, the same at every step."""
        return reference(self.experiment, self.data, self._count, self._block)

    @cached_property
    def noise(self) -> Batch:
        """What the generated points are made of."""
        return draw_noise(self.experiment, self.data, self._key, self._count)

    @cached_property
    def fake(self) -> Batch:
        """Generated points."""
        return map_in_blocks(self.generate, self.noise, self._size)

    @cached_property
    def output_real(self) -> Float[Array, " n"]:
        """D(x) of the real points, as the loss reads it."""
        return self.experiment.loss.output(map_in_blocks(self._logits, self.real, self._size))

    @cached_property
    def output_fake(self) -> Float[Array, " n"]:
        """D(x) of the generated points, as the loss reads it."""
        pairs = self.fake, self.noise
        return self.experiment.loss.output(map_in_blocks(lambda pair: self._logits(*pair), pairs, self._size))

    @cached_property
    def reading(self) -> Any:
        """What the data set's digit classifier makes of the generated images."""
        return classified(self.experiment.dataset, self.fake.x)

    @cached_property
    def batch(self) -> Minibatches:
        """As many real points and noise vectors as one minibatch of training has."""
        size = self.experiment.batch_size
        real, noise = jax.tree.map(lambda leaf: leaf[:size], (self.real, self.noise))
        return Minibatches(real, noise, self._key)

    @property
    def weights(self) -> dict[str, Any]:
        """The parameters of each player."""
        return {player: self.state.players[player].params for player in self.experiment.players}

    @cached_property
    def gradients(self) -> dict[str, Any]:
        """The gradient, on `batch`, that each player moves by: of all that it minimizes, as the rules of `gradient` have it."""
        players = self.experiment.players
        return {player: gradient(self.experiment, player, self.state, self.batch, train=False) for player in players}

    def once(self, function: Callable[[Experiment, PyTree, TrainState], Any]) -> Any:
        """What a function makes of the experiment, the data and the state; computed once for all who ask for it."""
        if function not in self._found:
            self._found[function] = function(self.experiment, self.data, self.state)
        return self._found[function]

    def generate(self, noise: Batch, train: bool = False) -> Batch:
        """Generated points, by the averaged weights where there are some; `train`: as the discriminator sees them in training."""
        if train:
            return generate(self.experiment, self.state.players[GENERATOR], noise, self._key, train)[0]
        return sample(self.experiment, self.state, noise, self._key)

    def _logits(self, batch: Batch, noise: Batch | None = None) -> Float[Array, " n"]:
        return assess(self.experiment, self.state, batch, self._key, noise).logits


def reference(experiment: Experiment, data: PyTree, count: int, block: Int[Any, ""]) -> Batch:
    """The `block`-th set of `count` real points; all evaluations of a run use the same ones."""
    key = jax.random.fold_in(jax.random.fold_in(experiment.key(Stream.EVALUATION), 0), block)
    return experiment.dataset.reference(data, key, count)


def classified(dataset: Dataset, x: Float[Array, "n ..."]) -> Any:
    """What the data set's classifier makes of images in network coordinates, channel by channel: a `Reading` of probabilities
    [n, c, 10] and features [n, 64 c]."""
    from ganexp.classifier import Reading, reader

    assert dataset.classifier is not None
    images = jnp.clip(dataset.denormalize(x), 0, 1)
    n, channels = len(images), images.shape[-1]
    reading = reader(dataset.classifier)(jnp.moveaxis(images, -1, 1).reshape(n * channels, *images.shape[1:3]))
    return Reading(reading.probabilities.reshape(n, channels, -1), reading.features.reshape(n, -1))
