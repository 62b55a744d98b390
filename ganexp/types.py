"""The shapes everything is made of: what parts take and return. No logic.

`n` points of a data set have shape `(n, *shape)`; noise has shape `(n, d)`; logits have shape `(n,)`. "Player" is the
generator, the discriminator, or another that a model brings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from jaxtyping import Array, Float, Int, Key, PyTree, UInt8

from ganexp.component import Component, component, setting

if TYPE_CHECKING:
    Parameters = Any
else:
    Parameters = PyTree[Float[Array, "..."]]

GENERATOR, DISCRIMINATOR = "generator", "discriminator"
RECONSTRUCTOR = "reconstructor"  # maps points to noise

Scalar = Float[Array, ""]
Memory = dict[str, PyTree]  # What parts remember, by the names that `experiment` gives them.
Extent = tuple[tuple[float, float], tuple[float, float]]


def silent(text: str) -> None:
    """Tell nobody."""


class Batch(NamedTuple):
    """Points of a data set in the coordinates the networks see, or noise, and the label of each, from 0 on; None where the data has none.

    A generated point has the label that its noise was drawn with.
    """

    x: Float[Array, "n ..."]
    label: Int[Array, " n"] | None = None


WHITE = 255  # the largest pixel


class Images(NamedTuple):
    """Pixels from 0 to 255, and labels, of the training and of the test images of a data set."""

    train: UInt8[Any, "n 28 28"]
    train_label: UInt8[Any, " n"]
    test: UInt8[Any, "m 28 28"]
    test_label: UInt8[Any, " m"]


class Modes(NamedTuple):
    """A mixture of Gaussians in data units: k centers, their standard deviations by axis, and weights that sum to 1."""

    centers: Float[np.ndarray, "k d"]
    stds: Float[np.ndarray, "k d"]
    weights: Float[np.ndarray, " k"]


class Net(NamedTuple):
    """A network as two pure functions: `init(key) -> (parameters, statistics)` and
    `apply(parameters, statistics, batch, key, train) -> (output, features, statistics)`. The features [n, f] are the units of its last
    hidden layer; without a hidden layer, its input. `coupled`: the output at one point depends on the others of its batch, in evaluation too."""

    init: Callable[[Key[Array, ""]], tuple[Parameters, Parameters]]
    apply: Callable[..., tuple[Float[Array, "n ..."], Float[Array, "n f"], Parameters]]
    coupled: bool = False


class Critique(NamedTuple):
    """The discriminator's output on a batch: logits, and the units of its last hidden layer, which are free unless something reads them."""

    logits: Float[Array, " n"]
    features: Float[Array, "n f"]


class Scores(NamedTuple):
    """The discriminator's output on a batch of real and a batch of generated points; and, where a model has further players, the noise
    that the generated points are made of and what each of these players makes of both batches, by its name."""

    real: Critique
    fake: Critique
    noise: Float[Array, "n d"] | None = None
    others_real: dict[str, Float[Array, "n ..."]] = {}
    others_fake: dict[str, Float[Array, "n ..."]] = {}


class Player(NamedTuple):
    """One player's parameters, statistics (of its normalization layers) and optimizer state."""

    params: Parameters
    stats: Parameters
    opt: Any


class Minibatches(NamedTuple):
    """The random numbers of one step: `b` batches of `n` real points and of as many noise vectors, and for each of `u` updates a key
    for what else is random."""

    real: Batch
    noise: Batch
    key: Key[Array, " u"]


class Update(NamedTuple):
    """Everything one player's update computed; what is not used costs nothing, XLA removes it. `loss` is the sum of `terms`;
    `pull`, minus its gradient by each generated point, is where it draws these."""

    noise: Batch
    real: Batch
    fake: Batch
    scores: Scores
    terms: dict[str, Scalar]
    loss: Scalar
    grads: Parameters
    pull: Float[Array, "n ..."]


class TrainState(NamedTuple):
    """All that training carries from step to step: plain arrays only. `memory` is what parts remember, such as `average`."""

    step: Any
    players: dict[str, Player]
    memory: Memory


