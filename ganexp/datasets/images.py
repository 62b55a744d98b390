"""Images of 28 x 28 pixels: binarized, gray and stacked MNIST, and Fashion-MNIST."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, UInt8, UInt32

from ganexp.component import SettingError, component, setting
from ganexp.datasets.order import positions, shuffled
from ganexp.datasets.source import bundled, cached
from ganexp.types import WHITE, Batch, Dataset, Extent, Images, silent

ORDERS = ("shuffled", "sequential", "replacement")
SOURCES = ("tfds", "bundled")
CLASSES = 10
SIZES = {"tfds": 60_000, "bundled": 5_000}

# What has been read and drawn in this process, by what it was made from: once, and shared by all runs of a sweep.
_READ: dict[Hashable, Any] = {}


def shown(dataset: Dataset, pixels: UInt8[Any, "n 28 28"]) -> Float[Array, "n 28 28 1"]:
    """Single images as the data set shows them to the networks."""
    return dataset.normalize(jnp.asarray(pixels)[..., None] / jnp.float32(WHITE))


@component
class _ImageDataset(Dataset):
    """Images from `source`: `tfds` (a download, kept in the user's cache folder; or the four original files in the folder
    `files`) or the `bundled` slice. `examples` is how many of the training images are used, the first ones (null: all).

    `order` is the training's: `shuffled` epochs, `sequential` ones in the order of the set, or independent draws with
    `replacement`.
    """

    source: str = setting("tfds", options=SOURCES)
    files: str | None = setting(None, place=True)
    examples: int | None = setting(None, least=1)
    order: str = setting("shuffled", options=ORDERS)

    TFDS: ClassVar[str] = "mnist"
    CHANNELS: ClassVar[int] = 1
    images: ClassVar[bool] = True
    classifier: ClassVar[str | None] = "gray"

    def check(self) -> None:
        if self.files is not None and self.source != "tfds":
            raise SettingError("files", f"source={self.source} reads no files; leave one of the two out")
        if self.examples is not None and self.examples > SIZES[self.source]:
            raise SettingError(
                "examples", f"{self.examples:,} is out of range; there are {SIZES[self.source]:,} training images"
            )

    @property
    def size(self) -> int:
        return SIZES[self.source] if self.examples is None else self.examples

    @property
    def shape(self) -> tuple[int, ...]:
        return (28, 28, self.CHANNELS)

    @property
    def classes(self) -> int:
        return CLASSES**self.CHANNELS

    def frequencies(self, data: Images) -> Float[Array, " classes"]:
        counts = jnp.bincount(jnp.asarray(data.train_label), length=CLASSES)
        return functools.reduce(jnp.kron, [counts / len(data.train_label)] * self.CHANNELS)

    @property
    def extent(self) -> Extent:
        return (0.0, 1.0), (0.0, 1.0)

    def load(self, show: Callable[[str], None] = silent) -> Images:
        key = (self.source, self.TFDS, self.files)
        if key not in _READ:
            _READ[key] = bundled() if self.source == "bundled" else cached(self.TFDS, self.files, show)
        arrays = _READ[key]
        train = arrays["train_image"][: self.size], arrays["train_label"][: self.size]
        return Images(*train, arrays["test_image"], arrays["test_label"])

    def sample(self, data: Images, key: Key[Array, ""], n: int) -> Batch:
        index = jax.random.randint(key, (self.CHANNELS, n), 0, len(data.train))
        return self._batch(data.train, data.train_label, jnp.asarray(index, jnp.uint32))

    def reference(self, data: Images, key: Key[Array, ""], n: int) -> Batch:
        return self._distinct(data.train, data.train_label, key, n)

    def test_batch(self, data: Images, key: Key[Array, ""], n: int) -> Batch:
        return self._distinct(data.test, data.test_label, key, n)

    def sequential(self, data: Images, number: Int[Array, ""], n: int) -> Batch:
        _, place = positions(number, n, len(data.train))
        return self._batch(data.train, data.train_label, jnp.broadcast_to(place, (self.CHANNELS, n)))

    def held_out(self, data: Images) -> int:
        return len(data.test)

    def _distinct(self, pixels: Any, labels: Any, key: Key[Array, ""], n: int) -> Batch:
        total, number = len(pixels), jnp.arange(n, dtype=jnp.uint32)
        channels = [jax.random.fold_in(key, channel) for channel in range(self.CHANNELS)]
        index = [shuffled(channel, number // total, number % total, total) for channel in channels]
        return self._batch(pixels, labels, jnp.stack(index))

    def training(self, data: Images, order: Key[Array, ""], step: Int[Array, ""], key: Key[Array, ""], n: int) -> Batch:
        if self.order == "replacement":
            return self.sample(data, key, n)
        if self.order == "sequential":
            return self.sequential(data, step, n)
        epoch, place = positions(step, n, len(data.train))
        index = [
            shuffled(jax.random.fold_in(order, channel), epoch, place, len(data.train))
            for channel in range(self.CHANNELS)
        ]
        return self._batch(data.train, data.train_label, jnp.stack(index))

    def _batch(self, pixels: Any, labels: Any, index: UInt32[Array, "c n"]) -> Batch:
        """The images whose channels have the given numbers, and their labels: the channels' digits read as one number."""
        pixels, labels = jnp.asarray(pixels), jnp.asarray(labels)
        x = self.normalize(jnp.stack([pixels[channel] for channel in index], axis=-1) / jnp.float32(WHITE))
        label = functools.reduce(
            lambda number, digit: CLASSES * number + digit, [labels[channel].astype(jnp.int32) for channel in index]
        )
        return Batch(x, label)


