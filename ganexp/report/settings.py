"""The settings by which runs differ, and the choice of runs by their settings."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Sequence

from ganexp.records.documents import printable
from ganexp.report.run import SEED, Run, Value
from ganexp.report.runs import ReportError, names_setting
from ganexp.spelling import did_you_mean

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}

MOST_PARTS, MOST_COLUMNS = 8, 100
MOST_SHOWN, LONGEST_SHOWN = 20, 60
# What there is room for in a figure: along it, and elsewhere.
LONGEST_TITLE, LONGEST_LABEL = 66, 40


def swept(runs: Sequence[Run]) -> tuple[str, ...]:
    """The fewest settings that tell the runs apart but for their seeds, as they were typed where that accounts for them; 100 at most."""
    keys = dict.fromkeys(key for run in runs for key in run.settings)
    different = [key for key in keys if len({run.value(key) for run in runs}) > 1]
    known = {part for key in keys for part in _parents(key)}
    typed = dict.fromkeys(key for run in runs for key in run.typed)
    # What was typed and differs, but made no difference to a run, is no setting of it.
    groups = _groups(different, runs)
    columns = [
        key
        for key in typed
        if (key in known or names_setting(key, ()))
        and _follows(key, groups, runs)
        and not _follows(key, [0] * len(runs), runs)
    ]
    accounted, there = _groups(columns, runs), set(columns)
    for key in different:
        if len(columns) >= MOST_COLUMNS:
            break
        if not _follows(key, accounted, runs) and not (
            there.intersection(_parents(key)) and _follows(key, _groups(columns, runs), runs)
        ):
            columns.append(key)
            there.add(key)
    return tuple(columns[:MOST_COLUMNS])


def _parents(key: str) -> list[str]:
    """`a`, `a.b` and `a.b.c` of `a.b.c`."""
    parts = key.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts) + 1)]


def _groups(keys: Sequence[str], runs: Sequence[Run]) -> list[int]:
    """For each run a number, which those share that agree in all of these settings."""
    seen: dict[tuple[Value, ...], int] = {}
    return [seen.setdefault(tuple(run.value(key) for key in keys), len(seen)) for run in runs]


def _follows(key: str, groups: Sequence[int], runs: Sequence[Run]) -> bool:
    """Whether runs of one group agree in a setting."""
    seen: dict[int, Value] = {}
    return all(
        seen.setdefault(group, run.value(key)) == run.value(key) for group, run in zip(groups, runs, strict=True)
    )


def known_keys(runs: Iterable[Run]) -> list[str]:
    """Every setting of any run, and the seed."""
    return list(dict.fromkeys([key for run in runs for key in (*run.settings, *run.typed)] + [SEED]))


def check_keys(keys: Iterable[str], runs: Sequence[Run], option: str) -> None:
    """Refuse settings that no run has; raises ReportError."""
    known = known_keys(runs)
    for key in keys:
        if key not in known:
            near = did_you_mean(key, known) or f"; they differ in {', '.join(swept(runs)) or 'nothing but their seeds'}"
            raise ReportError(f"{option} {key}: no run has such a setting{near}")


def where(runs: Sequence[Run], conditions: Sequence[str]) -> list[Run]:
    """The runs that meet every condition, KEY=VALUE[,VALUE] or KEY<NUMBER (>, <=, >=); raises ReportError."""
    chosen = list(runs)
    for text in conditions:
        found = re.fullmatch(r"([\w.@/]+)(<=|>=|<|>|=)(.*)", text)
        if found is None:
            raise ReportError(f"--where {text}: is not KEY=VALUE[,VALUE] or a comparison such as KEY<NUMBER")
        key, sign, value = found.groups()
        check_keys([key], runs, "--where")
        if sign == "=":
            values = dict.fromkeys(run.value(key) for run in runs)
            # A list is one value, commas and all.
            wanted = [value] if any(same(one, value) for one in values) else value.split(",")
            for one in wanted:
                if not any(same(value, one) for value in values):
                    every = sorted(values, key=order)
                    shown = [printable(shown_value(value), LONGEST_SHOWN) for value in every]
                    there = ", ".join(shown[:MOST_SHOWN]) + (" and more" if len(shown) > MOST_SHOWN else "")
                    raise ReportError(
                        f"--where {text}: no run has {key}={one}; there are {there}{did_you_mean(one, shown)}"
                    )
            chosen = [run for run in chosen if any(same(run.value(key), one) for one in wanted)]
        else:
            try:
                bound = float(value)
            except ValueError:
                raise ReportError(f"--where {text}: {value!r} is not a number") from None
            chosen = [
                run for run in chosen if is_number(run.value(key)) and COMPARISONS[sign](float(run.value(key)), bound)
            ]
    if not chosen:
        raise ReportError(f"--where {' '.join(conditions)}: no run is left of {len(runs)}")
    return chosen


def same(value: Value, text: str) -> bool:
    """Whether `text` is what a person would type for the value: 1e-3 for 0.001."""
    if not is_number(value):
        return shown_value(value) == text
    try:
        return float(value) == float(text)
    except ValueError:
        return False


def is_number(value: Value) -> bool:
    """Whether a setting's value is one that can be compared."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_numeric(values: Sequence[Value]) -> bool:
    """Whether a column can be an axis: at least two numbers, and nothing else but for settings without it."""
    numbers = [value for value in values if is_number(value)]
    return len(numbers) > 1 and all(is_number(value) or value in ("", "null") for value in values)


def order(value: Value) -> tuple[bool, float, str]:
    """What to sort values by: numbers by size, then texts."""
    return (False, float(value), "") if is_number(value) else (True, 0.0, shown_value(value))


def shown_value(value: Value) -> str:
    """A setting's value as a person types it, to 6 digits."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def binned(values: Sequence[Value]) -> list[Value]:
    """The values, or where they are numbers that hardly repeat, which part of their order each is in: at most eight parts."""
    distinct = sorted({value for value in values if is_number(value)}, key=order)
    if 2 * len(distinct) <= len(values) or not is_numeric(values):
        return list(values)
    parts = max(2, min(MOST_PARTS, len(values) // 4))
    place = {value: index * parts // len(distinct) for index, value in enumerate(distinct)}
    return [place.get(value, value) for value in values]
