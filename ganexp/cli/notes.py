"""What a run leaves in `.hydra/` for people and for Hydra's own tools: nothing is ever read from there to go on."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import yaml

from ganexp.component import SettingError
from ganexp.config.build import load
from ganexp.config.compose import Config, text
from ganexp.config.many import ComposedRun
from ganexp.config.multirun import HydraConfigs
from ganexp.config.usage_errors import UsageError
from ganexp.job import Job

FOLDER = ".hydra"


def note(folder: Path, config: Config, words: Sequence[str]) -> None:
    """Leave the composed config, Hydra's own, and the overrides, as Hydra's launchers do."""
    note_words(folder, words)
    (folder / FOLDER / "config.yaml").write_text(text(config, "job"), "utf-8")
    (folder / FOLDER / "hydra.yaml").write_text(text(config, "hydra"), "utf-8")


def are_there(folder: Path) -> bool:
    """Whether a run has left its config."""
    return (folder / FOLDER / "config.yaml").exists()


def note_words(folder: Path, words: Sequence[str]) -> None:
    """Leave what was typed."""
    (folder / FOLDER).mkdir(exist_ok=True)
    (folder / FOLDER / "overrides.yaml").write_text(yaml.safe_dump([*words], width=10**6, allow_unicode=True), "utf-8")


def note_lane(folder: Path, launched: HydraConfigs, composed: ComposedRun, number: int) -> None:
    """The same of a run of a sweep, the `number`-th, which was composed together with others."""
    note_words(folder, composed.overrides)
    (folder / FOLDER / "config.yaml").write_text(composed.text(), "utf-8")
    (folder / FOLDER / "hydra.yaml").write_text(launched.text(composed, number, folder), "utf-8")


def note_again(folder: Path, words: Sequence[str], job: Job) -> None:
    """Leave what was typed in all, and the config, where a kill came before it was there."""
    note_words(folder, words)
    if are_there(folder):
        return
    with suppress(UsageError, SettingError):
        config, again = load(words)
        if again.settings() == job.settings():
            note(folder, config, words)
            return
    print(f"ganexp: note: {folder}: its config cannot be composed again; run.json has what made it", file=sys.stderr)