@component
class Dataset(Component):
    """Where real points come from. `shape` is one point's shape; `extent` the box ((x0, x1), (y0, y1)), in data units, that
    holds the data: pictures show it and the grid divergences bin it. `size` is how many points make an epoch, None where
    points are made and not drawn from a set; `images` says that a point is an image [height, width, channels]; `binary` that
    every number is 0 or 1; `classifier` names the digit classifier that reads its images."""

    images: ClassVar[bool] = False
    binary: ClassVar[bool] = False
    classifier: ClassVar[str | None] = None

    @property
    def size(self) -> int | None:
        return None

    @property
    def shape(self) -> tuple[int, ...]:
        return (2,)

    @property
    def extent(self) -> Extent:
        raise NotImplementedError

    @property
    def classes(self) -> int | None:
        """How many labels its points have, from 0 on; None where they have none."""
        return None

    @property
    def unreachable_outputs(self) -> tuple[str, ...]:
        """The last functions of a generator (`sigmoid`, `tanh`) that cannot reach all of the data."""
        return ()

    def load(self, show: Callable[[str], None] = silent) -> PyTree:
        """Arrays that the data set reads from disk: the only place for input and output. `()` where it makes its points.

        `show` is told what takes long. Raises SettingError where the arrays cannot be had.
        """
        return ()

    def sample(self, data: PyTree, key: Key[Array, ""], n: int) -> Batch:
        """`n` independent points, in the coordinates the networks see; pure."""
        raise NotImplementedError

    def labels(self, data: PyTree, key: Key[Array, ""], n: int) -> Int[Array, " n"] | None:
        """The labels of `n` independent points, as generated points get them; pure."""
        # What is not returned is not computed: no point is made.
        return self.sample(data, key, n).label

    def frequencies(self, data: PyTree) -> Float[Array, " classes"] | None:
        """The probability of each label; pure."""
        return None

    def reference(self, data: PyTree, key: Key[Array, ""], n: int) -> Batch:
        """`n` real points to compare others with: of a set, without repetition as long as there are enough."""
        return self.sample(data, key, n)

    def test_batch(self, data: PyTree, key: Key[Array, ""], n: int) -> Batch:
        """The same of real points that training never draws, where there is a test set."""
        return self.sample(data, key, n)

    def sequential(self, data: PyTree, number: Int[Array, ""], n: int) -> Batch:
        """The `number`-th `n` points of a pass over the whole set, in its own order."""
        raise NotImplementedError

    def held_out(self, data: PyTree) -> int | None:
        """How many points training never draws; None where they are made."""
        return None

    def training(self, data: PyTree, order: Key[Array, ""], step: Int[Array, ""], key: Key[Array, ""], n: int) -> Batch:
        """The `n` points of a training step. `key` is the step's own; `order` the run's, for epochs without repetition."""
        return self.sample(data, key, n)

    def normalize(self, x: Float[Array, "n ..."]) -> Float[Array, "n ..."]:
        """Points in the coordinates the networks see, from data units; pure."""
        return x

    def denormalize(self, x: Float[Any, "n ..."]) -> Float[Any, "n ..."]:
        """Points in data units, from the coordinates the networks see: the inverse of `normalize`, on the host or the device."""
        return x

    def modes(self) -> Modes | None:
        """The mixture the points come from, where they come from one."""
        return None


@component
class Loss(Component):
    """What each player minimizes, as a function of the discriminator's output on both batches.

    `scale` multiplies all players' losses; `real_weight` multiplies the real term. `players` are those that it needs, and trains: each has a
    method of its name. Where `paired` is one of these, the discriminator judges pairs: a real point beside what that player makes of
    it, a generated point beside its noise.
    """

    players: ClassVar[tuple[str, ...]] = (GENERATOR, DISCRIMINATOR)
    paired: ClassVar[str | None] = None

    scale: float = setting(1.0, above=0)
    real_weight: float = setting(1.0, above=0)

    def discriminator(self, scores: Scores) -> Scalar:
        """The discriminator's loss, before `scale`."""
        raise NotImplementedError

    def generator(self, scores: Scores) -> Scalar:
        """The generator's loss, before `scale`."""
        raise NotImplementedError

    def output(self, logits: Float[Any, "*n"]) -> Float[Any, "*n"]:
        """D(x) as this loss reads it; 1/2 is where real and fake part."""
        raise NotImplementedError


Image = UInt8[np.ndarray, "height width 3"]
