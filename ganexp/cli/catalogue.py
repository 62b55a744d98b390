"""`ganexp list --markdown`: every option as a row of a table, with the paper and the file that its numbers come from."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from pathlib import Path

from ganexp.config.options import PLAYER_OPTIMIZERS, file_of, folder_of, groups, options

PACKAGE = Path(__file__).resolve().parent.parent
# Names and a year, in parentheses: (Kingma & Ba 2015; Radford et al. 2016).
PAPER = re.compile(r" ?\(([^()]*[A-Za-z][^()]* (?:19|20)\d\d[^()]*)\)")
HEAD = """# What can be chosen

Made by `ganexp list --markdown`. `GROUP=OPTION` chooses one, and `GROUP=[OPTION,OPTION]` any number of inputs, penalties, rules of gradients, schedules, metrics and views; `optimizer` is of
all players, `generator_optimizer` and `discriminator_optimizer` of one."""


def text(chosen: Sequence[str]) -> str:
    """The options of these groups, or of all, in Markdown: a table for each group."""
    known = [group for group in groups() if group not in PLAYER_OPTIMIZERS]
    return "\n\n".join([*([] if chosen else [HEAD]), *map(_table, chosen or known)])


def _table(group: str) -> str:
    rows = [(f"`{name}`", *_split(line), _source(group, name)) for name, line in options(group).items()]
    lines = [("option", "what it is", "paper", "file"), ("---",) * 4, *rows]
    return "\n".join([f"## {group}", "", *("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)])


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def _split(line: str) -> tuple[str, str]:
    """What a line says of an option, and the paper that it names."""
    papers = [found[1] for found in PAPER.finditer(line)]
    return PAPER.sub("", line), "; ".join(papers)


def _source(group: str, name: str) -> str:
    """Where an option's class is written, or the file of its settings where it is one of other parts."""
    schema = re.search(r"/schema/([\w/]+)@", file_of(group, name).read_text("utf-8", "replace"))
    kind = "".join(word.title() for word in schema[1].rpartition("/")[2].split("_")) if schema else ""
    # A model is two networks, and has no class of its own.
    found = None if group == "model" else _classes().get(kind.lower())
    return f"`{found}`" if found else f"`conf/{folder_of(group)}/{name}.yaml`"


@functools.cache
def _classes() -> dict[str, str]:
    """The file of each component's class, by its name in small letters."""
    found: dict[str, str] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for name in re.findall(r"^@component\nclass (\w+)\(", path.read_text("utf-8"), re.MULTILINE):
            found.setdefault(name.lower(), path.relative_to(PACKAGE.parent).as_posix())
    return found
