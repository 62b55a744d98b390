"""One run as the report sees it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

SEED, STEPS, DATASET = "seed", "steps", "dataset"

Value = str | float | int | bool
"""A setting's value; "" where the run has no such setting, and lists and null as text."""


class Run(NamedTuple):
    """One run: `state` is finished, diverged, failed, unfinished, damaged or not started, and `final` is empty unless it finished.

    `folder` is None where nothing is to be read from it. `settings` are flat and dotted, without the seed; `typed` are the
    settings that a person gave; `better` says of a metric's tag which end is best; `flaw` is what is wrong with its files besides run.json. Every text in it is one line that
    can be shown, and every number one that can be computed with.
    """

    name: str
    folder: Path | None
    state: str
    settings: Mapping[str, Value] = {}
    typed: Mapping[str, Value] = {}
    seed: Value = ""
    final: Mapping[str, float] = {}
    better: Mapping[str, str] = {}
    reason: str = ""
    versions: str = ""
    device: str = ""
    flaw: str = ""

    @property
    def dataset(self) -> str:
        """The name of its data set, or nothing where it is not known."""
        return str(self.settings.get(DATASET, ""))

    def value(self, key: str) -> Value:
        """A setting, or the seed, as the report shows it."""
        if key == SEED:
            return self.seed
        return self.settings.get(key, self.typed.get(key, ""))
