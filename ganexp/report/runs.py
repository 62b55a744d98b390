"""Reading run folders: what each run was, how it ended, and which runs should be there but are not."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ganexp.records.summary import SUMMARY_NAME, read_summary
from ganexp.records.table import TABLE_NAME

SWEEP_NAME = "sweep.json"
OVERRIDES = Path(".hydra", "overrides.yaml")
# A folder with one of these is a run's, even where run.json was lost.
TRACES = (SUMMARY_NAME, TABLE_NAME, str(OVERRIDES))
SKIPPED = {"checkpoints", "images", "report"}
PLAYERS = ("generator_optimizer", "discriminator_optimizer")
SEED, STEPS, DATASET = "seed", "steps", "dataset"

Value = str | float | int | bool
"""A setting's value; "" where the run has no such setting, and lists and null as text."""


class ReportError(ValueError):
    """Runs that cannot be reported as asked; its text is one sentence."""


class Run(NamedTuple):
    """One run: `state` is finished, diverged, failed, unfinished, damaged or not started, and `final` is empty unless it finished.

    `settings` are flat and dotted, without the seed; `typed` are the settings that a person gave; `flaw` is what is wrong
    with the rest of a finished run's files.
    """

    folder: Path
    state: str
    settings: Mapping[str, Value]
    typed: Mapping[str, Value]
    seed: Value
    final: Mapping[str, float]
    reason: str
    versions: str
    device: str
    flaw: str

    @property
    def dataset(self) -> str:
        """The name of its data set, or nothing where it is not known."""
        return str(self.settings.get(DATASET, ""))

    def value(self, key: str) -> Value:
        """A setting, or the seed, as the report shows it."""
        if key == SEED:
            return self.seed
        return self.settings.get(key, self.typed.get(key, ""))


class Runs(NamedTuple):
    """All runs found in `folders`, and what is to be said about the reading in `notes`."""

    folders: tuple[Path, ...]
    runs: tuple[Run, ...]
    notes: tuple[str, ...]


def read(folders: Sequence[Path]) -> Runs:
    """Every run in the folders, each a run's, a sweep's, or one that holds such; raises ReportError where there is none."""
    notes: list[str] = []
    homes: dict[Path, dict[Path, Run]] = {}
    for folder in folders:
        if not folder.is_dir():
            raise ReportError(f"{folder}: is not a folder; give the folder of a run or of a sweep")
        places = _places(folder, notes)
        if not places:
            raise ReportError(f"{folder}: holds no run (no folder in it has a {SUMMARY_NAME})")
        for place, words in places.items():
            beside = homes.setdefault(place.parent.resolve(), {})
            if place.resolve() not in beside:
                beside[place.resolve()] = _read(place, words)
    everything = [run for beside in homes.values() for run in beside.values()]
    apart = _apart(everything)
    runs = [run for beside in homes.values() for run in _inferred([_merged(run, apart) for run in beside.values()])]
    return Runs(tuple(folders), tuple(runs), tuple(notes))


def _places(folder: Path, notes: list[str]) -> dict[Path, list[str] | None]:
    """Each run's folder in `folder`, with what was typed for it where a sweep's own list says so."""
    found: dict[Path, list[str] | None] = {}
    for place, inside, files in os.walk(folder):
        path = Path(place)
        inside[:] = sorted((name for name in inside if name not in SKIPPED and not name.startswith(".")), key=_natural)
        if SWEEP_NAME in files:
            found |= {path / name: words for name, words in _listed(path / SWEEP_NAME, notes).items()}
        elif any((path / trace).exists() for trace in TRACES):
            found.setdefault(path, None)
            inside.clear()
    return found


def _natural(name: str) -> tuple[float, str]:
    number = name.partition("_")[0]
    return (int(number) if number.isdecimal() else math.inf, name)


