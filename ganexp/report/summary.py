"""The answer of many runs: one row for each setting, with medians over its seeds."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ganexp.ranking import FLOOR, Ranking
from ganexp.records.documents import printable
from ganexp.report.run import Run, Value
from ganexp.report.runs import ReportError, Runs
from ganexp.report.settings import MOST_COLUMNS, binned, check_keys, order, shown_value, swept
from ganexp.report.statistics import Spread, explained, quartiles, spread
from ganexp.spelling import did_you_mean

STATES = ("finished", "diverged", "failed", "unfinished", "damaged", "not started")
MOST_NAMED, LONGEST_NAME = 3, 400


class Row:
    """The runs that share one setting: `setting` has a value for each column of the section."""

    def __init__(self, setting: tuple[Value, ...], runs: Sequence[Run], directions: Ranking):
        self.setting, self.runs, self._directions = setting, tuple(runs), directions
        self.finished = tuple(run for run in runs if run.state == "finished")

    def values(self, tag: str) -> list[float]:
        """The metric of each finished run that has it."""
        return [run.final[tag] for run in self.finished if tag in run.final]

    def spread(self, tag: str) -> Spread | None:
        """Median and quartiles of the metric over the finished runs; None where none has it."""
        return spread(self.values(tag))

    def objective(self, tag: str) -> float:
        """The median that settings are ranked by: diverged runs and values that are not numbers count as the worst; NaN for none."""
        worst = self._directions.worst(tag)
        values = [worst if math.isnan(value) else value for value in self.values(tag)]
        values += [worst] * sum(run.state == "diverged" for run in self.runs)
        return quartiles(np.array(values))[1] if values else math.nan

    @cached_property
    def failures(self) -> str:
        """How many runs did not finish, and how they ended, in words."""
        counts = Counter(run.state for run in self.runs)
        return ", ".join(f"{counts[state]} {state}" for state in sorted(counts, key=_place) if state != "finished")

    def typical(self, tag: str) -> Run | None:
        """The finished run whose metric is the median one, or the lower of the two in the middle."""
        runs = sorted((run for run in self.finished if tag in run.final), key=lambda run: run.final[tag])
        return runs[(len(runs) - 1) // 2] if runs else None


def _place(state: str) -> int:
    return STATES.index(state) if state in STATES else len(STATES)


class Section:
    """The runs on one data set: rows by `columns`, in the order of their values; `main` is the metric that they are ranked by."""

    def __init__(self, dataset: str, runs: Sequence[Run], columns: tuple[str, ...], metrics: tuple[str, ...]):
        self.dataset, self.runs, self.columns, self.metrics = dataset, tuple(runs), columns, metrics
        self.directions = directions_of(runs)
        groups: dict[tuple[Value, ...], list[Run]] = {}
        for run in runs:
            groups.setdefault(tuple(run.value(key) for key in columns), []).append(run)
        self.rows = [
            Row(key, groups[key], self.directions)
            for key in sorted(groups, key=lambda key: [order(value) for value in key])
        ]
        ranked = [tag for tag in metrics if tag in self.directions]
        self.main = ranked[0] if ranked else None
        self._ranked = ranked

    @cached_property
    def ranking(self) -> list[Row]:
        """The rows from the best to the worst, by the main metric and, where equal, by those behind it."""
        if self.main is None:
            return []

        def sort_key(row: Row) -> list[float]:
            objectives = [(tag, row.objective(tag)) for tag in self._ranked]
            return [
                math.inf if math.isnan(value) else value if self.directions.lower_is_better(tag) else -value
                for tag, value in objectives
            ]

        return sorted(self.rows, key=sort_key)

    @cached_property
    def best(self) -> Row | None:
        """The best row, if there are several; None where half of its runs or more diverged."""
        first = self.ranking[0] if len(self.ranking) > 1 and self.main else None
        return first if first is not None and self.main and math.isfinite(first.objective(self.main)) else None

    @cached_property
    def importance(self) -> dict[str, float]:
        """Each column's share of the variance of the main metric's ranks, the most important first; diverged runs rank worst."""
        if self.main is None:
            return {}
        worst = self.directions.worst(self.main)
        scored = [
            (run, worst if run.state == "diverged" else run.final[self.main])
            for run in self.runs
            if run.state == "diverged" or self.main in run.final
        ]
        values = np.array([worst if math.isnan(value) else value for _, value in scored])
        shares = {key: explained(values, binned([run.value(key) for run, _ in scored])) for key in self.columns}
        return dict(sorted(shares.items(), key=lambda item: -item[1]))

    def floor(self, tag: str) -> float | None:
        """What a perfect generator scores: the median of the runs' floors."""
        floors = [run.final[tag + FLOOR] for run in self.runs if tag + FLOOR in run.final]
        return float(np.median(floors)) if floors else None

    def name(self, row: Row) -> str:
        """A row's setting in one line."""
        pairs = zip(self.columns, row.setting, strict=True)
        told = ", ".join(f"{key}={shown_value(value)}" for key, value in pairs if value != "")
        return printable(told, LONGEST_NAME) or ("all runs" if not self.columns else "the defaults")

    def of(self, row: Row, key: str) -> Value:
        """A row's value of one column."""
        return row.setting[self.columns.index(key)]

    def values(self, key: str) -> list[Value]:
        """The values of one column, in order."""
        return sorted({self.of(row, key) for row in self.rows}, key=order)

    @cached_property
    def notes(self) -> list[str]:
        """What is missing or did not go well, in sentences."""
        notes = []
        for state in dict.fromkeys([*STATES[1:], *(run.state for run in self.runs)]):
            some = [run for run in self.runs if run.state == state and state != "finished"]
            if some:
                notes.append(f"{count(len(some), 'run')} of {len(self.runs)} {state}: {_explained(some)}.")
        finished = [run for run in self.runs if run.state == "finished"]
        for flaw in dict.fromkeys(run.flaw for run in self.runs if run.flaw):
            some = [run for run in self.runs if run.flaw == flaw]
            notes.append(f"{flaw} in {_named(some)}; the final metrics do not come from there.")
        for tag in self.metrics:
            lacking = [run for run in finished if tag not in run.final]
            strange = [run for run in finished if not math.isfinite(run.final.get(tag, 0))]
            if lacking:
                notes.append(
                    f"{tag}: {count(len(lacking), 'finished run')} of {len(finished)} did not measure it: {_named(lacking)}."
                )
            if strange:
                notes.append(f"{tag}: is not a finite number in {_named(strange)}.")
        for what, values in (("versions", {run.versions for run in self.runs if run.versions}),
                             ("devices", {run.device for run in self.runs if run.device})):  # fmt: skip
            if len(values) > 1:
                notes.append(f"The runs come from {len(values)} different {what}: {'; '.join(sorted(values))}.")
        if len(self.columns) == MOST_COLUMNS:
            notes.append(f"The runs may differ in more settings than the {MOST_COLUMNS} that are told apart here.")
        if len(self.rows) > 1 and max(len(row.finished) for row in self.rows) == 1:
            notes.append("No setting has more than one finished run: differences between settings may be chance.")
        twice = [row for row in self.rows if len({run.seed for run in row.finished}) < len(row.finished)]
        if twice and set(swept(self.runs)) <= set(self.columns):
            notes.append(
                f"A seed stands more than once in {count(len(twice), 'setting')}, such as {self.name(twice[0])}: "
                "such runs are no independent replicates."
            )
        return notes


