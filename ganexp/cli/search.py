"""`ganexp -m search=NAME` and `hydra/sweeper=optuna`: runs whose settings Optuna chooses, one batch after the other."""

from __future__ import annotations

import importlib
import logging
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf

from ganexp import cache, cli
from ganexp.cli import sweep, train
from ganexp.cli.display_sweep import seconds, span
from ganexp.cli.search_plan import Search, planned
from ganexp.cli.together import Stopped, Together
from ganexp.config.compose import parsed
from ganexp.config.mistakes import Mistake
from ganexp.outcome import interruptible
from ganexp.records.claim import claimed
from ganexp.report.metrics import lower_is_better, penalty
from ganexp.sweep import folder as records
from ganexp.sweep.plan import plan


def command(words: Sequence[str], dry_run: bool, launcher: str) -> int:
    """Check the ends of what is searched, then train what Optuna asks for; the exit status is that of the worst run."""
    search = planned(words, launcher)
    folder, known = sweep.folder_of(search.jobs[0], words)
    if known is not None and launcher != sweep.LAUNCHER:
        raise Mistake(f"out={folder}: holds this search already; go on with it by ganexp resume {folder}")
    if dry_run:
        show(search, folder)
        return cli.FINISHED
    _load_data(search)
    train.make(folder)
    return _train(search, folder, known or records.Known(sweep.own(words), [], []), launcher)


def resume(folder: Path, known: records.Known, dry_run: bool) -> int:
    """Go on with the search in `folder`: asked anew and told the same, its sampler asks for the same runs; the exit status."""
    words = [word for word in known.words if not word.startswith(("hydra/launcher=", "hydra.launcher."))]
    search = planned(words, sweep.LAUNCHER)
    if dry_run:
        show(search, folder)
        return cli.FINISHED
    _load_data(search)
    return _train(search, folder, known, sweep.LAUNCHER)


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
        train.load_data(job)


def _train(search: Search, folder: Path, known: records.Known, launcher: str) -> int:
    with claimed(folder), _quiet():
        if launcher != sweep.LAUNCHER:
            records.write(folder, known)
            number = sweep.alone(search.words, folder, search.trials)
            records.write(folder, known._replace(runs=_left_in(folder), batches=[0]))
            return _end(search, folder, number)
        cache.enable()
        with interruptible() as interrupted:
            with suppress(Stopped):
                sweep.multirun(search.words, folder, Trials(folder, known, interrupted, search.trials))
            return _end(search, folder, interrupted())


class Trials(Together):
    """The task of a search of `count` runs: those of `known`, which are asked for again first, and then new ones."""

    def __init__(self, folder: Path, known: records.Known, interrupted: Any, count: int):
        super().__init__(folder, records.Known(known.words, [], []), interrupted)
        self._before, self._count = known.runs, count

    def together(
        self, context: HydraContext, config: DictConfig, batch: Sequence[Sequence[str]], first: int
    ) -> list[JobReturn]:
        """Train what is left of a batch; raises Mistake where the search does not ask for what it asked for before."""
        after = first + len(batch)
        before = [run for _, run in self._before[first:after]]
        if before != [list(run) for run in batch][: len(before)]:
            raise Mistake(
                f"{self.folder}: the search asks for other runs than before, because another Optuna chooses them, or a run "
                "that had failed did not fail again; begin it anew in another folder"
            )
        states = [records.summary(self.folder / name).get("status") for name, _ in self._before[first:after]]
        if len(before) < len(batch) or not {*states} <= {*records.OVER}:
            print(f"trials {first + 1} to {after} of {self._count}", file=sys.stderr, flush=True)
        return super().together(context, config, batch, first)


def _left_in(folder: Path) -> list[tuple[str, list[str]]]:
    """The runs that a launcher left in `folder`, in their order."""
    places = sorted(folder.glob("*/.hydra/overrides.yaml"), key=lambda path: int(path.parts[-3].partition("_")[0]))
    return [(path.parts[-3], [str(word) for word in OmegaConf.load(path)]) for path in places]


def _end(search: Search, folder: Path, number: int) -> int:
    status = sweep.end(folder, search.metric, number, search.trials)
    known = records.read(folder)
    assert known is not None
    lowest = lower_is_better(search.metric)
    scores = [sweep.judged(search.jobs[0], records.summary(folder / name)) for name, _ in known.runs]
    best = (min if lowest else max)(scores, default=penalty(search.metric))
    if best != penalty(search.metric):
        name, overrides = known.runs[scores.index(best)]
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
