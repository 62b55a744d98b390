"""`ganexp -m`: one run for each combination, through Hydra's launcher."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from ganexp import cli
from ganexp.cli import display, dry, train
from ganexp.component import SettingError
from ganexp.config.build import job as build_job
from ganexp.config.build import load
from ganexp.config.compose import ROOT, expand
from ganexp.config.mistakes import Mistake
from ganexp.config.options import conf_dir
from ganexp.job import Job

INTERRUPTED = 128  # A run that a signal ended exits with this and the signal's number.


def command(words: Sequence[str], dry_run: bool) -> int:
    """Check every run of the sweep, then train them; the exit status is that of the worst."""
    runs = expand(words)
    jobs = [_checked(number, run) for number, run in enumerate(runs)]
    folder = train.folder_of(jobs[0])
    if dry_run:
        for run, job in zip(runs, jobs, strict=True):
            print(f"{' '.join(run)}: {job.steps:,} steps, time: {dry.estimate(job)}")
        print(f"{len(jobs)} runs in {folder}")
        return cli.FINISHED
    for job in jobs:
        train.load_data(job)
    train.make(folder)
    statuses: list[int] = []

    def task(config: DictConfig) -> dict[str, Any]:
        place = Path(HydraConfig.get().runtime.output_dir)
        if max(statuses, default=0) > INTERRUPTED:
            return {}
        print(f"run {len(statuses) + 1} of {len(jobs)}: {place.name}", file=sys.stderr)
        try:
            statuses.append(train.train(build_job(config), place, config, None))
        except Exception as error:
            print(f"ganexp: {place.name}: failed: {type(error).__name__}: {error}", file=sys.stderr)
            statuses.append(cli.FAILED)
        return {}

    GlobalHydra.instance().clear()
    hydra = Hydra.create_main_hydra2("ganexp", create_config_search_path(str(conf_dir())))
    hydra.multirun(ROOT, task, [*words, f"hydra.sweep.dir={folder}"], with_log_configuration=False)
    names = {number: name for name, number in train.STATUSES.items()}
    counts = Counter(names.get(status, "interrupted") for status in statuses)
    print(
        f"{len(jobs)} runs: {', '.join(f'{count} {name}' for name, count in counts.items())}; look: {display.tensorboard(str(folder))}"
    )
    return max(statuses, default=cli.FINISHED)


def _checked(number: int, run: Sequence[str]) -> Job:
    try:
        return load(run)[1]
    except (Mistake, SettingError) as error:
        raise Mistake(f"run {number} ({' '.join(run)}): {error}") from None
