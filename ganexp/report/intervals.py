"""Settings against settings: how far apart their medians are, and how sure that is."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from ganexp.report.escaped import spreadsheet
from ganexp.report.statistics import LEAST_SEEDS, Interval, difference, resampled_medians
from ganexp.report.summary import Row, Section

MOST = 40


class Comparison(NamedTuple):
    """median(second) - median(first) of the main metric over `counts` seeds of each; the first ranks better."""

    first: Row
    second: Row
    counts: tuple[int, int]
    interval: Interval

    @property
    def few(self) -> bool:
        """Whether one of the two has too few seeds for any 95 % interval of a median."""
        return min(self.counts) < LEAST_SEEDS

    @property
    def verdict(self) -> str:
        """What the interval allows to say."""
        if self.few:
            return "too few seeds to tell"
        return "may be equal" if self.interval.low <= 0 <= self.interval.high else "differ"


def compare(section: Section, most: int = MOST) -> list[Comparison]:
    """Every pair of the `most` best settings that have finished runs, from the best on."""
    if section.main is None:
        return []
    values = {}
    for row in section.ranking[:most]:
        finite = [value for value in row.values(section.main) if math.isfinite(value)]
        if finite:
            values[row] = np.array(finite)
    medians = {row: resampled_medians(some, stream) for stream, (row, some) in enumerate(values.items())}
    return [
        Comparison(
            first,
            second,
            (len(values[first]), len(values[second])),
            difference(values[second], values[first], medians[second], medians[first]),
        )
        for first, second in combinations(values, 2)
    ]


def runner_up(section: Section, compared: Sequence[Comparison]) -> str:
    """How the best setting stands to the second, in a sentence; nothing where there is no second."""
    pair = next(iter(compared), None)
    if pair is None or pair.first is not section.best:
        return ""
    difference, low, high = (f"{value:.4g}" for value in pair.interval)
    seeds = f"{pair.counts[0]} and {pair.counts[1]} seeds"
    told = f"over {seeds}, too few to tell (that takes {LEAST_SEEDS} each)"
    if not pair.few:
        told = f"95 % interval [{low}, {high}] over {seeds}: they {pair.verdict}"
    return f"The second, {section.name(pair.second)}, is {difference} from it, {told}."


def comma_separated(section: Section, compared: list[Comparison]) -> str:
    """One line for each pair, numbers in full."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["metric", "first", "n_first", "second", "n_second", "difference", "low", "high", "verdict"])
    for pair in compared:
        first, second = (spreadsheet(section.name(row)) for row in (pair.first, pair.second))
        writer.writerow([section.main, first, pair.counts[0], second, pair.counts[1], *pair.interval, pair.verdict])
    return buffer.getvalue()
