"""The convolutional pair for images (Radford et al. 2016, DCGAN), with two steps of 2 instead of four."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import jax
from flax import nnx

from ganexp.component import SettingError, component, setting
from ganexp.nets.layers import (
    INITIALIZERS,
    NORMALIZATIONS,
    OUTPUTS,
    Affine,
    dropped,
    image_normalization,
    normalized,
)
from ganexp.nets.pure import pure
from ganexp.nets.size import Size
from ganexp.parts import Architecture
from ganexp.types import Batch, Net


def image_side(inputs: tuple[int, ...], outputs: tuple[int, ...]) -> str:
    """Which of `inputs` and `outputs` is the image [h, w, channels] of a convolutional network; raises SettingError."""
    # A discriminator's output has no shape: what is left is a point of the data set.
    side = "outputs" if outputs else "inputs"
    image = outputs or inputs
    if len(image) != 3:
        raise SettingError(
            "", f"a convolutional network needs images, and a point of this data set has shape {image}; "
            "choose images, as with dataset=mnist, or a network for any data, as with model=mlp"
        )  # fmt: skip
    if image[0] % 4 or image[1] % 4:
        raise SettingError("", f"halves an image twice, and {image[0]} x {image[1]} pixels are not multiples of 4")
    return side


def image_net(settings: Any, inputs: tuple[int, ...], outputs: tuple[int, ...], writer: Any, reader: Any) -> Net:
    """The network of `settings` that writes an image or reads one, whichever is asked, and then applies `settings.output`.

    `writer` and `reader` are modules made of (settings, inputs, outputs, rngs), and called with (settings, x, key, train); they
    return their numbers and what their last layer read.
    """
    make = writer if image_side(inputs, outputs) == "outputs" else reader

    def forward(net: Any, batch: Batch, key: Any, train: bool) -> Any:
        numbers, features = net(settings, batch.x, key, train)
        return OUTPUTS[settings.output](numbers), features.reshape(len(batch.x), -1)

    structure = (jax.tree.structure(settings), inputs, outputs)
    return pure(structure, lambda rngs: make(settings, inputs, outputs, rngs), forward)


@component
class Convolutional(Architecture):
    """From a vector to an image, or from an image to a logit: whichever is asked.

    Vector: dense to h/4 x w/4 x 2 `width`, then transposed convolutions to `width` channels and to the image, and the `output`
    function. Image: convolutions to `width` and 2 `width` channels, then dense. All convolutions are 4x4 with stride 2, and
    leaky ReLUs of `slope` (0: ReLU) stand between. `normalization` spares the layer that writes the image and the one that
    reads it (Radford et al. 2016). Weights start from `gain` times `initializer`, biases from 0; `dropout` is the share of
    units dropped after each hidden layer (None: no dropout); `spectral_norm` divides each kernel by its largest singular
    value (Miyato et al. 2018).
    """

    reads: ClassVar[str | None] = "image"

    width: int = setting(64, least=1)
    slope: float = 0.2
    initializer: str = setting("normal", options=INITIALIZERS)
    gain: float = setting(0.02, above=0)
    normalization: str = setting("batch", options=NORMALIZATIONS)
    spectral_norm: bool = False
    dropout: float | None = setting(None, least=0, below=1)
    output: str = setting("linear", options=OUTPUTS)

    def net(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Net:
        return image_net(self, inputs, outputs, ImageWriter, ImageReader)

    def size(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Size:
        height, width, channels = outputs or inputs
        quarter, wide, narrow = (height // 4) * (width // 4), 2 * self.width, self.width
        # The kernel between both widths; then a bias, or a normalization's scale and bias.
        between, each = 16 * wide * narrow, 1 if self.normalization == "none" else 2
        if outputs:
            first = quarter * wide
            parameters = math.prod(inputs) * first + (first if each == 1 else each * wide) + between + each * narrow
            # Of a convolution there are patches or products, 16 for each place.
            units = quarter * (wide + 20 * narrow + 80 * channels)
            widest = quarter * 16 * max(narrow, 4 * channels)
            return Size(parameters + 16 * narrow * channels + channels, units, widest)
        parameters = 16 * channels * narrow + narrow + between + each * wide
        parameters += (quarter * wide + 1) * math.prod(outputs)
        units = quarter * (64 * channels + 20 * narrow + wide)
        return Size(parameters, units, quarter * 16 * max(4 * channels, narrow))

    def activate(self, x: Any, key: Any, number: int, train: bool) -> Any:
        """What follows hidden layer `number`."""
        return dropped(jax.nn.leaky_relu(x, self.slope), self.dropout, key, number, train)


class ImageWriter(nnx.Module):
    """The layers of a `Convolutional` from a vector to an image."""

    def __init__(self, settings: Convolutional, inputs: tuple[int, ...], outputs: tuple[int, ...], rngs: nnx.Rngs):
        self.shape = outputs
        height, width, channels = outputs
        wide, narrow = 2 * settings.width, settings.width
        first = (height // 4) * (width // 4) * wide
        plain = settings.normalization == "none"
        self.first = _layer(settings, (math.prod(inputs), first), rngs, bias=plain)
        self.first_norm = image_normalization(settings.normalization, wide, rngs)
        self.second = _layer(settings, (4, 4, wide, narrow), rngs, bias=plain)
        self.second_norm = image_normalization(settings.normalization, narrow, rngs)
        self.last = _layer(settings, (4, 4, narrow, channels), rngs)

    def __call__(self, settings: Convolutional, x: Any, key: Any, train: bool) -> Any:
        height, width, _ = self.shape
        x = self.first.dense(x.reshape(x.shape[0], -1), train).reshape(x.shape[0], height // 4, width // 4, -1)
        x = settings.activate(normalized(self.first_norm, x, train), key, 0, train)
        x = settings.activate(
            normalized(self.second_norm, self.second.convolve_transposed(x, train), train), key, 1, train
        )
        return self.last.convolve_transposed(x, train), x


class ImageReader(nnx.Module):
    """The layers of a `Convolutional` from an image to numbers."""

    def __init__(self, settings: Convolutional, inputs: tuple[int, ...], outputs: tuple[int, ...], rngs: nnx.Rngs):
        self.shape = outputs
        height, width, channels = inputs
        wide, narrow = 2 * settings.width, settings.width
        self.first = _layer(settings, (4, 4, channels, narrow), rngs)
        self.second = _layer(settings, (4, 4, narrow, wide), rngs, bias=settings.normalization == "none")
        self.second_norm = image_normalization(settings.normalization, wide, rngs)
        self.last = _layer(settings, ((height // 4) * (width // 4) * wide, math.prod(outputs)), rngs)

    def __call__(self, settings: Convolutional, x: Any, key: Any, train: bool) -> Any:
        x = settings.activate(self.first.convolve(x, train, 2), key, 0, train)
        x = settings.activate(normalized(self.second_norm, self.second.convolve(x, train, 2), train), key, 1, train)
        features = x.reshape(x.shape[0], -1)
        return self.last.dense(features, train).reshape(x.shape[0], *self.shape), features


def _layer(settings: Convolutional, shape: tuple[int, ...], rngs: nnx.Rngs, bias: bool = True) -> Affine:
    return Affine(shape, settings.initializer, settings.gain, rngs, bias, settings.spectral_norm)
