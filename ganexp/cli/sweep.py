"""`ganexp -m`, and `resume` and `extend` of a sweep: many runs, begun, gone on with, lengthened, or joined by more."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from ganexp import cache
from ganexp.cli import workspace
from ganexp.cli.display_sweep import show_plan
from ganexp.cli.exit_codes import FINISHED
from ganexp.cli.sweep_end import end
from ganexp.cli.sweep_plan import (
    LAUNCHER,
    Planned,
    checked,
    composed_runs,
    folder_of,
    is_search,
    named,
    planned,
    refuse_absent,
    remembered,
)
from ganexp.cli.workspace import quoted
from ganexp.config.changes import LENGTHS, continued, merged
from ganexp.config.compose import option
from ganexp.config.grid import completed, constants, own
from ganexp.config.many import ComposedRun
from ganexp.config.usage_errors import UsageError
from ganexp.provenance import record
from ganexp.records.links import refuse_links
from ganexp.records.lock import locked
from ganexp.runner.signals import interruptible
from ganexp.sweeps import folder as records


def command(words: Sequence[str], dry_run: bool) -> int:
    """Check every run of the sweep, then train them; the exit status is that of the worst."""
    launcher = option(words, "hydra/launcher", LAUNCHER)
    refuse_absent("hydra/launcher", launcher)
    if launcher == LAUNCHER:
        _use_all_cores()
    if is_search(words):
        from ganexp.cli import search

        return search.command(words, dry_run, launcher)
    runs = planned(words, launcher)
    folder, manifest = folder_of(words, runs[0].overrides)
    if manifest is not None:
        records.refuse_other(folder, manifest, own(words), [run.listed() for run in runs])
    if launcher == LAUNCHER:
        return _together(own(words), folder, manifest, runs, dry_run)
    if manifest is not None:
        raise UsageError(f"out={folder}: holds this sweep already; go on with it by ganexp resume {quoted(folder)}")
    if dry_run:
        return _show(runs, folder)
    return _each_alone(own(words), folder, runs)


def resume(folder: Path, changes: Sequence[str], dry_run: bool) -> int:
    """Go on with the sweep in `folder`, as it was or longer; the exit status."""
    manifest = _manifest(folder)
    _use_all_cores()
    if is_search(manifest.words):
        from ganexp.cli import search

        if changes:
            raise UsageError(f"{folder}: a search goes on as it was begun; {' '.join(changes)} would be another search")
        return search.resume(folder, manifest, dry_run)
    if changes:
        manifest = _lengthened(folder, manifest, changes)
    return _together(manifest.words, folder, manifest, [], dry_run)


def extend(words: Sequence[str], dry_run: bool) -> int:
    """Add runs to the sweep in the folder named first: those of its words with the others put in that are not there yet; the exit
    status."""
    if len(words) < 2:
        raise UsageError(
            "extend needs the folder of a sweep and what else is to be swept: ganexp extend FOLDER seed='range(8,16)'"
        )
    folder, changes = workspace.begun(words[0]), words[1:]
    manifest = _manifest(folder)
    _use_all_cores()
    if is_search(manifest.words):
        raise UsageError(f"{folder}: is a search, whose runs its sampler chooses; start another with more trials")
    before, after = completed(manifest.words), completed(merged(manifest.words, changes))
    _refuse_edited(folder, manifest, composed_runs(before, LAUNCHER))
    asked = composed_runs(after, LAUNCHER, one=True)
    there = [run.record for run in manifest.runs]
    new = [run for run in asked if record(run.job) not in there]
    if not new:
        raise UsageError(
            f"{folder}: holds all of these {len(asked)} runs already; ask for others, as in seed='range(8,16)'"
        )
    # Named by what differs in any of them.
    alike = {key for key, _ in constants(before).items() & constants(after).items()}
    runs = named(new, alike, len(manifest.runs))
    extended = manifest._replace(
        runs=[*manifest.runs, *(run.listed() for run in runs)],
        batches=[*manifest.batches, len(manifest.runs)],
        extensions=[*manifest.extensions, list(changes)],
    )
    print(f"ganexp: {len(runs)} new runs, {len(manifest.runs)} that are there", file=sys.stderr)
    return _together(manifest.words, folder, extended, runs, dry_run)


def _refuse_edited(folder: Path, manifest: records.SweepManifest, again: Sequence[ComposedRun]) -> None:
    """Refuse to add runs to a sweep whose own words come to other settings now; raises SettingError."""
    there = {tuple(run.overrides): run for run in manifest.runs}
    for run in again:
        if run.overrides in there:
            listed = there[run.overrides]
            records.refuse_other(folder, manifest, manifest.words, [listed._replace(record=record(run.job))])


def _manifest(folder: Path) -> records.SweepManifest:
    manifest = records.read(folder)
    if manifest is None:
        raise UsageError(f"{folder}: is not the folder of a sweep (it has no {records.NAME})")
    return manifest


def _lengthened(folder: Path, manifest: records.SweepManifest, changes: Sequence[str]) -> records.SweepManifest:
    """The sweep with the length of all its runs changed, as `changes` say."""
    others = [word for word in changes if word.partition("=")[0] not in LENGTHS]
    if others:
        raise UsageError(
            f"{folder}: a sweep goes on as it was begun, or longer; {' '.join(others)} would be another sweep"
        )
    runs = []
    for run in manifest.runs:
        place = folder / run.name
        job = continued(place, records.job_of(folder, run), run.overrides, changes)
        step = records.summary(place).get("step") or 0
        if job.steps < step:
            raise UsageError(f"{place}: is at step {step:,} already; give it more, as in steps={2 * step}")
        runs.append(run._replace(overrides=merged(run.overrides, changes), record=record(job)))
    checked([(tuple(run.overrides), records.job_of(folder, run)) for run in runs], LAUNCHER)
    return manifest._replace(words=merged(manifest.words, changes), runs=runs)


def _together(
    words: list[str], folder: Path, manifest: records.SweepManifest | None, new: Sequence[Planned], dry_run: bool
) -> int:
    """Train the runs side by side, or what is left of them where their folder holds this sweep already."""
    if manifest is None:
        manifest = records.SweepManifest(words, [run.listed() for run in new], [0], [])
    composed = {run.name: run for run in new}
    # What a run was resolved to when it began is what is trained, whatever its words would come to now.
    runs = [composed.get(run.name) or remembered(folder, run) for run in manifest.runs]
    if dry_run:
        return _show(runs, folder)
    for run in runs:
        workspace.load_data(run.job)
    workspace.make(folder)
    from ganexp.cli.together import Together

    cache.enable()
    refuse_links(folder)
    with locked(folder), interruptible() as interrupted:
        records.write(folder, manifest)
        Together(folder, manifest, interrupted).train_all(runs)
        return end(folder, runs[0].job.sweep.metric, interrupted())


def _show(runs: Sequence[Planned], folder: Path) -> int:
    show_plan([(run.overrides, run.job) for run in runs], folder)
    return FINISHED


def _each_alone(words: list[str], folder: Path, runs: Sequence[Planned]) -> int:
    from ganexp.cli.launch import each_alone

    for run in runs:
        workspace.load_data(run.job)
    workspace.make(folder)
    with locked(folder):
        records.write(folder, records.SweepManifest(words, [run.listed() for run in runs], [0], []))
        return end(folder, runs[0].job.sweep.metric, each_alone(words, folder, runs))


def _use_all_cores() -> None:
    from ganexp.cli.together import use_all_cores

    # Before anything asks JAX for its devices.
    use_all_cores()
