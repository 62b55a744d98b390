"""`ganexp -m`: many runs, through Hydra's sweeper and launcher, and going on with them."""

from __future__ import annotations

import argparse
import math
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from ganexp import cache, cli
from ganexp.cli import train
from ganexp.cli.display_sweep import show_end, show_plan
from ganexp.config.build import job as build_job
from ganexp.config.compose import ROOT, expand, option, parsed, prepare
from ganexp.config.many import Composed, Launched, folder_name, load_many
from ganexp.config.mistakes import Mistake
from ganexp.config.options import conf_dir
from ganexp.datasets import Curve
from ganexp.job import Job
from ganexp.outcome import interruptible
from ganexp.records.claim import claimed
from ganexp.report.metrics import LOWER_IS_BETTER, main_metric, penalty
from ganexp.spelling import nearest
from ganexp.sweep import folder as records

INTERRUPTED = 128  # What a signal ended exits with this and the signal's number.
LAUNCHER = "jax"
NOT_BEGUN = "not begun"
GRIDS = ("checked", "basic")
EXTRAS = {"optuna": "optuna", "joblib": "joblib", "submitit": "submitit", "ray": "ray"}


def command(words: Sequence[str], typed: argparse.Namespace) -> int:
    """Check every run of the sweep, then train them; the exit status is that of the worst."""
    launcher = option(words, "hydra/launcher", LAUNCHER)
    refuse_absent("hydra/launcher", launcher)
    if launcher == LAUNCHER:
        from ganexp.cli.together import use_all_cores

        # Before anything asks JAX for its devices.
        use_all_cores()
    if is_search(words):
        from ganexp.cli import search

        return search.command(words, typed.dry_run, launcher)
    runs = load_many(expand(words))
    metric = checked(runs, launcher)
    folder, known = folder_of(runs[0].job, words)
    if typed.dry_run:
        show_plan([(run.overrides, run.job) for run in runs], folder)
        return cli.FINISHED
    for run in runs:
        train.load_data(run.job)
    train.make(folder)
    with claimed(folder):
        if launcher != LAUNCHER:
            return each_alone(words, folder, known, runs)
        with interruptible() as interrupted:
            together(words, folder, known, runs, interrupted)
            return end(folder, metric, interrupted())


def resume(folder: Path, changes: Sequence[str], dry_run: bool) -> int:
    """Go on with the sweep in `folder`; the exit status."""
    if changes:
        raise Mistake(f"{folder}: a sweep goes on as it was begun; {' '.join(changes)} would be another sweep")
    known = records.read(folder)
    assert known is not None
    from ganexp.cli.together import use_all_cores

    use_all_cores()
    if is_search(known.words):
        from ganexp.cli import search

        return search.resume(folder, known, dry_run)
    runs = load_many([overrides for _, overrides in known.runs])
    metric = checked(runs, LAUNCHER)
    if dry_run:
        show_plan([(run.overrides, run.job) for run in runs], folder)
        return cli.FINISHED
    for run in runs:
        train.load_data(run.job)
    with claimed(folder), interruptible() as interrupted:
        together(known.words, folder, known, runs, interrupted)
        return end(folder, metric, interrupted())


def is_search(words: Sequence[str]) -> bool:
    """Whether what was typed of a sweep leaves the choice of its runs to a search."""
    return option(words, "hydra/sweeper", GRIDS[0]) not in GRIDS or option(words, "search", "null") != "null"


def refuse_absent(group: str, name: str) -> None:
    """Refuse one of Hydra's own options that is not installed; raises Mistake."""
    if name == LAUNCHER or name in GRIDS:
        return
    there = hydra().config_loader.get_group_options(group)
    if name in there:
        return
    extra = EXTRAS.get(name.partition("_")[0])
    raise Mistake(
        f"{group}={name}: is not installed; pip install 'ganexp[{extra}]'"
        if extra
        else f"{group}={name}: there is no such option; it is one of {', '.join(there)}{nearest(name, there)}"
    )


def checked(runs: Sequence[Composed], launcher: str) -> str | None:
    """The metric that settings are compared by, None for the main one; raises Mistake for what cannot be had of these runs."""
    seen: dict[tuple[str, ...], int] = {}
    for number, run in enumerate(runs):
        refuse(run.job, launcher)
        if run.overrides in seen:
            raise Mistake(
                f"runs {seen[run.overrides]} and {number} are the same ({' '.join(run.overrides)}); give each value once"
            )
        seen[run.overrides] = number
    return runs[0].job.sweep.metric


def refuse(job: Job, launcher: str) -> None:
    """Refuse what no run of a sweep can have; raises Mistake."""
    if job.profile and launcher == LAUNCHER:
        raise Mistake("profile: one run is traced at a time; leave out -m, or add hydra/launcher=basic")
    tag = job.sweep.metric
    if tag is not None and tag not in LOWER_IS_BETTER:
        raise Mistake(
            f"sweep.metric: {tag!r} is not a metric that settings can be compared by; "
            f"those are {', '.join(LOWER_IS_BETTER)}{nearest(tag, LOWER_IS_BETTER)}"
        )


def folder_of(job: Job, words: Sequence[str]) -> tuple[Path, records.Known | None]:
    """The folder of a sweep, and what it says where this sweep was begun there; raises where it holds another, or a run."""
    known = None if job.out is None else records.read(Path(job.out))
    if job.out is None or known is None:
        return train.folder_of(job), None
    records.refuse_another(Path(job.out), known, own(words))
    return Path(job.out), known


