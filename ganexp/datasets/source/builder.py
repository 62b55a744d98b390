"""TFDS's own MNIST builders, made to run without TensorFlow: imported only where a data set is prepared.

TFDS needs TensorFlow in three places of these builders: to unpack the downloads, to read them, and to encode PNG. Here the
downloads are read with gzip, and examples are handed over as Pillow images, which TFDS encodes by itself.
"""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from ganexp.datasets.source.origin import content

SPLITS = ("train", "test")
FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}


class _Originals:
    """The two splits, read from the four original files: those in `given`, by name, or downloads."""

    given: Mapping[str, Path] | None = None

    def _split_generators(self: Any, dl_manager: Any) -> dict[str, Any]:
        if self.given is None:
            urls = {split: [self.URL + name for name in names] for split, names in FILES.items()}
            paths = dl_manager.download(urls)
        else:
            paths = {split: [self.given[name] for name in names] for split, names in FILES.items()}
        return {split: self._generate_examples(*paths[split]) for split in SPLITS}

    def _generate_examples(
        self, images: os.PathLike[str], labels: os.PathLike[str]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        pixels = np.frombuffer(content(Path(images)), np.uint8, offset=16).reshape(-1, 28, 28)
        for number, label in enumerate(content(Path(labels))[8:]):
            yield number, {"image": Image.fromarray(pixels[number]), "label": label}


class Mnist(_Originals, tfds.image_classification.MNIST, skip_registration=True):
    """TFDS's `mnist`."""


class FashionMnist(_Originals, tfds.image_classification.FashionMNIST, skip_registration=True):
    """TFDS's `fashion_mnist`."""


BUILDERS = {"mnist": Mnist, "fashion_mnist": FashionMnist}


def prepare(name: str, folder: Path, files: Mapping[str, Path] | None) -> dict[str, np.ndarray]:
    """Every split's images and labels, uint8, as TFDS orders them.

    TFDS works in `folder`, and takes the original files, by name, from `files` where given, else from their server.
    """
    logging.getLogger("absl").setLevel("ERROR")
    tfds.disable_progress_bar()
    builder = BUILDERS[name](data_dir=str(folder), file_format="array_record")
    builder.given = files
    builder.download_and_prepare()
    arrays = {}
    for split in SPLITS:
        source = builder.as_data_source(split, decoders={"image": tfds.decode.SkipDecoding()})
        examples = source.__getitems__(range(len(source)))
        arrays[f"{split}_image"] = np.stack([_decoded(example["image"]) for example in examples])
        arrays[f"{split}_label"] = np.array([example["label"] for example in examples], np.uint8)
    return arrays


def _decoded(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))
