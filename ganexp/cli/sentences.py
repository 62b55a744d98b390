"""A sentence is one line: what a terminal would act on is shown, and of what is very long the middle is left out."""

from __future__ import annotations

import sys

LONGEST, END = 1000, 300


def say(text: str) -> None:
    """Print a sentence on stderr."""
    print(f"ganexp: {one_line(text)}", file=sys.stderr)


def one_line(text: str) -> str:
    """`text` with characters that are not printed as escapes, and with at most 1,000 of its letters: the end gives advice."""
    if len(text) > LONGEST:
        text = f"{text[: LONGEST - END]} ... {text[-END:]}"
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