def _listed(path: Path, notes: list[str]) -> dict[str, list[str]]:
    try:
        return {
            str(run["name"]): [str(word) for word in run["overrides"]] for run in json.loads(path.read_bytes())["runs"]
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        notes.append(f"{path} is damaged ({error}): runs that never started are not counted")
        return {}


def _read(folder: Path, words: list[str] | None) -> Run:
    typed = _typed(_overrides(folder) if words is None else words)
    seed = typed.pop(SEED, "")
    lost = Run(folder, "damaged", {}, typed, seed, {}, "", "", "", "")
    if not (folder / SUMMARY_NAME).exists():
        if words is not None:
            return lost._replace(state="not started", reason="its folder holds no run" if folder.exists() else "")
        return lost._replace(reason=f"has no {SUMMARY_NAME}")
    try:
        summary = read_summary(folder)
        status, known = str(summary["status"]), summary["settings"]
        settings = {key: _value(value) for key, value in known.items() if key != SEED}
        final = {tag: float(value) for tag, value in summary.get("final", {}).items()}
        steps, device = int(summary["steps"]), summary.get("device") or {}
    except ValueError as error:
        return lost._replace(reason=str(error).replace(f"{folder}/", "").rstrip("."))
    except (KeyError, TypeError, AttributeError) as error:
        return lost._replace(reason=f"{SUMMARY_NAME} does not hold what a run leaves there ({error})")
    state = "unfinished" if status in ("running", "interrupted") else status
    reason = str(summary.get("reason") or "")
    if state == "unfinished" and not reason:
        how = "interrupted" if status == "interrupted" else "still running, or killed,"
        reason = f"{how} at step {int(summary.get('step') or 0):,} of {steps:,}"
    versions = ", ".join(f"{name} {version}" for name, version in (summary.get("versions") or {}).items())
    return Run(
        folder,
        state,
        {**settings, STEPS: steps},
        typed,
        _value(summary.get("seed", seed)),
        final if state == "finished" else {},
        reason,
        f"{versions}{f', commit {commit[:10]}' if (commit := summary.get('git_commit')) else ''}",
        " ".join(str(part) for part in (device.get("count"), "x", device.get("kind")) if part is not None),
        _torn(folder / TABLE_NAME) if status == "finished" else "",
    )


def _overrides(folder: Path) -> list[str]:
    try:
        words = yaml.safe_load((folder / OVERRIDES).read_bytes())
    except (OSError, yaml.YAMLError):
        return []
    return [str(word) for word in words] if isinstance(words, list) else []


def _typed(words: Sequence[str]) -> dict[str, Value]:
    pairs = (word.lstrip("+~").partition("=") for word in words)
    return {key: _scalar(value) for key, _, value in pairs if key != "out"}


def _scalar(text: str) -> Value:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text.lower(), text.strip("'\""))


def _value(value: Any) -> Value:
    if isinstance(value, str | float | int):
        return value
    return "null" if value is None else json.dumps(value, separators=(",", ":"))


def _apart(runs: Iterable[Run]) -> set[str]:
    """The optimizer's settings in which the players of some run differ."""
    first, second = PLAYERS
    return {
        name
        for run in runs
        for player, _, name in (key.partition(".") for key in run.settings)
        if player in PLAYERS and run.settings.get(f"{first}.{name}") != run.settings.get(f"{second}.{name}")
    }


def _merged(run: Run, apart: Collection[str]) -> Run:
    """The run with `optimizer.NAME` for what its players share, as a person types it, but not for the names `apart`."""
    merged: dict[str, Value] = {}
    for key, value in run.settings.items():
        player, _, name = key.partition(".")
        if player in PLAYERS and name not in apart:
            key = f"optimizer.{name}"
        merged.setdefault(key.removesuffix(".name") if key.partition(".")[0].endswith("optimizer") else key, value)
    return run._replace(settings=merged)


def _torn(path: Path) -> str:
    """What is wrong with a finished run's table; looks at its two ends only."""
    if not path.exists():
        return f"{path.name} is missing"
    with path.open("rb") as file:
        if not file.readline().startswith(b"step"):
            return f"{path.name} is damaged in its first line"
        file.seek(-1, os.SEEK_END)
        return "" if file.read() == b"\n" else f"{path.name} is torn in its last row"


def _inferred(runs: Sequence[Run]) -> list[Run]:
    """Runs that left no settings take those of the run beside them whose typed settings are most like theirs."""
    known = [run for run in runs if run.settings]
    return [run if run.settings else _like(run, known) for run in runs]


def _like(run: Run, known: Sequence[Run]) -> Run:
    if not known:
        return run._replace(settings=dict(run.typed))
    like = max(known, key=lambda other: sum(other.typed.get(key) == value for key, value in run.typed.items()))
    settings = dict(like.settings)
    for key, value in run.typed.items():
        if like.typed.get(key) == value or not names_setting(key, like.settings):
            continue
        # The settings of another choice are not this one's.
        for name in [name for name in settings if name.startswith(f"{key}.")]:
            del settings[name]
        both = [f"{player}{key.removeprefix('optimizer')}" for player in PLAYERS] if key.startswith("optimizer") else []
        for name in [name for name in both if name in settings] or [key]:
            settings[name] = value
    return run._replace(settings=settings)


def names_setting(key: str, settings: Collection[str]) -> bool:
    """Whether what is typed as `key` is, or brings, some of these settings: what merely looks (`eval_every`) does not."""
    return (
        key in settings
        or key in ("experiment", "debug", "epochs")
        or key.partition("@")[0].partition(".")[0] in ("optimizer", *PLAYERS)
        or any(name.startswith(f"{key}.") for name in settings)
    )
