"""One run from its folder, which may be damaged or somebody else's: what is not as `ganexp` leaves it makes the run a damaged one.

Everything that comes from a file is made printable here, so that what is behind can take it for text.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ganexp.ranking import WAYS
from ganexp.records.documents import DocumentError, leads_out, opened, printable, read_bytes
from ganexp.records.summary import SUMMARY_NAME, read_summary
from ganexp.records.table import TABLE_NAME
from ganexp.report.run import SEED, STEPS, Run, Value

OVERRIDES = Path(".hydra", "overrides.yaml")
STATES = {
    "finished": "finished",
    "diverged": "diverged",
    "failed": "failed",
    "running": "unfinished",
    "interrupted": "unfinished",
}
# No run has so many settings, metrics or words.
MOST = 1000
LONGEST_KEY, LONGEST_VALUE, LONGEST_STATUS, LONGEST_HEADER = 200, 2000, 40, 2**20
LARGEST_OVERRIDES = 2**16
# Numbers that can still be squared and divided: beyond, a metric is infinite or zero, and a setting is text.
LEAST, GREATEST = 1e-100, 1e100
KINDS = {
    dict: "an object",
    list: "a list",
    str: "a string",
    bool: "a truth value",
    int: "a whole number",
    float: "a fraction",
}


def read_run(folder: Path, words: Sequence[str] | None) -> Run:
    """The run in a folder; `words` are what was typed for it, or None where its own record of them is to be read."""
    listed, flaw = (words, "") if words is not None else _overrides(folder)
    typed = _typed(listed)
    seed = typed.pop(SEED, "")
    lost = Run(name_of(folder), folder, "damaged", typed=typed, seed=seed, flaw=flaw)
    closed = os.path.isdir(folder) and not os.access(folder, os.X_OK)
    if not os.path.lexists(folder / SUMMARY_NAME) and not closed:
        if os.path.lexists(folder) and not os.path.isdir(folder):
            return lost._replace(reason="is not a folder")
        if words is not None:
            return lost._replace(state="not started", reason="its folder holds no run" if os.path.isdir(folder) else "")
        return lost._replace(reason=f"has no {SUMMARY_NAME}")
    try:
        _own(folder / SUMMARY_NAME, folder)
        return _recorded(read_summary(folder), lost)
    except DocumentError as error:
        return lost._replace(reason=error.reason)
    except ValueError as error:
        return lost._replace(reason=f"{SUMMARY_NAME} is damaged, {error}")


def name_of(folder: Path) -> str:
    """A folder's name as it is shown."""
    return printable(folder.name or os.path.basename(os.path.realpath(folder)))


def _own(path: Path, folder: Path) -> Path:
    if leads_out(path, folder):
        raise DocumentError(path, "is a link that leads out of its folder")
    return path


def _recorded(summary: Mapping[str, Any], lost: Run) -> Run:
    """What a run's summary says of it; ValueError for the first part that is not as it should be."""
    status, steps = _part(summary, "status", str), _part(summary, "steps", int)
    if status not in STATES:
        raise ValueError(f"its status '{printable(status, LONGEST_STATUS)}' is none of {', '.join(STATES)}")
    state, seed = STATES[status], _part(summary, "seed", int, None)
    settings = {_key(key): _value(value) for key, value in _few(summary, "settings").items() if key != SEED}
    final = {_key(tag): _metric(tag, value) for tag, value in _few(summary, "final", {}).items()}
    better = {_key(tag): _way(tag, value) for tag, value in _few(summary, "better", {}).items()}
    reason = printable(_part(summary, "reason", str, None) or "")
    step = _part(summary, "step", int, None) or 0
    if state == "unfinished" and not reason:
        how = "interrupted" if status == "interrupted" else "still running, or killed,"
        reason = f"{how} at step {step:,} of {steps:,}"
    flaw = _torn(lost.folder / TABLE_NAME, lost.folder) if state == "finished" and lost.folder is not None else ""
    return lost._replace(
        state=state,
        settings={**settings, STEPS: steps},
        seed=lost.seed if seed is None else seed,
        final=final if state == "finished" else {},
        better=better,
        reason=reason,
        versions=_versions(summary),
        device=_device(summary),
        flaw="; ".join(filter(None, [lost.flaw, flaw])),
    )


_NEEDED: Any = object()


