"""Where images come from: TFDS by way of a cache, or the slice that ships with the package. No source stands in for another."""

from ganexp.datasets.source.bundled import bundled
from ganexp.datasets.source.cache import cached

__all__ = ["bundled", "cached"]
