"""A job: an experiment, how long it runs, and what is looked at on the way. Nothing here changes a trained number."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction
from typing import Any

from ganexp.component import Component, SettingError, component, setting
from ganexp.description import describe
from ganexp.experiment import Experiment
from ganexp.observe.metric import END, EVALUATION, Metric
from ganexp.observe.view import EPOCH, PICTURE, View

STRIP_ROWS = 40


def strip_stride(epoch: int) -> int:
    """1 until epoch 40, 2 until epoch 80, 4 until 160, and so on: which epochs a strip of at most 40 rows shows."""
    return 1 << max(0, math.ceil(math.log2(max(epoch, 1) / STRIP_ROWS)))


@component
class Sweep(Component):
    """How the runs of a sweep go together; a run alone has no use for it.

    `lanes` is `map`: one run after the other on each device, on CPU bitwise identical to the same run on its own; `vmap`: all at once, rounding
    differently; `auto`: map on processors, vmap on accelerators. A program of more than `observed_runs` runs is evaluated and drawn, on
    the way, only as often as so many runs would be; 0 for as often as each run alone. `metric` is what settings are compared by
    and what a sweeper optimizes; None for the main one of the data.
    """

    lanes: str = setting("auto", options=("auto", "map", "vmap"))
    observed_runs: int = setting(8, least=0)
    metric: str | None = None


@component
class Job(Component):
    """`steps` training steps of `experiment`, with records in the folder `out`.

    What is measured is `metric`, and what is drawn is `view`, any number of parts by name. Every `log_every` steps the losses are recorded, every `eval_every` the metrics on `eval_samples` points (at the end on `final_samples` at least), every
    `image_every` the pictures, every `checkpoint_every` the state; 0 leaves that to the start and the end.
    `explain_divergence` looks for the operation at which a diverged run went wrong; `profile` traces the run after its first
    chunk into `out`/profile. `epochs`, where the data set has an end, takes the place of `steps`, and may be a fraction.
    """

    experiment: Experiment
    metric: dict[str, Metric] = setting({})
    view: dict[str, View] = setting({})
    steps: int = setting(20000, least=1, most=2**31 - 1)
    epochs: float | None = setting(None, above=0)
    log_every: int = setting(100, least=0)
    eval_every: int = setting(1000, least=0)
    eval_samples: int = setting(2500, least=1)
    final_samples: int = setting(10_000, least=1)
    image_every: int = setting(1000, least=0)
    checkpoint_every: int = setting(5000, least=0)
    explain_divergence: bool = False
    profile: bool = False
    out: str | None = setting(None, place=True)
    sweep: Sweep = dataclasses.field(default_factory=Sweep)

    def check(self) -> None:
        if self.out is not None and not self.out.strip():
            raise SettingError("out", "is empty; give the name of a folder")
        if self.epochs is not None:
            self.steps = self._steps(self.epochs)
        for name, metric in self.metric.items():
            if (why := metric.fits(self.experiment)) is not None:
                raise SettingError(f"metric.{name}", f"{why}; leave {name} out of metric=[...]")
            if self.eval_samples < metric.least and metric.when == EVALUATION:
                raise SettingError(
                    "eval_samples", f"{self.eval_samples} is out of range; metric {name} needs at least {metric.least}"
                )

        for name, view in self.view.items():
            if (why := view.fits(self.experiment)) is not None:
                raise SettingError(f"view.{name}", f"{why}; leave {name} out of view=[...]")

    def due(self, every: int, step: int, stride: int = 1) -> bool:
        """Whether what is recorded `every` so many steps, at the start and at the end is due at `step`; of a run that takes part in
        every `stride`-th record on the way, that of the start is left to others."""
        if step in (0, self.steps):
            return step > 0 or stride == 1
        return every > 0 and step % (every * stride) == 0

    def frame_due(self, view: View, step: int, stride: int = 1) -> bool:
        """Whether a view has a frame at `step`, of those that are read on the way."""
        if view.when == END and step in (0, self.steps):
            return False  # It is read with the last evaluation.
        if view.when == EPOCH and view.every is None:
            return self.strip_due(step)
        every = self._rhythm(view)
        return every is not None and self.due(every, step, stride)

    def _rhythm(self, view: View) -> int | None:
        """The steps between two frames, 0 for the start and the end alone; None where it has no such rhythm."""
        usual = {PICTURE: self.image_every, EVALUATION: self.eval_every}
        return usual.get(view.when) if view.every is None else view.every

    def strip_due(self, step: int) -> bool:
        """Whether views by epoch get a frame at `step`: at the start and after each epoch, but never more than 40 rows in all.

        After 40 epochs every second one has a row, after 80 every fourth, and so on.
        """
        if self._strip_length is None:
            return False
        return step == 0 or self._rows(step) > self._rows(step - 1)

    def next_strip(self, step: int) -> int:
        """The next step after `step` at which views by epoch get a frame; `steps` where there is none before."""
        length = self._strip_length
        if length is None:
            return self.steps
        now = self.experiment.epoch(step)
        epoch = (now // strip_stride(now) + 1) * strip_stride(now)
        return min(self.steps, max(step + 1, math.ceil(epoch * length)))

    @property
    def _strip_length(self) -> Fraction | None:
        """The steps of an epoch, where each may get a row of a view."""
        by_epoch = any(view.when == EPOCH and view.every is None for view in self.view.values())
        return self.experiment.steps_per_epoch if by_epoch and self.image_every else None

    def _rows(self, step: int) -> int:
        epoch = self.experiment.epoch(step)
        return epoch // strip_stride(epoch) * strip_stride(epoch)

    def _steps(self, epochs: float) -> int:
        length = self.experiment.steps_per_epoch
        if length is None:
            raise SettingError(
                "epochs", "this data set has none, because its points are generated on the fly; give steps=N"
            )
        whole = math.floor(epochs)
        # Whole epochs are finished, even where the last step begins another one.
        steps = math.ceil(whole * length) + math.floor(Fraction(epochs - whole) * length + Fraction(1, 10**6))
        if not 1 <= steps < 2**31:
            raise SettingError("epochs", f"{epochs:g} of them are {steps:,} steps, where one is {float(length):,.1f}")
        return steps

    def next_stop(self, step: int, length: int) -> int:
        """The next step at which something is due, but at most `length` steps on."""
        own = (view.every for view in self.view.values())
        everies = (self.log_every, self.eval_every, self.image_every, self.checkpoint_every, *own)
        due = (every - step % every + step for every in everies if every)
        return min(self.steps, self.next_strip(step), step + length, *due)

    def settings(self) -> dict[str, Any]:
        """The settings that a resumed run may not change: those of the experiment, and of what its metrics mean."""
        return {**describe(self.experiment, places=False), "eval_samples": self.eval_samples}
