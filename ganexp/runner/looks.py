"""What is looked at of runs on the device, and when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
from jaxtyping import Float, PyTree

from ganexp.component import arrays, numbers
from ganexp.job import Job
from ganexp.observe.metric import END, LOG, Metric
from ganexp.observe.readings import Readings, read
from ganexp.runner.device import Constants, Runs
from ganexp.types import TrainState
from ganexp.views.probe import Snapshot, snapshot
from ganexp.views.probe_images import strip_row


class Wanted(NamedTuple):
    """What is recorded at a step: a row of the epoch strip, for instance, and the strip's picture; `scheduled`: the numbers that
    follow a schedule; `often`: metrics that are read at each record of the losses."""

    step: int
    log: bool
    evaluate: bool
    draw: bool
    strip: bool
    strip_picture: bool
    checkpoint: bool
    scheduled: bool
    often: bool


class Look(NamedTuple):
    """What the device sees at a step of what is wanted."""

    readings: Readings | None
    snapshot: Snapshot | None
    strip_row: Float[Any, "n ..."] | None
    scheduled: dict[str, Any]
    often: Readings


class LastLook(NamedTuple):
    """What the last evaluation reads, on the host: its blocks, and what metrics read of the whole run."""

    blocks: list[Readings]
    whole: Readings


def wanted(job: Job, step: int, stride: int = 1) -> Wanted:
    """What is recorded at `step` of a run that takes part in every `stride`-th of the evaluations and pictures on the way."""

    def due(every: int, stride: int = 1) -> bool:
        if step in (0, job.steps):
            return step > 0 or stride == 1
        return every > 0 and step % (every * stride) == 0

    log, evaluate, draw = due(job.log_every), due(job.eval_every, stride), due(job.image_every, stride)
    row = job.strip_due(step)
    film = job.experiment.dataset.images and job.image_every > 0
    return Wanted(
        step,
        log=log,
        evaluate=evaluate,
        draw=draw,
        strip=row,
        strip_picture=row if stride == 1 else film and draw,
        checkpoint=step > 0 and due(job.checkpoint_every),
        scheduled=bool(job.experiment.schedule) and (log or evaluate),
        often=bool(_metrics(job, _at_log)) and (log or evaluate),
    )


def _at_log(metric: Metric) -> bool:
    return metric.when == LOG


def _of_run(metric: Metric) -> bool:
    return metric.when == END and not metric.by_sample


def _at_evaluation(metric: Metric) -> bool:
    # What is by sample is part of the last evaluation's blocks, which are read by the same program.
    return not _at_log(metric) and not _of_run(metric)


def _metrics(job: Job, kind: Callable[[Metric], bool]) -> dict[str, Metric]:
    """The metrics of a kind, with their numbers as arrays."""
    return arrays({name: metric for name, metric in job.metric.items() if kind(metric)})


def look(runs: Runs, wanted: Wanted, state: TrainState, job: Job) -> Look:
    """What is wanted of this state."""
    measured, often = _metrics(job, _at_evaluation), _metrics(job, _at_log)
    return Look(
        readings=runs.apply(_read, state, shared=(measured, 0), samples=job.eval_samples) if wanted.evaluate else None,
        snapshot=runs.apply(_snapshot, state) if wanted.draw else None,
        strip_row=runs.apply(_strip_row, state) if wanted.strip else None,
        scheduled=runs.apply(_scheduled, state) if wanted.scheduled else {},
        often=runs.apply(_read, state, shared=(often, 0), samples=1) if wanted.often else Readings({}, {}),
    )


def last_look(runs: Runs, state: TrainState, job: Job, samples: int, blocks: int) -> LastLook:
    """`blocks` blocks of `samples` points each, and what is read of the whole run."""
    measured, of_run = _metrics(job, _at_evaluation), _metrics(job, _of_run)

    def read(metrics: dict[str, Metric], block: int) -> Readings:
        return jax.device_get(runs.apply(_read, state, shared=(metrics, block), samples=samples))

    # One after the other: the device never holds more than one.
    return LastLook([read(measured, block) for block in range(blocks)], read(of_run, 0) if of_run else Readings({}, {}))


def _read(
    constants: Constants, data: PyTree, state: TrainState, metrics: dict[str, Metric], block: Any, samples: int
) -> Readings:
    return read(metrics, constants.experiment, data, state, samples, block)


def _snapshot(constants: Constants, data: PyTree, state: TrainState) -> Snapshot:
    return snapshot(constants.experiment, data, state, constants.extent)


def _strip_row(constants: Constants, data: PyTree, state: TrainState) -> Any:
    return strip_row(constants.experiment, data, state)


def _scheduled(constants: Constants, data: PyTree, state: TrainState) -> dict[str, Any]:
    experiment = constants.experiment
    now = numbers(experiment.at(state.step))
    return {path.replace(".settings.", "."): now[path] for path in experiment.scheduled()}
