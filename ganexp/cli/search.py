"""`ganexp -m search=NAME` and `hydra/sweeper=optuna`: runs whose settings Optuna chooses, one batch after the other."""

from __future__ import annotations

import importlib
import logging
import sys
import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ganexp import cache
from ganexp.cli import sweep_plan, workspace
from ganexp.cli.display_sweep import seconds, span
from ganexp.cli.exit_codes import FINISHED
from ganexp.cli.launch import OneByOne
from ganexp.cli.search_plan import Search, planned
from ganexp.cli.sweep_end import end, objective
from ganexp.cli.together import Stopped, Together
from ganexp.cli.workspace import quoted
from ganexp.config.compose import parsed
from ganexp.config.grid import own
from ganexp.config.many import load_many
from ganexp.config.multirun import Batches, Each, HydraConfigs, multirun
from ganexp.config.usage_errors import UsageError
from ganexp.provenance import record
from ganexp.records.links import refuse_links
from ganexp.records.lock import locked
from ganexp.records.summary import read_summary
from ganexp.runner.signals import interruptible
from ganexp.sweeps import folder as records
from ganexp.sweeps.plan import plan


def command(words: Sequence[str], dry_run: bool, launcher: str) -> int:
    """Check the ends of what is searched, then train what Optuna asks for; the exit status is that of the worst run."""
    search = planned(words, launcher)
    folder, manifest = sweep_plan.folder_of(words, [])
    if manifest is not None and manifest.words != own(words):
        records.refuse_other_words(folder, manifest, own(words))
    if manifest is not None and launcher != sweep_plan.LAUNCHER:
        raise UsageError(f"out={folder}: holds this search already; go on with it by ganexp resume {quoted(folder)}")
    if dry_run:
        show(search, folder)
        return FINISHED
    _load_data(search)
    workspace.make(folder)
    return _train(search, folder, manifest or records.SweepManifest(own(words), [], [], []), launcher)


def resume(folder: Path, manifest: records.SweepManifest, dry_run: bool) -> int:
    """Go on with the search in `folder`: asked anew and told the same, its sampler asks for the same runs; the exit status."""
    words = [word for word in manifest.words if not word.startswith(("hydra/launcher=", "hydra.launcher."))]
    search = planned(words, sweep_plan.LAUNCHER)
    if dry_run:
        show(search, folder)
        return FINISHED
    _load_data(search)
    return _train(search, folder, manifest, sweep_plan.LAUNCHER)


def show(search: Search, folder: Path) -> None:
    """Print what a search would be: its spaces, trials, metric and folder, and the time where it is known."""
    for key, text in search.spaces.items():
        print(f"  {key} = {text}")
    print(f"{search.trials} trials of {search.jobs[0].steps:,} steps, {search.batch} at a time, by {search.sampler}")
    print(f"{search.direction} {search.metric}")
    taken = seconds(plan({0: search.jobs[0]}), {0: search.jobs[0]})
    left = (
        "not known before this program has run here once" if taken is None else f"about {span(search.trials * taken)}"
    )
    print(f"in {folder}; time: {left}")


def _load_data(search: Search) -> None:
    for job in search.jobs:
        workspace.load_data(job)


def _train(search: Search, folder: Path, manifest: records.SweepManifest, launcher: str) -> int:
    refuse_links(folder)
    with locked(folder), _quiet():
        if launcher != sweep_plan.LAUNCHER:
            records.write(folder, manifest)
            number = _alone(search, folder)
            records.write(folder, manifest._replace(runs=_left_in(folder), batches=[0]))
            return _end(search, folder, number)
        cache.enable()
        with interruptible() as interrupted:
            with suppress(Stopped):
                trials = Trials(folder, manifest, interrupted, search.trials)
                multirun(search.words, folder, Batches(trials.train_batch))
            return _end(search, folder, interrupted())


def _alone(search: Search, folder: Path) -> int:
    trainer = OneByOne(search.trials)
    try:
        multirun(search.words, folder, Each(trainer.train))
    except KeyboardInterrupt:
        return trainer.signal
    return 0


class Trials(Together):
    """Trains the `count` runs of a search: those of `manifest`, which are asked for again first, and then new ones."""

    def __init__(self, folder: Path, manifest: records.SweepManifest, interrupted: Any, count: int):
        super().__init__(folder, manifest._replace(runs=[], batches=[]), interrupted)
        self._before, self._count = manifest.runs, count

    def train_batch(
        self, launched: HydraConfigs, constant: Collection[str], batch: Sequence[Sequence[str]], first: int
    ) -> list[float]:
        """Train what is left of a batch; raises UsageError where the search does not ask for what it asked for before, and
        SettingError where that comes to other settings now."""
        after = first + len(batch)
        before = self._before[first:after]
        if [run.overrides for run in before] != [list(run) for run in batch][: len(before)]:
            raise UsageError(
                f"{self.folder}: the search asks for other runs than before, because another Optuna chooses them, or a run "
                "that had failed did not fail again; begin it anew in another folder"
            )
        again = [
            run._replace(record=record(composed.job)) for run, composed in zip(before, load_many(batch), strict=False)
        ]
        records.refuse_other(self.folder, self.manifest._replace(runs=self._before), self.manifest.words, again)
        over = [records.is_over(self.folder / run.name, records.job_of(self.folder, run)) for run in before]
        if len(before) < len(batch) or not all(over):
            print(f"trials {first + 1} to {after} of {self._count}", file=sys.stderr, flush=True)
        return super().train_batch(launched, constant, batch, first)


def _left_in(folder: Path) -> list[records.Listed]:
    """The runs that a launcher left in `folder`, in their order."""
    left = [path.parent for path in folder.glob("[0-9]*_*/run.json")]
    found = []
    for place in sorted(left, key=lambda path: int(path.name.partition("_")[0])):
        known = read_summary(place)
        found.append(records.Listed(place.name, known["overrides"], {part: known[part] for part in records.PARTS}))
    return found


def _end(search: Search, folder: Path, number: int) -> int:
    status = end(folder, search.metric, number, search.trials)
    manifest = records.read(folder)
    assert manifest is not None
    lowest = search.ranking.lower_is_better(search.metric)
    scores = [objective(search.jobs[0], records.summary(folder / run.name)) for run in manifest.runs]
    best = (min if lowest else max)(scores, default=search.ranking.worst(search.metric))
    if best != search.ranking.worst(search.metric):
        name, overrides, _ = manifest.runs[scores.index(best)]
        chosen = " ".join(word for word in overrides if parsed(word).get_key_element() in search.spaces)
        print(f"best:   {search.metric} {best:.4g} by {chosen}, in {folder / name}")
    return status


@contextmanager
def _quiet() -> Iterator[None]:
    """Optuna, and what Hydra says of it, tell only what went wrong."""
    logging.getLogger("hydra_plugins.hydra_optuna_sweeper").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"optuna|hydra_plugins\.hydra_optuna_sweeper")
        optuna: Any = importlib.import_module("optuna")
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        yield
