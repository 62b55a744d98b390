"""Hydra's launcher `jax`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class JaxLauncher(Launcher):
    """Hands all runs of a batch to the task at once, which trains them side by side."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.context, self.task, self.config = hydra_context, task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """One return for each run: the value of the metric that settings are compared by; raises TypeError for another's task."""
        together: Any = getattr(self.task, "together", None)
        if together is None:
            raise TypeError("hydra/launcher=jax trains runs of ganexp; other programs need another launcher")
        found: Sequence[JobReturn] = together(self.context, self.config, job_overrides, initial_job_idx)
        return found
