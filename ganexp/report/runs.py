"""Reading run folders: what each run was, how it ended, and which runs should be there but are not."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from ganexp.records.documents import LONGEST_PATH, printable
from ganexp.records.summary import SUMMARY_NAME
from ganexp.report.folders import find
from ganexp.report.reading import read_run
from ganexp.report.run import Run, Value

SUFFIX = "_optimizer"


class ReportError(ValueError):
    """Runs that cannot be reported as asked; its text is one sentence."""


class Runs(NamedTuple):
    """All runs found in `folders`, and what is to be said about the reading in `notes`."""

    folders: tuple[Path, ...]
    runs: tuple[Run, ...]
    notes: tuple[str, ...]


def read(folders: Sequence[Path]) -> Runs:
    """Every run in the folders, each a run's, a sweep's, or one that holds such; raises ReportError where there is none."""
    notes: list[str] = []
    homes: dict[str, dict[str, Run]] = {}
    for folder in folders:
        shown = printable(folder, LONGEST_PATH)
        if not os.path.isdir(folder):
            raise ReportError(f"{shown}: is not a folder; give the folder of a run or of a sweep")
        found = find(folder)
        if not found.places and not found.refused:
            why = next(iter(found.notes), f"no folder in it has a {SUMMARY_NAME}")
            raise ReportError(f"{shown}: holds no run ({why})")
        notes += [note for note in found.notes if note not in notes]
        for place, words in found.places.items():
            path = os.path.realpath(place)
            beside = homes.setdefault(os.path.dirname(path), {})
            if path not in beside:
                beside[path] = read_run(place, words)
        for place, run in found.refused.items():
            path = os.path.realpath(place)
            homes.setdefault(os.path.dirname(os.path.dirname(path)), {}).setdefault(path, run)
    everything = [run for beside in homes.values() for run in beside.values()]
    apart = _apart(everything)
    runs = [run for beside in homes.values() for run in _inferred([_merged(run, apart) for run in beside.values()])]
    return Runs(tuple(folders), tuple(runs), tuple(notes))


def _apart(runs: Iterable[Run]) -> set[str]:
    """The optimizer's settings in which the players of some run differ."""
    found = set()
    for run in runs:
        own = _optimizers(run.settings)
        for player, _, name in (key.partition(".") for key in run.settings):
            value = run.settings.get(f"{player}.{name}")
            if player in own and any(run.settings.get(f"{other}.{name}") != value for other in own):
                found.add(name)
    return found


def _optimizers(settings: Collection[str]) -> list[str]:
    """The optimizers that settings are of: one of each player."""
    return sorted({head for key in settings if (head := key.partition(".")[0]).endswith(SUFFIX)})


def _merged(run: Run, apart: Collection[str]) -> Run:
    """The run with `optimizer.NAME` for what its players share, as a person types it, but not for the names `apart`."""
    merged: dict[str, Value] = {}
    for key, value in run.settings.items():
        player, _, name = key.partition(".")
        if player.endswith(SUFFIX) and name not in apart:
            key = f"optimizer.{name}"
        merged.setdefault(key.removesuffix(".name") if key.partition(".")[0].endswith("optimizer") else key, value)
    return run._replace(settings=merged)


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
        own = key.partition(".")[0] == "optimizer"
        each = [f"{player}{key.removeprefix('optimizer')}" for player in _optimizers(settings)] if own else []
        for name in [name for name in each if name in settings] or [key]:
            settings[name] = value
    return run._replace(settings=settings)


def names_setting(key: str, settings: Collection[str]) -> bool:
    """Whether what is typed as `key` is, or brings, some of these settings: what merely looks (`eval_every`) does not."""
    return (
        key in settings
        or key in ("experiment", "debug", "epochs")
        or key.partition("@")[0].partition(".")[0].endswith("optimizer")
        or any(name.startswith(f"{key}.") for name in settings)
    )
