"""What is looked at of runs on the device, and when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
from jaxtyping import PyTree

from ganexp.component import arrays, numbers
from ganexp.job import Job
from ganexp.observe.metric import END, EVALUATION, LOG, Metric
from ganexp.observe.readings import Readings, read
from ganexp.observe.samples import Samples
from ganexp.observe.view import EPOCH, View
from ganexp.runner.device import RunInputs, Runs
from ganexp.types import TrainState


class Due(NamedTuple):
    """What is recorded at a step. `frames`: the views that are read; `pictures`: those that are drawn; `scheduled`: the numbers that
    follow a schedule; `often`: metrics that are read at each record of the losses."""

    step: int
    log: bool
    evaluate: bool
    frames: tuple[str, ...]
    pictures: tuple[str, ...]
    checkpoint: bool
    scheduled: bool
    often: bool


class Observation(NamedTuple):
    """What the device sees at a step of what is due; of `views`, what each reads, by name."""

    readings: Readings | None
    views: dict[str, dict[str, Any]]
    scheduled: dict[str, Any]
    often: Readings


class FinalEvaluation(NamedTuple):
    """What the last evaluation reads, on the host: its blocks, and what metrics and views read of the whole run."""

    blocks: list[Readings]
    whole: Readings
    views: dict[str, dict[str, Any]]


def due_at(job: Job, step: int, stride: int = 1) -> Due:
    """What is recorded at `step` of a run that takes part in every `stride`-th of the evaluations and pictures on the way."""
    log, evaluate = job.due(job.log_every, step), job.due(job.eval_every, step, stride)
    # Rows by epoch are recorded by every run; their picture is as rare as the others.
    film = stride > 1 and job.image_every > 0 and job.due(job.image_every, step, stride)
    frames = tuple(name for name, view in job.view.items() if job.frame_due(view, step, stride))
    return Due(
        step,
        log=log,
        evaluate=evaluate,
        frames=frames,
        pictures=tuple(
            name
            for name, view in job.view.items()
            if (film if stride > 1 and view.when == EPOCH and view.every is None else name in frames)
        ),
        checkpoint=step > 0 and job.due(job.checkpoint_every, step),
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


def observe(runs: Runs, due: Due, state: TrainState, job: Job) -> Observation:
    """What is wanted of this state."""
    often = _metrics(job, _at_log)
    views_due = arrays({name: job.view[name] for name in due.frames})
    beside = {name: view for name, view in views_due.items() if _rhythm(view) == EVALUATION}
    readings, views = None, dict[str, dict[str, Any]]()
    if due.evaluate:
        shared = _metrics(job, _at_evaluation), beside, 0
        readings, views = runs.apply(_read, state, shared=shared, samples=job.eval_samples)
    # One program for each rhythm: which views fall together at a step compiles nothing anew.
    for rhythm in dict.fromkeys(_rhythm(view) for name, view in views_due.items() if name not in beside):
        views |= read_views(
            runs, state, job, {name: view for name, view in views_due.items() if _rhythm(view) == rhythm}
        )
    return Observation(
        readings,
        views,
        scheduled=runs.apply(_scheduled, state) if due.scheduled else {},
        often=runs.apply(_read, state, shared=(often, {}, 0), samples=1)[0] if due.often else Readings({}, {}),
    )


def _rhythm(view: View) -> str | int:
    return view.when if view.every is None else view.every


def read_views(runs: Runs, state: TrainState, job: Job, views: dict[str, View]) -> dict[str, dict[str, Any]]:
    """What some views read of this state, by name."""
    found: dict[str, dict[str, Any]] = runs.apply(_read, state, shared=({}, views, 0), samples=job.eval_samples)[1]
    return found


def final_evaluation(runs: Runs, state: TrainState, job: Job, samples: int, blocks: int) -> FinalEvaluation:
    """`blocks` blocks of `samples` points each, and what is read of the whole run."""
    measured, of_run = _metrics(job, _at_evaluation), _metrics(job, _of_run)
    last = arrays({name: view for name, view in job.view.items() if view.when == END})

    def read(metrics: dict[str, Metric], views: dict[str, View], block: int) -> Any:
        return jax.device_get(runs.apply(_read, state, shared=(metrics, views, block), samples=samples))

    # One after the other: the device never holds more than one.
    parts = [read(measured, {}, block)[0] for block in range(blocks)]
    return FinalEvaluation(parts, *(read(of_run, last, 0) if of_run or last else (Readings({}, {}), {})))


def _read(
    inputs: RunInputs,
    data: PyTree,
    state: TrainState,
    metrics: dict[str, Metric],
    views: dict[str, View],
    block: Any,
    samples: int,
) -> tuple[Readings, dict[str, dict[str, Any]]]:
    return read(metrics, views, Samples(inputs.experiment, data, state, samples, block), inputs.extent)


def _scheduled(inputs: RunInputs, data: PyTree, state: TrainState) -> dict[str, Any]:
    experiment = inputs.experiment
    now = numbers(experiment.at(state.step))
    return {path.replace(".settings.", "."): now[path] for path in experiment.scheduled()}
