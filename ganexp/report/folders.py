"""Which run folders there are: those that a sweep's own list names, and those that have the traces of a run."""

from __future__ import annotations

import math
import os
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from ganexp.records.documents import LONGEST_PATH, DocumentError, inside, leads_out, plain_name, printable, read_json
from ganexp.records.summary import SUMMARY_NAME
from ganexp.records.table import TABLE_NAME
from ganexp.report.reading import OVERRIDES
from ganexp.report.run import Run

SWEEP_NAME = "sweep.json"
# A folder with one of these is a run's, even where run.json was lost.
TRACES = (SUMMARY_NAME, TABLE_NAME, str(OVERRIDES))
SKIPPED = {"checkpoints", "images", "report"}
MOST_DEEP, MOST_LISTED = 32, 100_000


class Found(NamedTuple):
    """Each run's folder, with what was typed for it where a sweep's list says so; `refused` are the runs of a list whose
    folders must not be read, by the place they would have."""

    places: dict[Path, list[str] | None]
    refused: dict[Path, Run]
    notes: list[str]


def find(folder: Path) -> Found:
    """Every run in a folder: its own, those of a sweep, and those in the folders below, but for links to others."""
    found = Found({}, {}, [])
    for place, below, files in os.walk(folder, onerror=lambda error: found.notes.append(_unread(error))):
        path = Path(place)
        names = {*below, *files}
        below[:] = sorted((name for name in below if _entered(name)), key=_natural)
        if len(path.parts) - len(folder.parts) >= MOST_DEEP:
            below.clear()
        if SWEEP_NAME in names:
            _list(path / SWEEP_NAME, found)
        elif any(os.path.lexists(path / trace) for trace in TRACES):
            found.places.setdefault(path, None)
            below.clear()
    return found


def _unread(error: OSError) -> str:
    return f"{printable(str(error.filename), LONGEST_PATH)} cannot be read ({error.strerror})"


def _entered(name: str) -> bool:
    return name not in SKIPPED and name != SWEEP_NAME and not name.startswith(".")


def _natural(name: str) -> tuple[float, str]:
    number = name.partition("_")[0]
    return (int(number) if number.isdecimal() else math.inf, name)


def _list(path: Path, found: Found) -> None:
    """Put the runs of a sweep's list among those found."""
    try:
        listed = _listed(path)
    except DocumentError as error:
        found.notes.append(f"{str(error).rstrip('.')}: runs that never started are not counted")
        return
    without: Counter[str] = Counter()
    for number, entry in enumerate(listed):
        name, words = (entry.get("name"), entry.get("overrides")) if isinstance(entry, dict) else (None, None)
        place = inside(path.parent, name)
        if place is None:
            refused = _refused(name, number)
            found.refused[path.parent / SWEEP_NAME / str(number)] = refused
            continue
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            without[printable(place.name)] += 1
            words = None
        found.places[place] = words
    if without:
        such = next(iter(without))
        found.notes.append(
            f"{printable(path, LONGEST_PATH)} is damaged, what was typed is lost for {len(without)} of its runs, such as {such}"
        )


def _listed(path: Path) -> list[Any]:
    if leads_out(path, path.parent):
        raise DocumentError(path, "is a link that leads out of its folder")
    content = read_json(path)
    listed = content.get("runs") if isinstance(content, dict) else None
    if not isinstance(listed, list):
        raise DocumentError(path, "is damaged, it does not list runs")
    if len(listed) > MOST_LISTED:
        raise DocumentError(path, f"is damaged, it lists {len(listed):,} runs")
    return listed


def _refused(name: object, number: int) -> Run:
    if not isinstance(name, str) or not printable(name):
        return Run(f"run {number} of {SWEEP_NAME}", None, "damaged", reason=f"{SWEEP_NAME} does not name its folder")
    why = "is a link that leads out of the sweep's folder" if plain_name(name) else "is not the name of a folder"
    return Run(printable(name), None, "damaged", reason=f"'{printable(name, 40)}' in {SWEEP_NAME} {why}")
