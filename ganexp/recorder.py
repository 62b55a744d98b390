"""What is recorded of a run, when, and from what: the one place where arrays become records."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from ganexp import checkpoints
from ganexp.checkpoints import Checkpoint
from ganexp.component import numbers
from ganexp.experiment import Experiment
from ganexp.job import Job, strip_stride
from ganexp.metrics import (
    Evaluator,
    Probe,
    closing_scores,
    image_evaluator,
    join,
    minibatch_accuracy,
    probe,
    reference,
)
from ganexp.metrics.dirac import dirac_parameters
from ganexp.metrics.evaluate import FLOOR_SETS
from ganexp.records.events import EventFile
from ganexp.records.pictures import png_bytes, write_png
from ganexp.records.rows import RowFile
from ganexp.records.table import Table, read_table
from ganexp.train import Report
from ganexp.types import PLAYERS, WHITE, Image, TrainState
from ganexp.views.history import History
from ganexp.views.pictures import Pictures
from ganexp.views.probe import Snapshot, snapshot
from ganexp.views.probe_images import STRIP, strip_row
from ganexp.views.render_images import strip

FINAL_SAMPLES = 10_000
LOSSES = "loss/discriminator", "loss/generator"
LEAK = 0.9
LEAK_WARNING = (
    "in training the generator's pixels are grey where the data's are 0 or 1, and whoever looks for grey tells them apart; "
    "output=straight_through or output=gumbel_sigmoid closes this leak"
)
LAYOUT = {
    "training": {"losses": [r"loss/(discriminator|generator)"], "gradients": [r"gradient/(discriminator|generator)"]},
    "quality": {"divergences": [r"grid/(kl|js)"], "discriminator": [r"(score|accuracy)/(real|fake)"]},
}

_probe = jax.jit(probe, static_argnames="samples")
_reference = jax.jit(reference, static_argnames="samples")
_snapshot = jax.jit(snapshot)
_strip_row = jax.jit(strip_row)
_minibatch_accuracy = jax.jit(minibatch_accuracy)


@jax.jit
def _scheduled(experiment: Experiment, step: Any) -> dict[str, Any]:
    now = numbers(experiment.at(step))
    return {path.replace(".settings.", "."): now[path] for path in experiment.scheduled()}


class Due(NamedTuple):
    """What is recorded at a step, and the device's part of it, still being computed."""

    step: int
    log: bool
    checkpoint: bool
    probe: Probe | None
    snapshot: Snapshot | None
    strip_row: Any
    scheduled: dict[str, Any]


