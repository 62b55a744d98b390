"""The settings by which runs differ, and the choice of runs by their settings."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Sequence

from ganexp.report.runs import SEED, ReportError, Run, Value, names_setting
from ganexp.spelling import nearest

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}

MOST_PARTS = 8


def swept(runs: Sequence[Run]) -> tuple[str, ...]:
    """The fewest settings that tell the runs apart but for their seeds, as they were typed where that accounts for them."""
    keys = dict.fromkeys(key for run in runs for key in run.settings)
    different = [key for key in keys if len({run.value(key) for run in runs}) > 1]
    typed = dict.fromkeys(key for run in runs for key in run.typed if names_setting(key, keys))
    # What was typed and differs, but made no difference to a run, is no setting of it.
    columns = [
        key for key in typed if len({run.value(key) for run in runs}) > 1 and determined((key,), different, runs)
    ]
    accounted = tuple(columns)
    for key in different:
        parts = key.split(".")
        parents = {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
        if not determined((key,), accounted, runs) and not (
            parents & set(columns) and determined((key,), columns, runs)
        ):
            columns.append(key)
    return tuple(columns)


def determined(what: Sequence[str], by: Sequence[str], runs: Iterable[Run]) -> bool:
    """Whether runs that agree in the settings `by` agree in those of `what`."""
    seen: dict[tuple[Value, ...], tuple[Value, ...]] = {}
    for run in runs:
        values = tuple(run.value(key) for key in what)
        if seen.setdefault(tuple(run.value(key) for key in by), values) != values:
            return False
    return True


def known_keys(runs: Iterable[Run]) -> list[str]:
    """Every setting of any run, and the seed."""
    return list(dict.fromkeys([key for run in runs for key in (*run.settings, *run.typed)] + [SEED]))


def check_keys(keys: Iterable[str], runs: Sequence[Run], option: str) -> None:
    """Refuse settings that no run has; raises ReportError."""
    known = known_keys(runs)
    for key in keys:
        if key not in known:
            near = nearest(key, known) or f"; they differ in {', '.join(swept(runs)) or 'nothing but their seeds'}"
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
                    shown = [shown_value(value) for value in sorted(values, key=order)]
                    raise ReportError(
                        f"--where {text}: no run has {key}={one}; there are {', '.join(shown)}{nearest(one, shown)}"
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
