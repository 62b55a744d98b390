"""What part of a section's settings a figure with two or three axes shows."""

from __future__ import annotations

from collections.abc import Sequence

from ganexp.report.run import Value
from ganexp.report.settings import is_numeric
from ganexp.report.summary import Row, Section

MOST_LINES, FEW = 16, 8


def main_choice(section: Section, taken: Sequence[str]) -> str | None:
    """The most important column to draw lines by: a choice, or else a number with few values; None if there is none."""
    free = [key for key in section.importance if key not in taken]
    choices = [key for key in free if not is_numeric(section.values(key))]
    few = [key for key in free if len(section.values(key)) <= FEW]
    return next(iter([*choices, *few]), None)


def values_of_lines(section: Section, choice: str | None) -> list[Value]:
    """The values of the main choice, but no more than there can be lines: those with the best settings."""
    if choice is None:
        return [""]
    values = section.values(choice)
    if len(values) <= MOST_LINES:
        return values
    best = list(dict.fromkeys(section.of(row, choice) for row in section.ranking))[:MOST_LINES]
    return [value for value in values if value in best]


def best_at(section: Section, *keys: str | None) -> dict[tuple[Value, ...], Row]:
    """The best row at each combination of values of these columns; a column that is None is left out."""
    found: dict[tuple[Value, ...], Row] = {}
    for row in section.ranking or section.rows:
        found.setdefault(tuple(section.of(row, key) for key in keys if key is not None), row)
    return found


def others_at_best(section: Section, *keys: str | None) -> str:
    """A clause on the columns that are none of these."""
    rest = [name for name in section.columns if name not in keys]
    return f"; {' and '.join(rest)} at {'its' if len(rest) == 1 else 'their'} best" if rest else ""
