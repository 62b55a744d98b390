"""A job: an experiment, how long it runs, and what is looked at on the way. Nothing here changes a trained number."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from ganexp.component import Component, SettingError, component, describe, setting
from ganexp.experiment import Experiment


@component
class Job(Component):
    """`steps` training steps of `experiment`, with records in the folder `out`.

    Every `log_every` steps the losses are recorded, every `eval_every` the metrics on `eval_samples` points, every
    `image_every` the pictures, every `checkpoint_every` the state; 0 leaves that to the start and the end.
    `explain_divergence` looks for the operation at which a diverged run went wrong; `profile` traces the run after its first
    chunk into `out`/profile. `epochs`, where the data set has an end, takes the place of `steps`, and may be a fraction.
    """

    experiment: Experiment
    steps: int = setting(20000, least=1, most=2**31 - 1)
    epochs: float | None = setting(None, above=0)
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
        if self.epochs is not None:
            self.steps = self._steps(self.epochs)

    def _steps(self, epochs: float) -> int:
        length = self.experiment.steps_per_epoch
        if length is None:
            raise SettingError(
                "epochs", "this data set has none, because its points are made as they are needed; give steps=N"
            )
        steps = math.floor(Fraction(epochs) * length + Fraction(1, 10**6))
        if not 1 <= steps < 2**31:
            raise SettingError("epochs", f"{epochs:g} of them are {steps:,} steps, where one is {float(length):,.1f}")
        return steps

    def settings(self) -> dict[str, Any]:
        """The settings that a resumed run may not change: those of the experiment, and of what its metrics mean."""
        return {**describe(self.experiment), "eval_samples": self.eval_samples}
