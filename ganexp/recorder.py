"""What is recorded of a run, when, and from what: the one place where arrays become records."""

from __future__ import annotations

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
from ganexp.job import Job
from ganexp.metrics import Evaluator, Probe, join, probe, reference
from ganexp.metrics.dirac import dirac_parameters
from ganexp.records.events import EventFile
from ganexp.records.pictures import png_bytes, write_png
from ganexp.records.table import Table, read_table
from ganexp.train import Report
from ganexp.types import PLAYERS, TrainState
from ganexp.views.pictures import Pictures
from ganexp.views.probe import Snapshot, snapshot

FINAL_SAMPLES = 10_000
FLOOR_SETS = 4
LAYOUT = {
    "training": {"losses": [r"loss/(discriminator|generator)"], "gradients": [r"gradient/(discriminator|generator)"]},
    "quality": {"divergences": [r"grid/(kl|js)"], "discriminator": [r"(score|accuracy)/(real|fake)"]},
}

_probe = jax.jit(probe, static_argnames="samples")
_reference = jax.jit(reference, static_argnames="samples")
_snapshot = jax.jit(snapshot)


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
        self._extent = np.asarray(job.experiment.dataset.extent, np.float32)
        self._images = folder / "images"
        self._pictures = Pictures(job.experiment)
        self._events = EventFile(folder, begin)
        self._table = Table(folder / "metrics.csv", [f"loss/{player}" for player in reversed(PLAYERS)], begin)
        self._trail = self._earlier_trail(begin)
        self._evaluator: Evaluator | None = None
        self._forget_images(begin)

    def _earlier_trail(self, begin: int) -> list[tuple[float, float]]:
        table = read_table(self.folder / "metrics.csv")
        if "dirac/theta" not in table:
            return []
        return list(zip(table["dirac/theta"].tolist(), table["dirac/psi"].tolist(), strict=True))

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
            scalars |= {f"schedule/{path}": float(value) for path, value in due.scheduled.items()}
        if due.probe is not None:
            scalars |= self._evaluate(due.step, due.probe)
        with self.clock.spent("records"):
            if scalars:
                self._events.scalars(due.step, scalars)
                self._table.append(due.step, scalars)
            if due.snapshot is not None:
                self._draw(due.step, due.snapshot)
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
            scores = self._make_evaluator(blocks)(whole)
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
                self._evaluator = self._make_evaluator(1)
            scores = self._evaluator(values)
            counts = self._evaluator.mode_counts(values)
        with self.clock.spent("records"):
            for player in PLAYERS:
                for kind, tree in (("weights", values.weights), ("gradients", values.gradients)):
                    for name, leaf in numbers(tree[player]).items():
                        self._events.histogram(step, f"{kind}/{player}/{name}", leaf)
            if counts is not None:
                self._events.bars(step, "modes/histogram", counts)
        return scores

    def _make_evaluator(self, blocks: int) -> Evaluator:
        """Metrics on `blocks` blocks of points, with floors from as many more real points."""
        sets = [
            np.concatenate([self._real(number * blocks + block) for block in range(blocks)])
            for number in range(1 + FLOOR_SETS)
        ]
        return Evaluator(self.job.experiment.dataset, sets[0], sets[1:])

    def _real(self, block: int) -> np.ndarray:
        return np.asarray(_reference(self.experiment, self.data, self.job.eval_samples, block))

    def _draw(self, step: int, values: Snapshot) -> None:
        values = jax.device_get(values)
        drawn = self._pictures.draw(values, f"step {step:,}", np.array(self._trail).reshape(-1, 2))
        for name, image in drawn.items():
            png = png_bytes(image)
            self._events.image(step, name, png)
            write_png(self._images / f"{name}_{step:010d}.png", png)


def _every(every: int, step: int, steps: int) -> bool:
    return step in (0, steps) or (every > 0 and step % every == 0)