def together(
    words: Sequence[str],
    folder: Path,
    known: records.Known | None,
    runs: Sequence[Composed],
    interrupted: Callable[[], int],
) -> None:
    """Train the runs side by side, or what is left of them where their folder holds this sweep already."""
    from ganexp.cli.together import Stopped, Together

    cache.enable()
    task = Together(folder, known or records.Known(own(words), [], []), interrupted)
    # The runs are composed already: the launcher need not do it again.
    task.composed = {run.overrides: run for run in runs}
    if known is not None:
        task.go_on(launched(known.words, folder), runs, _names(words, runs))
        return
    with suppress(Stopped):
        multirun(words, folder, task)


def each_alone(words: Sequence[str], folder: Path, known: records.Known | None, runs: Sequence[Composed]) -> int:
    """Train one run after the other, or where and when another launcher does; the exit status."""
    if known is not None:
        raise Mistake(f"out={folder}: holds this sweep already; go on with it by ganexp resume {folder}")
    named = zip(_names(words, runs), (list(run.overrides) for run in runs), strict=True)
    records.write(folder, records.Known(own(words), list(named), [0]))
    return end(folder, runs[0].job.sweep.metric, alone(words, folder, len(runs)))


def alone(words: Sequence[str], folder: Path, count: int) -> int:
    """Have another launcher train `count` runs, each by itself; the number of the signal that ended it, or 0."""
    task = Alone(count)
    try:
        multirun(words, folder, task)
    except KeyboardInterrupt:
        return task.signal
    return 0


class Alone:
    """The task of Hydra's other launchers: one run of `count`, from its composed config, in its folder; how good it is.

    Once a signal has ended one, the others do not begin: raises KeyboardInterrupt.
    """

    def __init__(self, count: int):
        self.count, self.signal = count, int(signal.SIGINT)

    def __call__(self, config: DictConfig) -> float:
        prepare()
        job, own_hydra = build_job(config), HydraConfig.get()
        place = Path(own_hydra.runtime.output_dir)
        print(f"run {own_hydra.job.num + 1} of {self.count}: {place.name}", file=sys.stderr)
        try:
            status = train.train(job, place, config, None)
        except Exception as error:
            print(f"ganexp: {place.name}: failed: {type(error).__name__}: {error}", file=sys.stderr)
            status = cli.FAILED
        if status > INTERRUPTED:
            self.signal = status - INTERRUPTED
            raise KeyboardInterrupt
        return judged(job, records.summary(place))


def metric_of(job: Job) -> str:
    """The metric that the runs of a job are compared by, known before any has run: `sweep.metric`, or the main one of the data."""
    dataset = job.experiment.dataset
    first = {
        "mnist_fid": dataset.classifier is not None,
        "curve/distance": isinstance(dataset, Curve),
        "grid/js": dataset.shape == (2,),
        "sliced_wasserstein": True,
    }
    main = main_metric({tag: 0.0 for tag, measured in first.items() if measured})
    assert main is not None
    return job.sweep.metric or main


def judged(job: Job, summary: Mapping[str, Any]) -> float:
    """The metric that a run is compared by; the worst value, which is infinite, where it has none."""
    tag = metric_of(job)
    value = float(summary.get("final", {}).get(tag, math.nan))
    return value if summary.get("status") == "finished" and math.isfinite(value) else penalty(tag)


def end(folder: Path, metric: str | None, number: int, count: int = 0) -> int:
    """Show what the sweep in `folder` of at least `count` runs came to; the exit status, that of its worst run or of a signal's
    `number`."""
    known = records.read(folder)
    assert known is not None
    states = [str(records.summary(folder / name).get("status", NOT_BEGUN)) for name, _ in known.runs]
    states += [NOT_BEGUN] * (count - len(states))
    show_end(folder, states, metric)
    return (
        INTERRUPTED + number if number else max((train.STATUSES.get(state, cli.FAILED) for state in states), default=0)
    )


def multirun(words: Sequence[str], folder: Path, task: Any) -> Any:
    """Have Hydra's sweeper and launcher do `task` for every run, in folders inside of `folder`; what they return."""
    return hydra().multirun(ROOT, task, _typed(words, folder), with_log_configuration=False)


def launched(words: Sequence[str], folder: Path) -> Launched:
    """Hydra's part of the configs of the runs of a sweep in `folder`."""
    own_hydra = hydra()
    typed = _typed(words, folder)
    master = own_hydra.compose_config(ROOT, typed, run_mode=RunMode.MULTIRUN, with_log_configuration=False)
    return Launched(own_hydra.config_loader, master)


def _typed(words: Sequence[str], folder: Path) -> list[str]:
    """What Hydra is told: the names of the runs' folders have what differs."""
    excluded = ",".join(["out", *sorted(constants(words))])
    return [*own(words), f"hydra.sweep.dir={folder}", f"hydra.job.config.override_dirname.exclude_keys=[{excluded}]"]


def _names(words: Sequence[str], runs: Sequence[Composed]) -> list[str]:
    excluded = {"out", *constants(words)}
    return [folder_name(number, run.overrides, excluded) for number, run in enumerate(runs)]


def constants(words: Sequence[str]) -> frozenset[str]:
    """The keys of what is typed once for all runs of a sweep."""
    typed = [parsed(word) for word in words]
    return frozenset(override.get_key_element() for override in typed if not override.is_sweep_override())


def own(words: Sequence[str]) -> list[str]:
    """What was typed of the sweep itself, without where it lies."""
    return [word for word in words if word.partition("=")[0].lstrip("+") != "out"]


def hydra() -> Hydra:
    """Hydra with the options of ganexp."""
    prepare()
    GlobalHydra.instance().clear()
    return Hydra.create_main_hydra2("ganexp", create_config_search_path(str(conf_dir())))
