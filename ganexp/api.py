"""What `import ganexp` offers to a notebook or a script: compose a job, train it, sweep, and open what was trained.

Nothing here depends on, or changes, Hydra's global state. Pictures, checkpoints and records are those of the command; what it
would say in a sentence with status 2 is raised as `UsageError` or `SettingError`, which are both a ValueError.
"""

from __future__ import annotations

import dataclasses
import functools
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import ArrayLike, Float, Integer, Real

from ganexp import cache
from ganexp.cli import display, reopen, workspace
from ganexp.cli.exit_codes import SIGNALED
from ganexp.component import SettingError, arrays
from ganexp.config.build import load
from ganexp.config.compose import literal
from ganexp.config.grid import refuse_of_sweeps, refuse_single
from ganexp.config.usage_errors import UsageError
from ganexp.experiment import Experiment, Stream
from ganexp.game import assess, draw_noise, output_anywhere, sample
from ganexp.job import Job
from ganexp.observe.view import Frame
from ganexp.provenance import record
from ganexp.records.table import TABLE_NAME, read_table
from ganexp.runner import redraw
from ganexp.runner.run import run
from ganexp.spelling import did_you_mean
from ganexp.sweeps import folder as sweep_folder
from ganexp.types import Batch, TrainState

__all__ = ["Job", "Run", "SettingError", "UsageError", "compose", "open_run", "open_sweep", "sweep", "train"]

Words = Sequence[str] | str
Labels = int | Integer[ArrayLike, " n"]
BLOCK = 1000  # points that a network is applied to at a time


