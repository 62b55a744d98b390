"""A residual pair for images (Gulrajani et al. 2017; Miyato et al. 2018), of two blocks each."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import jax
from flax import nnx

from ganexp.component import component, setting
from ganexp.nets.convolutional import image_net
from ganexp.nets.layers import (
    INITIALIZERS,
    NORMALIZATIONS,
    OUTPUTS,
    Affine,
    image_normalization,
    normalized,
)
from ganexp.nets.size import Size
from ganexp.parts import Architecture
from ganexp.types import Net


@component
class Residual(Architecture):
    """From a vector to an image, or from an image to a logit, whichever is asked, by residual blocks of `width` channels.

    Vector: dense to h/4 x w/4, two blocks that double the pixels, a 3x3 convolution and the `output` function. Image: two
    blocks that average 2 x 2 pixels, the sum over places, and dense. A block is two 3x3 convolutions, each after
    `normalization` and a leaky ReLU of `slope` (0: ReLU), beside a 1x1 convolution; the block that reads the image starts
    with a convolution. Weights start from `gain` times `initializer`, biases from 0; `spectral_norm` as in `Convolutional`.
    """

    reads: ClassVar[str | None] = "image"

    width: int = setting(32, least=1)
    slope: float = 0.0
    initializer: str = setting("he_normal", options=INITIALIZERS)
    gain: float = setting(1.0, above=0)
    normalization: str = setting("none", options=NORMALIZATIONS)
    spectral_norm: bool = False
    output: str = setting("linear", options=OUTPUTS)

    def net(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Net:
        return image_net(self, inputs, outputs, ResidualWriter, ResidualReader)

    def size(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Size:
        height, width, channels = outputs or inputs
        quarter, square = (height // 4) * (width // 4), self.width**2
        # Two 3x3 kernels and a 1x1 one with their biases, and the scale and bias of each normalization.
        block, scales = 19 * square + 3 * self.width, 0 if self.normalization == "none" else 2 * self.width
        if outputs:
            first = quarter * self.width
            parameters = (math.prod(inputs) + 1) * first + 2 * block + 9 * self.width * channels + channels
            # Of a convolution there are patches or products, 9 or 16 for each place.
            units = quarter * (281 * self.width + 160 * channels)
            return Size(parameters + 5 * scales, units, quarter * 144 * self.width)
        reading = 10 * channels * self.width + 9 * square + 3 * self.width
        parameters = reading + block + (self.width + 1) * math.prod(outputs)
        units = quarter * (144 * channels + 133 * self.width)
        return Size(parameters + 3 * scales, units, quarter * max(144 * channels, 64 * self.width))

    def layer(self, shape: tuple[int, ...], rngs: nnx.Rngs) -> Affine:
        """A new layer with a kernel of this shape."""
        return Affine(shape, self.initializer, self.gain, rngs, spectral_norm=self.spectral_norm)

    def activate(self, norm: nnx.Module | None, x: Any, train: bool) -> Any:
        """What precedes a convolution."""
        return jax.nn.leaky_relu(normalized(norm, x, train), self.slope)


class Block(nnx.Module):
    """Two 3x3 convolutions beside a 1x1 one, from `inputs` to `width` channels; `reads` says that x is an image of the data."""

    def __init__(self, settings: Residual, inputs: int, rngs: nnx.Rngs, reads: bool = False):
        width = settings.width
        self.reads = reads
        self.first_norm = None if reads else image_normalization(settings.normalization, inputs, rngs)
        self.first = settings.layer((3, 3, inputs, width), rngs)
        self.second_norm = image_normalization(settings.normalization, width, rngs)
        self.second = settings.layer((3, 3, width, width), rngs)
        self.beside = settings.layer((1, 1, inputs, width), rngs)

    def enlarged(self, settings: Residual, x: Any, train: bool) -> Any:
        """To [n, 2 h, 2 w, width]."""
        y = self.first.convolve_upsampled(settings.activate(self.first_norm, x, train), train)
        y = self.second.convolve(settings.activate(self.second_norm, y, train), train)
        return y + self.beside.convolve_upsampled(x, train)

    def reduced(self, settings: Residual, x: Any, train: bool) -> Any:
        """To [n, h / 2, w / 2, width]."""
        y = self.first.convolve(x if self.reads else settings.activate(self.first_norm, x, train), train)
        y = self.second.convolve_averaged(settings.activate(self.second_norm, y, train), train)
        return y + self.beside.convolve_averaged(x, train)


class ResidualWriter(nnx.Module):
    """The layers of a `Residual` from a vector to an image."""

    def __init__(self, settings: Residual, inputs: tuple[int, ...], outputs: tuple[int, ...], rngs: nnx.Rngs):
        height, width, channels = outputs
        self.places = (height // 4, width // 4)
        self.first = settings.layer((math.prod(inputs), math.prod(self.places) * settings.width), rngs)
        self.blocks = nnx.List([Block(settings, settings.width, rngs) for _ in range(2)])
        self.last_norm = image_normalization(settings.normalization, settings.width, rngs)
        self.last = settings.layer((3, 3, settings.width, channels), rngs)

    def __call__(self, settings: Residual, x: Any, key: Any, train: bool) -> Any:
        x = self.first.dense(x.reshape(x.shape[0], -1), train).reshape(x.shape[0], *self.places, settings.width)
        for block in self.blocks:
            x = block.enlarged(settings, x, train)
        x = settings.activate(self.last_norm, x, train)
        return self.last.convolve(x, train), x


class ResidualReader(nnx.Module):
    """The layers of a `Residual` from an image to numbers."""

    def __init__(self, settings: Residual, inputs: tuple[int, ...], outputs: tuple[int, ...], rngs: nnx.Rngs):
        self.shape = outputs
        channels = [inputs[2], settings.width]
        self.blocks = nnx.List(
            [Block(settings, count, rngs, reads) for count, reads in zip(channels, (True, False), strict=True)]
        )
        self.last = settings.layer((settings.width, math.prod(outputs)), rngs)

    def __call__(self, settings: Residual, x: Any, key: Any, train: bool) -> Any:
        for block in self.blocks:
            x = block.reduced(settings, x, train)
        x = settings.activate(None, x, train).sum(axis=(1, 2))
        return self.last.dense(x, train).reshape(x.shape[0], *self.shape), x
