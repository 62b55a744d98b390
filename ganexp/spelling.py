"""Which word was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """`; did you mean ...?` with the nearest of `words`, or nothing when none is near."""
    match = difflib.get_close_matches(word, list(words), n=1, cutoff=0.6)
    return f"; did you mean {match[0]}?" if match else ""