def _part(whole: Mapping[str, Any], key: str, kind: type, default: Any = _NEEDED) -> Any:
    """One part of an object, of the kind it should be; null stands for a part that may be missing."""
    value = whole.get(key)
    if value is None and default is None:
        return None
    if key not in whole:
        if default is _NEEDED:
            raise ValueError(f"it has no {key}")
        return default
    # A truth value is a whole number to Python.
    if type(value) is not kind:
        raise ValueError(f"its {key} should be {KINDS[kind]}, but is {KINDS.get(type(value), 'null')}")
    return value


def _few(summary: Mapping[str, Any], key: str, default: Any = _NEEDED) -> Mapping[str, Any]:
    part: dict[str, Any] = _part(summary, key, dict, default)
    if len(part) > MOST:
        raise ValueError(f"its {key} are {len(part):,}, which is more than a run has")
    return part


def _key(key: str) -> str:
    shown = printable(key, LONGEST_KEY)
    if not shown:
        raise ValueError("something in it has no name")
    return shown


def _metric(tag: str, value: Any) -> float:
    if value in ("nan", "inf", "-inf"):
        return float(value)
    if type(value) not in (int, float):
        kind = KINDS.get(type(value), "null")
        raise ValueError(f"its final {printable(tag, LONGEST_STATUS)} should be a number, but is {kind}")
    if abs(value) > GREATEST:
        return math.copysign(math.inf, value)
    return float(value) if abs(value) >= LEAST else 0.0


def _way(tag: str, value: Any) -> str:
    if value not in WAYS:
        raise ValueError(f"its better {printable(tag, LONGEST_STATUS)} is none of {', '.join(WAYS)}")
    return str(value)


def _value(value: Any) -> Value:
    if isinstance(value, bool) or (isinstance(value, int | float) and _usable(value)):
        return value
    if value is None:
        return "null"
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return printable(text, LONGEST_VALUE)


def _usable(value: int | float) -> bool:
    return value == 0 or LEAST <= abs(value) <= GREATEST


def _versions(summary: Mapping[str, Any]) -> str:
    known = _part(summary, "versions", dict, None) or {}
    commit = _part(summary, "git_commit", str, None)
    told = ", ".join(f"{name} {_part(known, name, str)}" for name in known)
    return printable(f"{told}{f', commit {commit[:10]}' if commit else ''}")


def _device(summary: Mapping[str, Any]) -> str:
    known = _part(summary, "device", dict, None) or {}
    parts = _part(known, "count", int, None), "x", _part(known, "kind", str, None), _part(known, "xla_flags", str, None)
    return printable(" ".join(str(part) for part in parts if part is not None)) if known else ""


def _overrides(folder: Path) -> tuple[list[str], str]:
    """What was typed for a run by its own record, and what is wrong with that."""
    path = folder / OVERRIDES
    if not os.path.lexists(path):
        return [], ""
    try:
        # Nothing but texts, lists and mappings: a date or a tag is text.
        words = yaml.load(read_bytes(_own(path, folder), LARGEST_OVERRIDES), yaml.BaseLoader)
    except DocumentError as error:
        return [], error.reason
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError):
        return [], f"{path.name} is damaged, it does not hold YAML"
    if not isinstance(words, list) or len(words) > MOST or not all(isinstance(word, str) for word in words):
        return [], f"{path.name} is damaged, it does not hold a list of words"
    return words, ""


def _typed(words: Sequence[str]) -> dict[str, Value]:
    pairs = (word.lstrip("+~").partition("=") for word in words)
    typed = {printable(key, LONGEST_KEY): _scalar(value) for key, _, value in pairs if key != "out"}
    typed.pop("", None)
    return typed


def _scalar(text: str) -> Value:
    text = printable(text, LONGEST_VALUE)
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        return number if _usable(number) else text
    return {"true": True, "false": False}.get(text.lower(), text.strip("'\""))


def _torn(path: Path, folder: Path) -> str:
    """What is wrong with a finished run's table; looks at its two ends only."""
    if not os.path.lexists(path):
        return f"{path.name} is missing"
    try:
        with opened(_own(path, folder)) as file:
            if not re.fullmatch(rb'step(,[^"]*)?\r?\n', file.readline(LONGEST_HEADER)):
                return f"{path.name} is damaged in its first line"
            file.seek(-1, os.SEEK_END)
            return "" if file.read() == b"\n" else f"{path.name} is torn in its last row"
    except DocumentError as error:
        return error.reason