@component
class BinarizedMnist(_ImageDataset):
    """MNIST with pixels of 0 or 1: above `threshold`, or (`bernoulli`) drawn once with their intensity as probability.

    The draw is that of `binarization_seed`: a data set of its own, and no part of the run's randomness.
    """

    binarization: str = setting("threshold", options=("threshold", "bernoulli"))
    threshold: float = setting(0.5, least=0, below=1)
    binarization_seed: int = setting(0, least=0, most=2**32 - 1)

    binary: ClassVar[bool] = True
    classifier: ClassVar[str | None] = "binarized"

    def check(self) -> None:
        super().check()
        if self.source == "bundled" and self.binarization != "threshold":
            raise SettingError(
                "binarization", "the bundled slice is binarized at 0.5 already; use source=tfds or threshold"
            )

    def load(self, show: Callable[[str], None] = silent) -> Images:
        images = super().load(show)
        if self.binarization == "threshold":
            return images
        key = (self.source, self.files, self.size, self.binarization_seed)
        if key not in _READ:
            _READ[key] = self._drawn(images)
        return _READ[key]

    def _drawn(self, images: Images) -> Images:
        random = np.random.default_rng(self.binarization_seed)

        def draw(pixels: np.ndarray) -> np.ndarray:
            # An intensity of 255 is always above the drawn number, one of 0 never.
            return np.uint8(WHITE) * (random.integers(0, WHITE, pixels.shape, np.uint8) < pixels)

        return images._replace(test=draw(images.test), train=draw(images.train))

    def normalize(self, x: Float[Array, "n ..."]) -> Float[Array, "n ..."]:
        return (x > self.threshold).astype(jnp.float32)


@component
class _GrayDataset(_ImageDataset):
    """Gray images; `normalization` is what the networks see: `unit` [0, 1], `symmetric` [-1, 1], `standard` mean 0 and standard deviation 1."""

    normalization: str = setting("unit", options=("unit", "symmetric", "standard"))

    MEAN: ClassVar[float] = 0.1307
    STD: ClassVar[float] = 0.3081

    def check(self) -> None:
        super().check()
        if self.source == "bundled":
            raise SettingError(
                "source",
                "the bundled slice is binarized; dataset=binarized_mnist takes it, gray images need source=tfds",
            )

    @property
    def unreachable_outputs(self) -> tuple[str, ...]:
        return {"unit": (), "symmetric": ("sigmoid",), "standard": ("sigmoid", "tanh")}[self.normalization]

    def _scale(self) -> tuple[float, float]:
        return {"unit": (0.0, 1.0), "symmetric": (0.5, 0.5), "standard": (self.MEAN, self.STD)}[self.normalization]

    def normalize(self, x: Float[Array, "n ..."]) -> Float[Array, "n ..."]:
        center, width = self._scale()
        return (x - center) / width

    def denormalize(self, x: Float[Any, "n ..."]) -> Float[Any, "n ..."]:
        center, width = self._scale()
        return x * width + center


@component
class Mnist(_GrayDataset):
    """MNIST's 60,000 gray digits (LeCun et al. 1998)."""


@component
class StackedMnist(_GrayDataset):
    """Three independent MNIST digits as the channels of one image: 1,000 modes (Metz et al. 2017)."""

    CHANNELS: ClassVar[int] = 3


@component
class FashionMnist(_GrayDataset):
    """60,000 gray pictures of clothes in ten classes (Xiao et al. 2017)."""

    TFDS: ClassVar[str] = "fashion_mnist"
    classifier: ClassVar[str | None] = None
    MEAN: ClassVar[float] = 0.2860
    STD: ClassVar[float] = 0.3530
