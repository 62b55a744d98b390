"""What is recorded of a run, when, and from what: the one place where arrays become records."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jax

from ganexp.job import Job
from ganexp.metrics.evaluators import evaluator
from ganexp.observe.metric import LOG, Bars, ranking
from ganexp.observe.readings import HostArrays, Readings, join
from ganexp.records.events import EventFile
from ganexp.records.frames import FRAMES_NAME, FrameFile
from ganexp.records.hparams import final_scalars, session, session_end
from ganexp.records.pictures import png_bytes, write_png
from ganexp.records.recovery import recover
from ganexp.records.table import Table
from ganexp.runner.exhibition import Artists, Exhibition
from ganexp.runner.observations import Due, FinalEvaluation, Observation
from ganexp.runner.outcome import Outcome
from ganexp.runner.pace import Clock
from ganexp.training import StepHealth
from ganexp.types import Image

LEAST_BLOCK = 500
LEAK = 0.9
LEAK_WARNING = (
    "in training the generator's pixels are gray where the data's are 0 or 1, and whoever looks for gray tells them apart; "
    "output=straight_through or output=gumbel_sigmoid closes this leak"
)
QUALITY = {"divergences": [r"^grid/(kl|js)$"], "discriminator": [r"^(score|accuracy)/(real|fake)$"]}


class Recorder:
    """Writes what is due at each step of a run into its folder.

    `begin` is the step the records start from; what the folder holds of it and of later steps is forgotten. `data` are the
    arrays of the data set, on the device. Records that others write beside these are in `batches`, and drawn by the same `artists`.
    """

    def __init__(
        self,
        job: Job,
        data: Any,
        folder: Path,
        begin: int,
        clock: Clock,
        artists: Artists | None = None,
        batches: bool = False,
    ):
        self.job, self.data, self.folder, self.clock = job, data, folder, clock
        self.latest: dict[str, float] = {}
        self.warnings: dict[str, str] = {}
        self._losses_recorded = job.experiment.losses()
        self._images = folder / "images"
        # What a person, or a full disk, took away is not forgotten without a word.
        if lost := recover(folder, begin):
            self.warnings["recovered"] = lost
        # Before files are opened that an error would leave open.
        frames = FrameFile(folder / FRAMES_NAME, begin, batches)
        self._events = EventFile(folder, begin, batches)
        self._table = Table(folder / "metrics.csv", [f"loss/{name}" for name in self._losses_recorded], begin, batches)
        self._views = Exhibition(job, folder, frames, artists or Artists(job.experiment), self._save)
        if frames.lost:
            self.warnings["frames"] = frames.lost
        self._forget_images(begin)

    def _forget_images(self, begin: int) -> None:
        for path in self._images.glob("*.png"):
            if (step := path.stem.rpartition("_")[2]).isdigit() and int(step) >= begin:
                path.unlink()

    def describe(self, text: str, swept: Mapping[str, Any] = MappingProxyType({}), group: str = "") -> None:
        """Write the composed config, which scalars share a chart, and the settings, for TensorBoard.

        `swept` are settings as the sweep names them, and `group` is that of its runs that differ in the seed alone.
        """
        self._events.text(0, "config", text)
        players = "|".join(sorted(self.job.experiment.players))
        training = {"losses": [rf"^loss/({players})$"], "gradients": [rf"^gradient/({players})$"]}
        self._events.layout({"training": training, "quality": QUALITY})
        self._events.add(0, session({**self.job.settings(), **swept}, group))

    def end(self, outcome: Outcome) -> None:
        """Write how the run ended, for TensorBoard; of an interrupted one nothing, because it will go on."""
        if outcome.status != "interrupted":
            finished = outcome.status == "finished"
            tags = ranking(self.job.metric.values()).headline(outcome.final, self.job.sweep.metric)
            chosen = {tag: outcome.final[tag] for tag in tags if tag in outcome.final}
            # A chart of one point for each is enough for a page that compares runs; all of them are in run.json.
            self._events.scalars(outcome.step, final_scalars(chosen, finished))
            self._events.add(outcome.step, session_end(finished))

    def flush(self) -> None:
        """Write what waits for its batch."""
        self._events.flush()
        self._table.flush()
        self._views.flush()

    def record(self, due: Due, observation: Observation, health: StepHealth) -> None:
        """Write what is wanted of a step, whose observation and health these are."""
        scalars: dict[str, float] = {}
        if due.log or observation.readings is not None:
            scalars |= self._losses(due.step, health)
            scalars |= self._often(observation.often)
            scalars |= {f"schedule/{path}": float(value) for path, value in observation.scheduled.items()}
        if observation.readings is not None:
            scalars |= self._evaluate(due.step, observation.readings)
        with self.clock.spent("records"):
            if scalars:
                self._events.scalars(due.step, scalars)
                self._table.append(due.step, scalars)
            self._views.note(due.step, scalars)
            for name in self.job.view:
                if name in due.frames:
                    self._views.add(due.step, name, observation.views[name])
                if name in due.pictures:
                    self._views.show(due.step, name)
        self.latest |= scalars

    @property
    def final_block(self) -> int:
        """How many points make a block of the last evaluation: those of any other, or a multiple, because each block costs a call."""
        return -(-LEAST_BLOCK // self.job.eval_samples) * self.job.eval_samples

    @property
    def final_blocks(self) -> int:
        """How many blocks make the last evaluation: at least `final_samples` points."""
        return -(-self.job.final_samples // self.final_block)

    def final(self, step: int, evaluation: FinalEvaluation) -> dict[str, float]:
        """The metrics of the last evaluation, the last losses, and what else was recorded last."""
        with self.clock.spent("metrics"):
            readings = join(evaluation.blocks, evaluation.whole.once)
            scores = evaluator(self.job, self.data, self.final_block, len(evaluation.blocks), final=True)(readings)
        with self.clock.spent("records"):
            for name, read in evaluation.views.items():
                self._views.add(step, name, read)
                self._views.show(step, name)
        return scores | {tag: value for tag, value in self.latest.items() if tag not in scores}

    def close(self) -> None:
        """Close the files."""
        try:
            self._events.close()
        finally:
            try:
                self._table.close()
            finally:
                self._views.close()

    def _losses(self, step: int, health: StepHealth) -> dict[str, float]:
        return {} if step == 0 else {f"loss/{name}": float(health.losses[name]) for name in self._losses_recorded}

    def _often(self, readings: Readings) -> dict[str, float]:
        found: dict[str, float] = {}
        for metric in self.job.metric.values():
            if metric.when == LOG and readings.once:
                found |= metric.score(HostArrays(self.job.experiment.dataset, readings.once), None)
        return found

    def _evaluate(self, step: int, readings: Readings) -> dict[str, float]:
        with self.clock.spent("metrics"):
            readings = jax.device_get(readings)
            evaluate = evaluator(self.job, self.data, self.job.eval_samples, 1, final=False)
            scores, histograms = evaluate(readings), evaluate.histograms(readings)
            if scores.get("leak/accuracy", 0) > LEAK:
                self._warn(step, "leak/accuracy", f"leak/accuracy is {scores['leak/accuracy']:.2f}: {LEAK_WARNING}")
        with self.clock.spent("records"):
            for tag, histogram in histograms.items():
                if isinstance(histogram, Bars):
                    self._events.bars(step, tag, histogram.counts)
                else:
                    self._events.histogram(step, tag, histogram)
        return scores

    def _warn(self, step: int, tag: str, text: str) -> None:
        if tag not in self.warnings:
            self.warnings[tag] = text
            self._events.text(step, "warning", text)

    def _save(self, step: int, name: str, image: Image) -> None:
        png = png_bytes(image)
        self._events.image(step, name, png)
        write_png(self._images / f"{name}_{step:010d}.png", png)
