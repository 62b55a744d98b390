"""A job: an experiment, how long it runs, and what is looked at on the way. Nothing here changes a trained number."""

from __future__ import annotations

from typing import Any

from ganexp.component import Component, SettingError, component, describe, setting
from ganexp.experiment import Experiment


@component
class Job(Component):
    """`steps` training steps of `experiment`, with records in the folder `out`.

    Every `log_every` steps the losses are recorded, every `eval_every` the metrics on `eval_samples` points, every
    `image_every` the pictures, every `checkpoint_every` the state; 0 leaves that to the start and the end.
    `explain_divergence` looks for the operation at which a diverged run went wrong; `profile` traces the run after its first
    chunk into `out`/profile.
    """

    experiment: Experiment
    steps: int = setting(20000, least=1, most=2**31 - 1)
    log_every: int = setting(100, least=0)
    eval_every: int = setting(1000, least=0)
    eval_samples: int = setting(2500, least=1)
    image_every: int = setting(1000, least=0)
    checkpoint_every: int = setting(5000, least=0)
    explain_divergence: bool = False
    profile: bool = False
    out: str | None = None

    def check(self) -> None:
        if self.out is not None and not self.out.strip():
            raise SettingError("out", "is empty; give the name of a folder")

    def settings(self) -> dict[str, Any]:
        """The settings that a resumed run may not change: those of the experiment, and of what its metrics mean."""
        return {**describe(self.experiment), "eval_samples": self.eval_samples}
