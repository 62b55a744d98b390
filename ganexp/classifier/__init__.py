"""What says which digit an image shows: a network trained on MNIST, for metrics, as Inception is for photographs."""

from ganexp.classifier.fit import EPOCHS, fit, recipe
from ganexp.classifier.reading import Reading, accuracy, reader
from ganexp.classifier.weights import SHA256, pack, shipped, unpack

__all__ = [
    "EPOCHS",
    "SHA256",
    "Reading",
    "accuracy",
    "fit",
    "pack",
    "reader",
    "recipe",
    "shipped",
    "unpack",
]
