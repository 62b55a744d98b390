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
from ganexp.config.many import Composed
from ganexp.config.mistakes import Mistake
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
    folder, known = folder_of(words, runs[0].overrides)
    if known is not None:
        records.refuse_other(folder, known, own(words), [run.listed() for run in runs])
    if launcher == LAUNCHER:
        return _together(own(words), folder, known, runs, dry_run)
    if known is not None:
        raise Mistake(f"out={folder}: holds this sweep already; go on with it by ganexp resume {quoted(folder)}")
    if dry_run:
        return _show(runs, folder)
    return _each_alone(own(words), folder, runs)


def resume(folder: Path, changes: Sequence[str], dry_run: bool) -> int:
    """Go on with the sweep in `folder`, as it was or longer; the exit status."""
    known = _known(folder)
    _use_all_cores()
    if is_search(known.words):
        from ganexp.cli import search

        if changes:
            raise Mistake(f"{folder}: a search goes on as it was begun; {' '.join(changes)} would be another search")
        return search.resume(folder, known, dry_run)
    if changes:
        known = _lengthened(folder, known, changes)
    return _together(known.words, folder, known, [], dry_run)


def extend(words: Sequence[str], dry_run: bool) -> int:
    """Add runs to the sweep in the folder named first: those of its words with the others put in that are not there yet; the exit
    status."""
    if len(words) < 2:
        raise Mistake(
            "extend needs the folder of a sweep and what else is to be swept: ganexp extend FOLDER seed='range(8,16)'"
        )
    folder, changes = workspace.begun(words[0]), words[1:]
    known = _known(folder)
    _use_all_cores()
    if is_search(known.words):
        raise Mistake(f"{folder}: is a search, whose runs its sampler chooses; start another with more trials")
    before, after = completed(known.words), completed(merged(known.words, changes))
    _refuse_edited(folder, known, composed_runs(before, LAUNCHER))
    asked = composed_runs(after, LAUNCHER, one=True)
    there = [run.record for run in known.runs]
    new = [run for run in asked if record(run.job) not in there]
    if not new:
        raise Mistake(
            f"{folder}: holds all of these {len(asked)} runs already; ask for others, as in seed='range(8,16)'"
        )
    # Named by what differs in any of them.
    alike = {key for key, _ in constants(before).items() & constants(after).items()}
    runs = named(new, alike, len(known.runs))
    extended = known._replace(
        runs=[*known.runs, *(run.listed() for run in runs)],
        batches=[*known.batches, len(known.runs)],
        extensions=[*known.extensions, list(changes)],
    )
    print(f"ganexp: {len(runs)} new runs, {len(known.runs)} that are there", file=sys.stderr)
    return _together(known.words, folder, extended, runs, dry_run)


def _refuse_edited(folder: Path, known: records.Known, again: Sequence[Composed]) -> None:
    """Refuse to add runs to a sweep whose own words come to other settings now; raises SettingError."""
    there = {tuple(run.overrides): run for run in known.runs}
    for run in again:
        if run.overrides in there:
            listed = there[run.overrides]
            records.refuse_other(folder, known, known.words, [listed._replace(record=record(run.job))])


def _known(folder: Path) -> records.Known:
    known = records.read(folder)
    if known is None:
        raise Mistake(f"{folder}: is not the folder of a sweep (it has no {records.NAME})")
    return known


def _lengthened(folder: Path, known: records.Known, changes: Sequence[str]) -> records.Known:
    """The sweep with the length of all its runs changed, as `changes` say."""
    others = [word for word in changes if word.partition("=")[0] not in LENGTHS]
    if others:
        raise Mistake(
            f"{folder}: a sweep goes on as it was begun, or longer; {' '.join(others)} would be another sweep"
        )
    runs = []
    for run in known.runs:
        place = folder / run.name
        job = continued(place, records.job_of(folder, run), run.overrides, changes)
        step = records.summary(place).get("step") or 0
        if job.steps < step:
            raise Mistake(f"{place}: is at step {step:,} already; give it more, as in steps={2 * step}")
        runs.append(run._replace(overrides=merged(run.overrides, changes), record=record(job)))
    checked([(tuple(run.overrides), records.job_of(folder, run)) for run in runs], LAUNCHER)
    return known._replace(words=merged(known.words, changes), runs=runs)


def _together(
    words: list[str], folder: Path, known: records.Known | None, new: Sequence[Planned], dry_run: bool
) -> int:
    """Train the runs side by side, or what is left of them where their folder holds this sweep already."""
    if known is None:
        known = records.Known(words, [run.listed() for run in new], [0], [])
    composed = {run.name: run for run in new}
    # What a run was resolved to when it began is what is trained, whatever its words would come to now.
    runs = [composed.get(run.name) or remembered(folder, run) for run in known.runs]
    if dry_run:
        return _show(runs, folder)
    for run in runs:
        workspace.load_data(run.job)
    workspace.make(folder)
    from ganexp.cli.together import Together

    cache.enable()
    refuse_links(folder)
    with locked(folder), interruptible() as interrupted:
        records.write(folder, known)
        Together(folder, known, interrupted).train_all(runs)
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
        records.write(folder, records.Known(words, [run.listed() for run in runs], [0], []))
        return end(folder, runs[0].job.sweep.metric, each_alone(words, folder, runs))


def _use_all_cores() -> None:
    from ganexp.cli.together import use_all_cores

    # Before anything asks JAX for its devices.
    use_all_cores()
