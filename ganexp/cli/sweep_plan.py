"""The runs of a sweep, before one of them is trained: from what is typed, or from what its folder says."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from ganexp import size
from ganexp.cli import workspace
from ganexp.config.compose import option
from ganexp.config.grid import completed, constants, expand, own, unfixed
from ganexp.config.many import ComposedRun, load_many
from ganexp.config.multirun import folder_name, installed
from ganexp.config.usage_errors import UsageError
from ganexp.job import Job
from ganexp.observe.metric import ranking
from ganexp.provenance import record
from ganexp.spelling import did_you_mean
from ganexp.sweeps import folder as records

LAUNCHER = "jax"
GRIDS = ("basic",)  # Sweepers that make every combination.
EXTRAS = {"optuna": "optuna", "joblib": "joblib", "submitit": "submitit", "ray": "ray"}


class Planned(NamedTuple):
    """A run of a sweep: the name of its folder, its overrides, its job, and its config where it was composed just now."""

    name: str
    overrides: tuple[str, ...]
    job: Job
    composed: ComposedRun | None

    def listed(self) -> records.Listed:
        """What `sweep.json` says of it."""
        return records.Listed(self.name, list(self.overrides), record(self.job))


def planned(words: Sequence[str], launcher: str) -> list[Planned]:
    """The runs that `words` ask for, composed and checked; raises UsageError and SettingError."""
    words = completed(words)
    return named(composed_runs(own(words), launcher), constants(words))


def composed_runs(words: Sequence[str], launcher: str, one: bool = False) -> list[ComposedRun]:
    """The runs that `words` ask for, perhaps `one` alone; raises UsageError and SettingError."""
    runs = load_many(expand(words, one))
    _refuse_open(runs)
    checked([(run.overrides, run.job) for run in runs], launcher)
    return runs


def named(runs: Sequence[ComposedRun], constant: Collection[str], first: int = 0) -> list[Planned]:
    """The runs with the names of their folders: a number, from `first` on, and their overrides but those of `constant` keys."""
    excluded = {"out", *constant}
    return [
        Planned(folder_name(number, run.overrides, excluded), run.overrides, run.job, run)
        for number, run in enumerate(runs, first)
    ]


def remembered(folder: Path, run: records.Listed) -> Planned:
    """A run of the sweep in `folder`, as it was resolved when it began; raises SettingError."""
    job = records.job_of(folder, run)
    size.refuse(job)
    return Planned(run.name, tuple(run.overrides), job, None)


def _refuse_open(runs: Sequence[ComposedRun]) -> None:
    for choices in {run.choices: run for run in runs}.values():
        open_ = unfixed(choices.config(), choices.overrides)
        if open_:
            raise UsageError(
                f"{' '.join(choices.choices)}: this recipe sweeps over {', '.join(open_)} by itself; sweep over recipes that do "
                "not, or type a command for each"
            )


def is_search(words: Sequence[str]) -> bool:
    """Whether what was typed of a sweep leaves the choice of its runs to a search."""
    return option(words, "hydra/sweeper", GRIDS[0]) not in GRIDS or option(words, "search", "null") != "null"


def refuse_absent(group: str, name: str) -> None:
    """Refuse one of Hydra's own options that is not installed; raises UsageError."""
    if name == LAUNCHER or name in GRIDS:
        return
    there = installed(group)
    if name in there:
        return
    extra = EXTRAS.get(name.partition("_")[0])
    raise UsageError(
        f"{group}={name}: is not installed; pip install 'ganexp[{extra}]'"
        if extra
        else f"{group}={name}: there is no such option; it is one of {', '.join(there)}{did_you_mean(name, there)}"
    )


def checked(runs: Sequence[tuple[tuple[str, ...], Job]], launcher: str) -> None:
    """Refuse runs that no sweep can have, or that are the same; raises UsageError."""
    seen: dict[tuple[str, ...], int] = {}
    for number, (overrides, job) in enumerate(runs):
        size.refuse(job)
        refuse(job, launcher)
        if overrides in seen:
            raise UsageError(
                f"runs {seen[overrides]} and {number} are the same ({' '.join(overrides)}); give each value once"
            )
        seen[overrides] = number


def refuse(job: Job, launcher: str) -> None:
    """Refuse what no run of a sweep can have; raises UsageError."""
    if job.profile and launcher == LAUNCHER:
        raise UsageError("profile: one run is traced at a time; leave out -m, or add hydra/launcher=basic")
    tag = job.sweep.metric
    known = ranking(job.metric.values())
    if tag is not None and tag not in known:
        raise UsageError(
            f"sweep.metric: {tag!r} is not a metric that these runs can be compared by; "
            f"those are {', '.join(known.tags)}{did_you_mean(tag, known.tags)}"
        )


def folder_of(words: Sequence[str], run: Sequence[str]) -> tuple[Path, records.SweepManifest | None]:
    """The folder of a sweep of these words, one `run` of which has these overrides, and what it says where one was begun there.

    Raises UsageError where it holds something else.
    """
    job = load_many([[*run, *(word for word in words if word not in own(words))]])[0].job
    folder = workspace.folder_of(job)
    known = records.read(folder)
    if known is None:
        workspace.refuse_sweep(folder)
        workspace.refuse_run(folder)
    return folder, known
