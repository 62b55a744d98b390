"""What made a run: recorded before it begins, and all that it is ever continued with.

A config may read files, variables and the clock while it is composed; what it came to is kept in the run's folder, and a run
is continued from that, never composed anew.
"""

from __future__ import annotations

import json
import os
import typing
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

# Imported for their classes: a record names them by option.
from ganexp import (  # noqa: F401
    averages,
    datasets,
    gradients,
    inputs,
    losses,
    metrics,
    nets,
    outputs,
    penalties,
    priors,
    schedules,
    updates,
)
from ganexp.component import SettingError, hints_of, with_number
from ganexp.description import describe, rebuild
from ganexp.experiment import Experiment
from ganexp.job import Job
from ganexp.views import components  # noqa: F401

EXPERIMENT = "experiment."
# The settings of an experiment that are lists of parts: the order is a setting, too.
LISTS = tuple(name for name, hint in hints_of(Experiment).items() if typing.get_origin(hint) is dict)
SETTINGS, JOB = "settings", "job"
MOST_SHOWN = 8
ANOTHER = "; was it made by another version of ganexp?"


def record(job: Job) -> dict[str, dict[str, Any]]:
    """The resolved settings of a job: under `settings` those of its experiment, under `job` the others, without its folder."""
    described = describe(job)
    del described["out"]
    inside = {key.removeprefix(EXPERIMENT): value for key, value in described.items() if key.startswith(EXPERIMENT)}
    return {SETTINGS: inside, JOB: {key: value for key, value in described.items() if not key.startswith(EXPERIMENT)}}


def restore(recorded: Mapping[str, Any], source: Path) -> Job:
    """The job that `record` recorded in the file `source`; raises SettingError where there is none in it."""
    try:
        inside = {f"{EXPERIMENT}{key}": value for key, value in recorded[SETTINGS].items()}
        described = {**inside, **recorded[JOB], "out": None}
    except (KeyError, TypeError, AttributeError):
        raise SettingError("", f"{source} does not hold the settings of a run{ANOTHER}") from None
    try:
        job: Job = rebuild(Job, described)
        found = describe(job)
        for path in located(job):
            # Where the files of a data set lay decides no number: the cache serves where they are gone.
            if found[path] is not None and not os.path.exists(found[path]):
                job = with_number(job, path, lambda gone: None)
    except (SettingError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise SettingError("", f"{source} does not hold the settings of a run ({error}){ANOTHER}") from None
    strange = differing(described, found)
    if strange:
        raise SettingError("", f"{source} does not hold the settings of a run ({strange[0]}){ANOTHER}")
    return job


def located(job: Job) -> list[str]:
    """The dotted paths of settings that say where something lies."""
    deciding = describe(job, places=False)
    return [path for path in describe(job) if path not in deciding and path != "out"]


def orders(described: Iterable[str]) -> dict[str, list[str]]:
    """The parts of each list of parts, such as `input`, in the order in which a description names them."""
    found: dict[str, dict[str, None]] = {}
    for key in described:
        name, *part = key.removeprefix(EXPERIMENT).split(".", 2)
        if name in LISTS and part:
            found.setdefault(name, {})[part[0]] = None
    return {name: [*parts] for name, parts in found.items()}


def differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The settings in which two descriptions differ; the order of the parts of a list is one."""
    # A number and a truth value are different settings, though Python takes 1 and true for equal.
    values = [
        name
        for name in sorted({*before, *now})
        if name not in before or name not in now or _kind(before[name]) != _kind(now[name])
    ]
    new = orders(now)
    return values + [
        name for name, parts in orders(before).items() if parts != new.get(name) and {*parts} == {*new.get(name, ())}
    ]


def _kind(value: Any) -> tuple[Any, ...]:
    if isinstance(value, list):
        return (list, *map(_kind, value))
    return type(value), value


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What differs between two descriptions, in words; empty where nothing does."""
    changed = differing(before, now)
    shown = ", ".join(f"{name} ({_said(before, name)} -> {_said(now, name)})" for name in changed[:MOST_SHOWN])
    return f"{shown} and {len(changed) - MOST_SHOWN} more" if len(changed) > MOST_SHOWN else shown


def _said(described: Mapping[str, Any], name: str) -> str:
    value = described.get(name, orders(described).get(name))
    return value if isinstance(value, str) else json.dumps(value)


def refuse_changes(folder: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to continue the run in `folder` with other settings than those that made it; raises SettingError naming them."""
    changed = changes(before, now)
    if changed:
        raise SettingError(
            "", f"{folder}: a run is continued only with the settings that made it: {changed}; "
            "start a new run for that"
        )  # fmt: skip


def lines(job: Job) -> list[str]:
    """Each setting of a job as it can be typed."""
    return [f"{name}={_said(values, name)}" for values in record(job).values() for name in values]


def text(job: Job, words: Sequence[str]) -> str:
    """What was typed and what it came to, as Markdown."""
    settings = "\n".join(lines(job))
    return f"    ganexp {' '.join(words)}\n\n```\n{settings}\n```"
