"""Texts from files in forms where some letters mean something."""

from __future__ import annotations

import html
import re

# An underscore inside of a word is one to GitHub too.
_MARKDOWN = re.compile(r"[\\`*\[\]|~$@]|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=www)\.")
# What makes a line a heading, a rule or an item of a list; of a number, the mark behind it.
_MARKDOWN_START = re.compile(r"^(\d*)([#+=-]|(?<=\d)[.)](?=\s|$))")
FORMULAS = ("=", "+", "-", "@")


def markdown(text: str) -> str:
    """A text as GitHub's Markdown that shows it in a cell or in a line: no link, no picture and no HTML."""
    return html.escape(_MARKDOWN.sub(r"\\\g<0>", text), quote=False)


def markdown_line(text: str) -> str:
    """A text as GitHub's Markdown that shows it as a line of its own."""
    return _MARKDOWN_START.sub(r"\1\\\2", markdown(text))


def spreadsheet(text: str) -> str:
    """A text as a cell of a CSV file: behind an apostrophe where a spreadsheet would take it for a formula."""
    return f"'{text}" if text.startswith(FORMULAS) else text
