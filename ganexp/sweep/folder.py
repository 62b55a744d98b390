"""The folder of a sweep: `sweep.json`, which says what it is, and the folders of its runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ganexp.component import SettingError
from ganexp.records.atomic import write_atomically
from ganexp.records.summary import read_summary

NAME = "sweep.json"
PROGRAMS = "programs"
OVER = ("finished", "diverged")  # Another attempt would end the same.
FAILED = "failed"


class Known(NamedTuple):
    """What `sweep.json` says: what was typed; each run's folder and overrides; and with which run each batch of runs that were
    known together begins."""

    words: list[str]
    runs: list[tuple[str, list[str]]]
    batches: list[int]


def write(folder: Path, known: Known) -> None:
    """Say in `folder` what its sweep is."""
    runs = [{"name": name, "overrides": overrides} for name, overrides in known.runs]
    content = {"words": known.words, "batches": known.batches, "runs": runs}
    write_atomically(folder / NAME, json.dumps(content, indent=1).encode() + b"\n", durable=True)


def read(folder: Path) -> Known | None:
    """What the sweep in `folder` is; None where there is none; raises SettingError where its record is damaged."""
    path = folder / NAME
    try:
        content = json.loads(path.read_bytes())
        runs = [(run["name"], run["overrides"]) for run in content["runs"]]
        return Known(content["words"], runs, content["batches"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingError("", f"{path} is damaged ({error}); start the sweep anew in another folder") from None


def refuse_another(folder: Path, known: Known, words: Sequence[str]) -> None:
    """Refuse to go on in the folder of another sweep; raises SettingError with what differs."""
    if list(words) == known.words:
        return
    new, old = [word for word in words if word not in known.words], [word for word in known.words if word not in words]
    what = f"{' '.join(old) or 'nothing more'}, where now it is {' '.join(new) or 'nothing more'}"
    raise SettingError(
        "out", f"{folder} holds a different sweep ({what if new or old else 'the same words in another order'}); "
        "choose another folder"
    )  # fmt: skip


def summary(folder: Path) -> dict[str, Any]:
    """The run.json of a run; empty where it never started, or where that is damaged."""
    try:
        return read_summary(folder)
    except ValueError:
        return {}