class Clock:
    """Seconds by what they were spent on."""

    def __init__(self) -> None:
        self.seconds = {"start": 0.0, "compile": 0.0, "train": 0.0, "metrics": 0.0, "records": 0.0}

    @contextmanager
    def spent(self, on: str) -> Iterator[None]:
        """Count the body's seconds."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[on] += time.perf_counter() - began


class Recorder:
    """Writes what is due at each step into the run's folder.

    `begin` is the step the records start from; what the folder holds of it and of later steps is forgotten. `experiment` is
    the job's, with its numbers as arrays.
    """

    def __init__(self, job: Job, experiment: Any, data: Any, folder: Path, begin: int, clock: Clock):
        self.job, self.experiment, self.data, self.folder, self.clock = job, experiment, data, folder, clock
        self.latest: dict[str, float] = {}
        self.warnings: dict[str, str] = {}
        self._extent = np.asarray(job.experiment.dataset.extent, np.float32)
        self._images = folder / "images"
        self._pictures = Pictures(job.experiment)
        self._events = EventFile(folder, begin)
        self._table = Table(folder / "metrics.csv", [f"loss/{player}" for player in reversed(PLAYERS)], begin)
        self._trail = self._earlier("dirac/theta", "dirac/psi")
        self._losses_so_far = self._earlier("step", *LOSSES) if job.experiment.dataset.size is not None else []
        self._rows = RowFile(self._images / "strip.rows", (STRIP, *job.experiment.dataset.shape), begin)
        self._evaluator: Evaluator | None = None
        self._forget_images(begin)

    def _earlier(self, *columns: str) -> list[tuple[float, ...]]:
        """What the table holds in some columns, in the rows that have a number in the last."""
        table = read_table(self.folder / "metrics.csv")
        if any(column not in table for column in columns):
            return []
        rows = zip(*(table[column].tolist() for column in columns), strict=True)
        return [row for row in rows if not math.isnan(row[-1])]

    def _history(self) -> History:
        steps, discriminator, generator = np.array(self._losses_so_far).reshape(-1, 3).T
        return History(np.array(self._trail).reshape(-1, 2), steps, discriminator, generator)

    def _forget_images(self, begin: int) -> None:
        for path in self._images.glob("*.png"):
            if (step := path.stem.rpartition("_")[2]).isdigit() and int(step) >= begin:
                path.unlink()

    def describe(self, text: str) -> None:
        """Write the composed config, and which scalars share a chart, for TensorBoard."""
        self._events.text(0, "config", text)
        self._events.layout(LAYOUT)

    def due(self, step: int, state: TrainState) -> Due:
        """What is due at `step`; starts the device's part of it."""
        job = self.job
        evaluates = _every(job.eval_every, step, job.steps)
        image = _every(job.image_every, step, job.steps)
        log = _every(job.log_every, step, job.steps)
        moves = bool(job.experiment.schedule) and (log or evaluates)
        return Due(
            step,
            log=log,
            checkpoint=step > 0 and _every(job.checkpoint_every, step, job.steps),
            probe=_probe(self.experiment, self.data, state, job.eval_samples, 0) if evaluates else None,
            snapshot=_snapshot(self.experiment, self.data, state, self._extent) if image else None,
            strip_row=_strip_row(self.experiment, state) if job.strip_due(step) else None,
            scheduled=_scheduled(self.experiment, state.step) if moves else {},
        )

    def record(self, due: Due, state: TrainState, report: Report) -> None:
        """Write what is due; the state is that of the step."""
        scalars: dict[str, float] = {}
        if due.log or due.probe is not None:
            scalars |= self._losses(due.step, report)
            scalars |= dirac_parameters(self.job.experiment, state)
            if "dirac/theta" in scalars:
                self._trail.append((scalars["dirac/theta"], scalars["dirac/psi"]))
            if self.job.experiment.dataset.size is not None and LOSSES[0] in scalars:
                self._losses_so_far.append((due.step, *(scalars[tag] for tag in LOSSES)))
            scalars |= {f"schedule/{path}": float(value) for path, value in due.scheduled.items()}
        if due.probe is not None:
            scalars |= self._evaluate(due.step, due.probe)
        with self.clock.spent("records"):
            if scalars:
                self._events.scalars(due.step, scalars)
                self._table.append(due.step, scalars)
            if due.snapshot is not None:
                self._draw(due.step, due.snapshot)
            if due.strip_row is not None:
                self._grow_strip(due.step, np.asarray(due.strip_row))
            if due.checkpoint:
                self.checkpoint(state, report)
        self.latest |= scalars

    def checkpoint(self, state: TrainState, report: Report) -> None:
        """Save the state, whether or not it is due."""
        checkpoints.save(self.folder, Checkpoint(state, report, self.job.settings()))

    def final(self, state: TrainState) -> dict[str, float]:
        """The metrics on at least 10,000 points, the last losses, and what else was recorded last."""
        blocks = -(-FINAL_SAMPLES // self.job.eval_samples)
        with self.clock.spent("metrics"):
            probes = [
                jax.device_get(_probe(self.experiment, self.data, state, self.job.eval_samples, block))
                for block in range(blocks)
            ]
            whole = join(probes)
            scores = self._make_evaluator(blocks, final=True)(whole)
            if self.job.experiment.dataset.size is not None:
                scores |= closing_scores(self.job.experiment.dataset, self.data)(whole.fake)
                accuracies = np.asarray(_minibatch_accuracy(self.experiment, self.data, state))
                scores["accuracy/minibatches"] = float(accuracies.mean())
                step = int(state.step)
                self._save(step, {"accuracy": self._pictures.accuracy(accuracies, f"step {step:,}")})
        return scores | {tag: value for tag, value in self.latest.items() if tag not in scores}

    def close(self) -> None:
        """Close the files."""
        self._events.close()
        self._table.close()

    def _losses(self, step: int, report: Report) -> dict[str, float]:
        return {} if step == 0 else {f"loss/{player}": float(report.losses[player]) for player in reversed(PLAYERS)}

    def _evaluate(self, step: int, values: Probe) -> dict[str, float]:
        with self.clock.spent("metrics"):
            values = jax.device_get(values)
            if self._evaluator is None:
                self._evaluator = self._make_evaluator(1, final=False)
            scores = self._evaluator(values)
            counts = self._evaluator.mode_counts(values)
            shares = self._evaluator.class_shares(values)
            if scores.get("leak/accuracy", 0) > LEAK:
                self._warn(step, "leak/accuracy", f"leak/accuracy is {scores['leak/accuracy']:.2f}: {LEAK_WARNING}")
        with self.clock.spent("records"):
            for player in PLAYERS:
                for kind, tree in (("weights", values.weights), ("gradients", values.gradients)):
                    for name, leaf in numbers(tree[player]).items():
                        self._events.histogram(step, f"{kind}/{player}/{name}", leaf)
            if counts is not None:
                self._events.bars(step, "modes/histogram", counts)
            if shares is not None:
                self._events.bars(step, "classes/histogram", np.round(shares * self.job.eval_samples))
                weights = self._evaluator.class_weights()
                self._save(step, {"classes": self._pictures.classes(shares, weights, f"step {step:,}")})
        return scores

    def _warn(self, step: int, tag: str, text: str) -> None:
        if tag not in self.warnings:
            self.warnings[tag] = text
            self._events.text(step, "warning", text)

    def _make_evaluator(self, blocks: int, final: bool) -> Evaluator:
        """Metrics on `blocks` blocks of points, with floors from as many more real points."""
        dataset = self.job.experiment.dataset
        if dataset.size is not None:
            return image_evaluator(dataset, self.data, blocks * self.job.eval_samples, final)
        sets = [
            np.concatenate([self._real(number * blocks + block) for block in range(blocks)])
            for number in range(1 + FLOOR_SETS)
        ]
        return Evaluator(dataset, sets[0], sets[1:])

    def _real(self, block: int) -> np.ndarray:
        return np.asarray(_reference(self.experiment, self.data, self.job.eval_samples, block))

    def _draw(self, step: int, values: Snapshot) -> None:
        self._save(step, self._pictures.draw(jax.device_get(values), f"step {step:,}", self._history()))

    def _grow_strip(self, step: int, row: np.ndarray) -> None:
        intensities = np.nan_to_num(np.clip(self.job.experiment.dataset.natural(row), 0, 1))
        epoch = self.job.epoch(step)
        self._rows.append(step, epoch, np.round(WHITE * intensities).astype(np.uint8))
        epochs, rows = self._rows.rows()
        shown = epochs % strip_stride(epoch) == 0
        picture = strip(rows[shown].astype(np.float32) / WHITE, epochs[shown], f"epoch {epoch:,}")
        self._save(step, {"strip": picture})

    def _save(self, step: int, drawn: dict[str, Image]) -> None:
        for name, image in drawn.items():
            png = png_bytes(image)
            self._events.image(step, name, png)
            write_png(self._images / f"{name}_{step:010d}.png", png)


def _every(every: int, step: int, steps: int) -> bool:
    return step in (0, steps) or (every > 0 and step % every == 0)