def directions_of(runs: Sequence[Run]) -> Ranking:
    """Which way the metrics of some runs are better, as their folders say."""
    better: dict[str, str] = {}
    for run in runs:
        better |= {tag: way for tag, way in run.better.items() if tag not in better}
    return Ranking(better)


class Summary(NamedTuple):
    """A section for each data set, and sentences on the whole."""

    folders: tuple[Path, ...]
    sections: tuple[Section, ...]
    notes: tuple[str, ...]


def summarize(runs: Runs, metrics: Sequence[str] | None = None, by: Sequence[str] | None = None) -> Summary:
    """The runs by data set and setting, or by the settings `by`; ReportError for a metric or a setting that no run has."""
    check_keys(by or (), runs.runs, "--by")
    known = list(dict.fromkeys(tag for run in runs.runs for tag in run.final))
    for tag in metrics or ():
        if tag not in known and known:
            shown = [tag for tag in known if not tag.endswith(FLOOR)]
            raise ReportError(
                f"--metric {tag}: no run measured it{did_you_mean(tag, shown) or '; there are ' + ', '.join(shown)}"
            )
    datasets: dict[str, list[Run]] = {}
    for run in runs.runs:
        datasets.setdefault(run.dataset, []).append(run)
    sections = []
    for dataset, some in datasets.items():
        chosen = tuple(metrics or directions_of(some).headline(tag for run in some for tag in run.final))
        sections.append(Section(dataset, some, tuple(by) if by else swept(some), chosen))
    notes = list(runs.notes)
    if len(datasets) > 1:
        counts = ", ".join(f"{len(some)} on {dataset or 'an unknown one'}" for dataset, some in datasets.items())
        notes.insert(0, f"The runs are of {len(datasets)} data sets, whose numbers do not compare: {counts}.")
    return Summary(runs.folders, tuple(sections), tuple(notes))


def count(number: int, what: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _explained(runs: Sequence[Run]) -> str:
    """The runs by their reasons, the most frequent first; reasons that differ in their numbers alone are one."""
    alike: dict[str, list[Run]] = {}
    for run in runs:
        alike.setdefault(re.sub(r"\d+", "", run.reason), []).append(run)
    parts = []
    for some in sorted(alike.values(), key=len, reverse=True)[:MOST_NAMED]:
        reason = some[0].reason + (" and the like" if len({run.reason for run in some}) > 1 else "")
        parts.append(f"{reason} ({_named(some)})" if reason else _named(some))
    more = len(alike) - len(parts)
    return "; ".join(parts) + (f"; and for {count(more, 'other reason')}" if more else "")


def _named(runs: Sequence[Run]) -> str:
    shown = runs if len(runs) <= MOST_NAMED else runs[:1]
    more = len(runs) - len(shown)
    return ", ".join(run.name for run in shown) + (f" and {more} more" if more else "")
