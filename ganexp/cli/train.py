"""`ganexp train`: one run, a sweep, a dry run, or the composed config."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ganexp import cli
from ganexp.component import SettingError
from ganexp.config.build import load
from ganexp.config.compose import without_hydra
from ganexp.config.mistakes import Mistake
from ganexp.job import Job
from ganexp.records.summary import read_summary

STATUSES = {"finished": cli.FINISHED, "failed": cli.FAILED, "diverged": cli.DIVERGED}


def command(name: str, words: Sequence[str], typed: argparse.Namespace) -> int:
    """Train or resume as the flags say; the exit status."""
    if name == "resume":
        from ganexp.cli import resume

        return resume.command(words, typed)
    if name == "quiz":
        from ganexp.cli import quiz

        return quiz.command(words, typed)
    if name == "classifier":
        from ganexp.cli import classifier

        return classifier.command(words, typed)
    if typed.multirun:
        from ganexp.cli import sweep

        return sweep.command(words, typed)
    config, job = load(words)
    if typed.cfg:
        print_config(config, typed.cfg)
        return cli.FINISHED
    if typed.dry_run:
        from ganexp.cli import dry

        dry.show(job, folder_of(job))
        return cli.FINISHED
    folder = folder_of(job)
    load_data(job)
    make(folder)
    return train(job, folder, config, words)


def load_data(job: Job) -> None:
    """Read the run's data before anything is written, and say so where that takes long; raises SettingError."""
    try:
        job.experiment.dataset.load(lambda text: print(f"ganexp: {text}", file=sys.stderr))
    except SettingError as error:
        raise error.inside("dataset") from None


def folder_of(job: Job) -> Path:
    """The folder of a run or a sweep: `out`, or a new one by date and time under outputs/; refuses one that holds a run."""
    if job.out is None:
        return fresh(Path("outputs") / datetime.now().strftime("%Y-%m-%d/%H-%M-%S"))
    refuse_taken(Path(job.out))
    return Path(job.out)


def fresh(folder: Path) -> Path:
    """`folder`, or with a number behind it where two starts fall into one second."""
    found, number = folder, 2
    while found.exists():
        found, number = folder.with_name(f"{folder.name}-{number}"), number + 1
    return found


def refuse_taken(folder: Path) -> None:
    """Refuse a folder that holds a run or a sweep, or cannot hold one; raises Mistake."""
    if folder.exists() and not folder.is_dir():
        raise Mistake(f"out={folder}: is a file; give the name of a folder")
    if (folder / "run.json").exists():
        raise Mistake(
            f"out={folder}: holds a run already; go on with it by ganexp resume {folder}, or choose another folder"
        )
    if (folder / "multirun.yaml").exists():
        raise Mistake(f"out={folder}: holds a sweep already; choose another folder")


def make(folder: Path) -> None:
    """Make the folder; raises Mistake where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise Mistake(
            f"out={folder}: cannot be written ({error.strerror}); choose another folder with out=FOLDER"
        ) from None


def save_hydra(folder: Path, config: DictConfig, words: Sequence[str]) -> None:
    """The composed config, Hydra's own, and the overrides, as Hydra's launchers leave them in .hydra/."""
    (folder / ".hydra").mkdir(exist_ok=True)
    OmegaConf.save(without_hydra(config), folder / ".hydra" / "config.yaml")
    OmegaConf.save(OmegaConf.masked_copy(config, "hydra"), folder / ".hydra" / "hydra.yaml")
    OmegaConf.save(OmegaConf.create(list(words)), folder / ".hydra" / "overrides.yaml")


def train(job: Job, folder: Path, config: DictConfig, words: Sequence[str] | None, resumed: Any = None) -> int:
    """Run the job in its folder, with a display, and leave the config and the overrides `words` there (None: a launcher did)."""

    def describe_config() -> str:
        # The start is over: see `cli.main`.
        gc.enable()
        if words is not None:
            save_hydra(folder, config, words)
        return config_text(config)

    from ganexp import cache

    cache.enable()
    from ganexp.cli import display
    from ganexp.run import run

    with display.progress(job.steps) as show:
        # The time it took to start is the first run's; a launcher starts its own.
        outcome = run(job, folder, describe_config, resumed, show, started=cli.STARTED if words is not None else None)
    steps = outcome.step - (int(resumed.state.step) if resumed else 0)
    seconds = read_summary(folder)["wall_seconds"]
    if steps:
        taken = seconds["total"] - seconds["start"] - seconds["compile"]
        cache.remember_pace(job.experiment, steps / max(taken, 1e-9))
    display.show_end(outcome, folder)
    return 128 + outcome.signal if outcome.signal else STATUSES[outcome.status]


def config_text(config: DictConfig) -> str:
    """The job's part of the composed config as Markdown."""
    return f"```yaml\n{OmegaConf.to_yaml(without_hydra(config), resolve=True)}```"


def print_config(config: DictConfig, which: str) -> None:
    """Print the composed config of the job, of Hydra, or of both."""
    chosen = {"job": without_hydra(config), "hydra": OmegaConf.masked_copy(config, "hydra"), "all": config}[which]
    print(OmegaConf.to_yaml(chosen), end="")
