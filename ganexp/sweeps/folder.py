"""The folder of a sweep: `sweep.json`, which says what it is and what made each of its runs, and the folders of the runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from ganexp.component import SettingError
from ganexp.job import Job
from ganexp.provenance import JOB, SETTINGS, changes, orders, restore
from ganexp.records.atomic import write_atomically
from ganexp.records.documents import inside, read_json
from ganexp.records.summary import read_summary

NAME = "sweep.json"
PROGRAMS = "programs"
FINISHED, DIVERGED, FAILED = "finished", "diverged", "failed"
PARTS = (SETTINGS, JOB)

Record = Mapping[str, Mapping[str, Any]]


class Listed(NamedTuple):
    """A run of a sweep: the name of its folder, its overrides, and the record of the job that they came to."""

    name: str
    overrides: list[str]
    record: Record


class SweepManifest(NamedTuple):
    """What `sweep.json` says: what was typed; the runs; with which of them each batch that was known together begins; and
    what was typed to extend it."""

    words: list[str]
    runs: list[Listed]
    batches: list[int]
    extensions: list[list[str]]


def write(folder: Path, manifest: SweepManifest) -> None:
    """Say in `folder` what its sweep is."""
    # What all runs have alike is written once: a thousand runs are a megabyte otherwise.
    shared = {part: _shared([run.record[part] for run in manifest.runs]) for part in PARTS}
    runs = [
        {"name": run.name, "overrides": run.overrides}
        | {part: {key: run.record[part][key] for key in run.record[part] if key not in shared[part]} for part in PARTS}
        for run in manifest.runs
    ]
    content = {
        "words": manifest.words,
        "extensions": manifest.extensions,
        "batches": manifest.batches,
        "shared": shared,
        "runs": runs,
    }
    write_atomically(folder / NAME, json.dumps(content, indent=1).encode() + b"\n", durable=True)


def _shared(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if not records:
        return {}
    first, *others = records
    shared = {
        key: value for key, value in first.items() if all(key in other and other[key] == value for other in others)
    }
    # What is shared comes first when a run is read: the order of its parts must be the same then.
    torn = {
        name
        for record in records
        for name, parts in orders(record).items()
        if orders([*shared, *record])[name] != parts
    }
    return {key: value for key, value in shared.items() if key.partition(".")[0] not in torn}


def read(folder: Path) -> SweepManifest | None:
    """What the sweep in `folder` is; None where there is none; raises SettingError where its record is damaged."""
    path = folder / NAME
    if not path.exists():
        return None
    try:
        content = read_json(path)
        shared = content["shared"]
        runs = [_listed(folder, run, shared) for run in content["runs"]]
        extensions = [_texts(words) for words in content["extensions"]]
        manifest = SweepManifest(
            _texts(content["words"]), runs, [int(first) for first in content["batches"]], extensions
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        why = f"it has no {error}" if isinstance(error, KeyError) else error
        raise SettingError("", f"{path} is damaged ({why}); start the sweep anew in another folder") from None
    if len({run.name for run in runs}) < len(runs) or manifest.batches != sorted({*manifest.batches}):
        raise SettingError("", f"{path} is damaged (a run stands in it twice); start the sweep anew in another folder")
    return manifest


def _listed(folder: Path, run: Mapping[str, Any], shared: Mapping[str, Any]) -> Listed:
    if inside(folder, run["name"]) is None:
        raise ValueError(f"{run['name']!r} names no folder in it")
    return Listed(run["name"], _texts(run["overrides"]), {part: {**shared[part], **run[part]} for part in PARTS})


def _texts(words: Any) -> list[str]:
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError(f"{words!r} is not what was typed")
    return list(words)


def job_of(folder: Path, run: Listed) -> Job:
    """The job of a run as it was resolved when the sweep began; raises SettingError."""
    try:
        return restore(run.record, folder / NAME)
    except SettingError as error:
        raise SettingError("", f"run {run.name}: {error}") from None


def refuse_other(folder: Path, manifest: SweepManifest, words: Sequence[str], runs: Sequence[Listed]) -> None:
    """Refuse to go on in the folder with runs that are not the sweep's; raises SettingError with what differs."""
    there = {run.name: run for run in manifest.runs}
    for run in runs:
        if run.name not in there or run.overrides != there[run.name].overrides:
            refuse_other_words(folder, manifest, words)
        changed = changes(_deciding(there[run.name]), _deciding(run))
        if changed:
            raise SettingError(
                "out", f"{folder}: a sweep is continued only with the settings that made it, and those of {run.name} are "
                f"others now: {changed}; ganexp resume goes on with the former, another folder with the latter"
            )  # fmt: skip


def refuse_other_words(folder: Path, manifest: SweepManifest, words: Sequence[str]) -> NoReturn:
    """Say that the folder holds a sweep of other words; raises SettingError."""
    raise SettingError("out", f"{folder} holds a different sweep ({_words(manifest, words)}); choose another folder")


def _deciding(run: Listed) -> dict[str, Any]:
    # Where files lie decides no number.
    return {key: value for part in PARTS for key, value in run.record[part].items() if key != "dataset.files"}


def _words(manifest: SweepManifest, words: Sequence[str]) -> str:
    new, old = (
        [word for word in words if word not in manifest.words],
        [word for word in manifest.words if word not in words],
    )
    if not new and not old:
        return "the same words in another order" if [*words] != manifest.words else "its recipe makes other runs now"
    return f"{' '.join(old) or 'nothing more'}, where now it is {' '.join(new) or 'nothing more'}"


def summary(folder: Path) -> dict[str, Any]:
    """The run.json of a run; empty where it never started, or where that is damaged."""
    try:
        return read_summary(folder)
    except ValueError:
        return {}


def is_over(folder: Path, job: Job) -> bool:
    """Whether the run in `folder` has come to the end of `job`: another attempt would end the same."""
    now = summary(folder)
    return now.get("status") == DIVERGED or (now.get("status") == FINISHED and now.get("step") == job.steps)
