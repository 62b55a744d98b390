"""`ganexp classifier`: train the network that tells digits apart, as the weights that come with ganexp were trained."""

from __future__ import annotations

import gc
import json
import re
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from ganexp.cli import workspace
from ganexp.cli.exit_codes import FINISHED
from ganexp.component import option_name
from ganexp.config.build import load
from ganexp.config.usage_errors import UsageError
from ganexp.datasets.images import shown
from ganexp.description import describe
from ganexp.job import Job
from ganexp.types import WHITE, Dataset

NAME = "classifier"
SETTINGS = ("dataset", "seed", "epochs", "out")
MOST_EPOCHS = 1000
LIBRARIES = ("jax", "jaxlib", "flax", "optax", "numpy")


def command(words: Sequence[str]) -> int:
    """Train the classifier as `words` say, and leave its weights and recipe in a folder; the exit status."""
    for word in words:
        setting = re.split(r"[=.@]", word.lstrip("+~"))[0]
        if "=" in word and setting not in SETTINGS:
            raise UsageError(f"{word}: the classifier has no such setting; it has {', '.join(SETTINGS)}")
    epochs = _epochs([word for word in words if word.partition("=")[0] == "epochs"])
    overrides = [word for word in words if word.partition("=")[0] != "epochs"]
    if not any(word.lstrip("+~").partition("=")[0] == "dataset" for word in overrides):
        overrides.append("dataset=mnist")
    # No batch of the composed run is drawn: any number of images will do.
    job = load([*overrides, "batch_size=1"])[1]
    dataset = job.experiment.dataset
    if dataset.classifier is None or dataset.shape[-1] != 1:
        raise UsageError(
            f"dataset={option_name(type(dataset))}: has no images to classify as single digits; "
            "choose dataset=mnist or dataset=binarized_mnist"
        )
    folder = _folder(job)
    workspace.load_data(job)
    workspace.make(folder)
    gc.enable()
    _train(job, epochs, folder)
    return FINISHED


def _epochs(words: Sequence[str]) -> int | None:
    if len(words) > 1:
        raise UsageError(f"epochs is given twice, as {words[0]} and as {words[1]}; give it once")
    if not words:
        return None
    value = words[0].partition("=")[2]
    if not value.isdecimal() or not 1 <= int(value) <= MOST_EPOCHS:
        raise UsageError(f"{words[0]}: it must be a whole number from 1 to {MOST_EPOCHS}")
    return int(value)


def _folder(job: Job) -> Path:
    folder = workspace.folder_of(job)
    workspace.refuse_sweep(folder)
    workspace.refuse_run(folder)
    taken = next((folder / name for name in (f"{NAME}.json", f"{NAME}.npz") if (folder / name).exists()), None)
    if taken:
        raise UsageError(f"out={folder}: holds {taken.name} already; choose another folder")
    return folder


def _train(job: Job, epochs: int | None, folder: Path) -> None:
    from ganexp import cache, classifier
    from ganexp.classifier.weights import digest
    from ganexp.records.atomic import write_atomically
    from ganexp.records.summary import versions

    cache.enable()
    dataset = job.experiment.dataset
    images = dataset.load()
    trained, tested = pixels(dataset, images.train), pixels(dataset, images.test)
    epochs, seed = epochs or classifier.EPOCHS, job.experiment.seed
    started = time.perf_counter()
    params = classifier.fit(trained, images.train_label, seed, epochs, _lines(epochs))
    seconds = time.perf_counter() - started
    content = classifier.pack(params)
    # Of the rounded weights: those are what is used.
    share = classifier.accuracy(classifier.unpack(content), tested, images.test_label)
    described = {
        "dataset": option_name(type(dataset)),
        # Without the place of the files, which differs where the images do not.
        "settings": describe(dataset, places=False),
        "seed": seed,
        "epochs": epochs,
        "accuracy": share,
        "train_images": len(images.train),
        "test_images": len(images.test),
        "seconds": round(seconds, 1),
        "sha256": digest(content),
        "recipe": classifier.recipe(),
        "versions": versions(LIBRARIES),
    }
    write_atomically(folder / f"{NAME}.npz", content, durable=True)
    write_atomically(folder / f"{NAME}.json", json.dumps(described, indent=2).encode() + b"\n", durable=True)
    print(
        f"finished after {epochs} epochs in {seconds:.0f} s: {share:.2%} of {len(images.test):,} test images are classified "
        f"right; everything is in {shlex.quote(str(folder))}"
    )


def pixels(dataset: Dataset, images: UInt8[np.ndarray, "n 28 28"]) -> UInt8[np.ndarray, "n 28 28"]:
    """Images as the data set shows them to a network, binarized where it does so, in pixels from 0 to 255."""
    return np.rint(WHITE * dataset.denormalize(np.asarray(shown(dataset, images)))[..., 0]).astype(np.uint8)


def _lines(epochs: int) -> Callable[[int, float], None]:
    started = time.perf_counter()

    def show(epoch: int, loss: float) -> None:
        left = (time.perf_counter() - started) / epoch * (epochs - epoch)
        print(f"epoch {epoch}/{epochs}  loss {loss:.4f}  {left:.0f} s left", file=sys.stderr, flush=True)

    return show
