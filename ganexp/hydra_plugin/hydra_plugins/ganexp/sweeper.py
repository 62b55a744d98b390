"""Hydra's sweeper `runs`."""

from __future__ import annotations

from typing import Any

from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class RunsSweeper(Sweeper):
    """Hands a launcher the runs that the task knows already, at most `max_batch_size` at once."""

    def __init__(self, max_batch_size: int | None):
        self.max_batch_size = max_batch_size

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        known: Any = task_function
        self.runs: list[list[str]] = known.runs
        self.launcher: Launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=known.task, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        """Launch each run; `arguments` say nothing of them."""
        size = self.max_batch_size or len(self.runs)
        for first in range(0, len(self.runs), size):
            self.launcher.launch(self.runs[first : first + size], initial_job_idx=first)