class Run:
    """A run in its folder, as its records say; `open_run` makes it."""

    def __init__(self, folder: Path | str):
        """Open the run in `folder`; raises UsageError where there is none."""
        self.folder = workspace.begun(str(folder))
        self.summary: dict[str, Any] = reopen.summary(self.folder)

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r}: {self.status} at step {self.summary.get('step', 0)})"

    @property
    def status(self) -> str:
        """`running`, `finished`, `interrupted`, `diverged` or `failed`."""
        return str(self.summary.get("status"))

    @property
    def final(self) -> dict[str, float]:
        """The last evaluation, by tag: that at the end, or the last before a run diverged or stopped."""
        return {tag: float(value) for tag, value in self.summary.get("final", {}).items()}

    @functools.cached_property
    def job(self) -> Job:
        """The job that was trained; raises SettingError where the records do not hold it."""
        return reopen.job_of(self.folder, self.summary)

    @property
    def settings(self) -> dict[str, Any]:
        """Every resolved setting by its dotted path, as it is typed."""
        return {name: value for part in record(self.job).values() for name, value in part.items()}

    @property
    def metrics(self) -> dict[str, Real[np.ndarray, " rows"]]:
        """The columns of metrics.csv: `step`, and each scalar by its tag, NaN where a step has none. `pandas.DataFrame(run.metrics)`
        is a data frame."""
        return read_table(self.folder / TABLE_NAME)

    @functools.cached_property
    def state(self) -> TrainState:
        """The players at the newest good checkpoint; raises UsageError where there is none."""
        checkpoint = reopen.newest(self.folder, self.job)
        if checkpoint is None:
            raise UsageError(f"{self.folder}: has no checkpoint yet")
        return jax.device_put(checkpoint.state)

    def frames(self, view: str) -> Iterator[Frame]:
        """What was recorded of a view, frame by frame: `for step, arrays in run.frames("samples")`, arrays by name in data units.

        Raises UsageError where there is none of this view, and DocumentError, a ValueError, for damage.
        """
        entries = redraw.index(self.folder)
        own = [entry for entry in entries if entry.view == view]
        if not own:
            there = list(dict.fromkeys(entry.view for entry in entries))
            raise UsageError(
                f"{self.folder}: has no frames of {view!r}; it has those of {', '.join(there) or 'no view'}{did_you_mean(view, there)}"
            )
        return (frame for entry in own for frame in redraw.read(self.folder, [entry]))

    def generate(self, n: int, seed: int = 0, label: Labels | None = None) -> Float[np.ndarray, "n ..."]:
        """`n` generated points, in data units, by the averaged weights where there are some; the first of more are the same.

        Of a run with model.conditioning, `label` is that of all points, or one of each; None: labels are drawn as in training.
        Raises UsageError where there is no such label.
        """
        key = jax.random.fold_in(self.job.experiment.key(Stream.PICTURES), np.uint32(seed))
        parts, data = self._labels(label, n), self._data if label is None else None
        blocks = [_generated(self._arrays, data, self.state, key, block, part) for block, part in enumerate(parts)]
        points = np.concatenate(blocks or [np.empty((0, *self.job.experiment.dataset.shape), np.float32)])[:n]
        return np.asarray(self.job.experiment.dataset.denormalize(points))

    def discriminate(self, x: Float[ArrayLike, "n ..."], label: Labels | None = None) -> Float[np.ndarray, " n"]:
        """The discriminator's output on points [n, ...] in data units, as the loss reads it: D(x), or a critic's value.

        Of a run with model.conditioning, `label` is that of all points, or one of each; None: the mean over all labels, by their
        probabilities in the data. Raises UsageError where there is no such label, or the points have another shape than the data's.
        """
        points, dataset = np.asarray(x, np.float32), self.job.experiment.dataset
        if points.shape[1:] != dataset.shape or not points.ndim:
            raise UsageError(f"points of this run have the shape {('n', *dataset.shape)}, and not {points.shape}")
        filled = np.concatenate([points, np.zeros((-len(points) % BLOCK, *dataset.shape), np.float32)])
        data = self._data if label is None else None
        parts = zip(filled.reshape(-1, BLOCK, *dataset.shape), self._labels(label, len(points)), strict=True)
        blocks = [_judged(self._arrays, data, self.state, *part) for part in parts]
        return np.concatenate([*blocks, np.empty(0, np.float32)])[: len(points)]

    @functools.cached_property
    def _arrays(self) -> Experiment:
        return arrays(self.job.experiment)

    @functools.cached_property
    def _data(self) -> Any:
        """The arrays of the data set, where the networks are told labels: these may come from there."""
        experiment = self.job.experiment
        return jax.device_put(experiment.dataset.load()) if experiment.conditional else None

    def _labels(self, label: Labels | None, n: int) -> list[Integer[np.ndarray, " block"] | None]:
        """The labels of `n` points, block by block."""
        count = -(-n // BLOCK)
        if label is None:
            return [None] * count
        classes, found = self.job.experiment.dataset.classes, np.asarray(label)
        if not self.job.experiment.conditional or classes is None:
            raise UsageError(
                "label: the networks of this run are told none; model.conditioning=concat trains some that are"
            )
        if found.dtype.kind not in "iu" or found.shape not in ((), (n,)):
            raise UsageError(f"label: must be a whole number, or {n:,} of them")
        if found.size and not 0 <= found.min() <= found.max() < classes:
            raise UsageError(f"label: must be from 0 to {classes - 1}")
        filled = np.zeros(count * BLOCK, np.int32)
        filled[:n] = found
        return list(filled.reshape(count, BLOCK))


def compose(words: Words = ()) -> Job:
    """The job that words describe, as they are typed behind `ganexp`; raises UsageError and SettingError."""
    typed = _typed(words)
    refuse_of_sweeps(typed)
    config, job = load(typed)
    refuse_single(config, typed)
    return job


def train(job: Job, folder: Path | str) -> Run:
    """Train `job` in `folder`, or go on with it there; what has come to its end already is only opened.

    A run that diverges or fails is returned like one that finishes: its `status` says so. Raises what keeps it from beginning, and
    KeyboardInterrupt after a signal, with the state saved.
    """
    place = workspace.begun(str(folder))
    job = dataclasses.replace(job, out=str(place))
    if _has_ended(place, job):
        return Run(place)
    checkpoint = reopen.start(place, job)
    workspace.load_data(job)
    workspace.make(place)
    cache.enable()
    with display.progress(job.steps) as show:
        outcome = run(job, place, resumed=checkpoint, show=show)
    if outcome.signal:
        raise KeyboardInterrupt(f"{place}: interrupted at step {outcome.step}; train it again to go on")
    return Run(place)


def sweep(words: Words, folder: Path | str) -> list[Run]:
    """Train every run of the sweep that words describe, as they are typed behind `ganexp -m`, or go on with it; the runs in order.

    Raises UsageError and SettingError before anything is written, and KeyboardInterrupt after a signal, with the states saved.
    """
    from ganexp.cli import sweep as command

    place = workspace.begun(str(folder))
    status = command.command([*_typed(words), f"out={literal(str(place))}"], dry_run=False)
    if status > SIGNALED:
        raise KeyboardInterrupt(f"{place}: interrupted; sweep again to go on")
    return open_sweep(place)


def open_run(folder: Path | str) -> Run:
    """The run in `folder`; raises UsageError where there is none."""
    return Run(folder)


def open_sweep(folder: Path | str) -> list[Run]:
    """The runs of the sweep in `folder` that have begun, in order; raises UsageError and SettingError."""
    place = workspace.begun(str(folder))
    known = sweep_folder.read(place)
    if known is None:
        raise UsageError(f"{place}: is not the folder of a sweep (it has no {sweep_folder.NAME})")
    return [Run(place / listed.name) for listed in known.runs if workspace.holds_run(place / listed.name)]


def _typed(words: Words) -> list[str]:
    return workspace.as_they_stand(shlex.split(words) if isinstance(words, str) else words)


def _has_ended(folder: Path, job: Job) -> bool:
    """Whether the folder holds this job, at its end."""
    if not workspace.holds_run(folder):
        return False
    there = Run(folder)
    ended = there.status in ("finished", "diverged") and there.job.steps == job.steps
    return ended and there.job.settings() == job.settings()


@jax.jit
def _generated(experiment: Experiment, data: Any, state: TrainState, key: Any, block: Any, label: Any) -> Any:
    experiment, key = experiment.at(state.step), jax.random.fold_in(key, block)
    if experiment.conditional and label is None:
        noise = draw_noise(experiment, data, key, BLOCK)
    else:
        noise = Batch(experiment.prior.sample(key, BLOCK), label)
    return sample(experiment, state, noise, key).x


@jax.jit
def _judged(experiment: Experiment, data: Any, state: TrainState, x: Any, label: Any) -> Any:
    experiment = experiment.at(state.step)
    # A network in evaluation mode draws nothing.
    points, key = experiment.dataset.normalize(x), jax.random.key(0)
    if label is None:
        return output_anywhere(experiment, data, state, points, key)
    return experiment.loss.output(assess(experiment, state, Batch(points, label), key).logits)
