"""What is looked at of runs on the device, and when."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float, PyTree

from ganexp.component import numbers
from ganexp.job import Job
from ganexp.metrics import Probe, minibatch_accuracy, probe
from ganexp.metrics.dirac import dirac_parameters, is_dirac
from ganexp.runner.device import Constants, Runs
from ganexp.types import TrainState
from ganexp.views.probe import Snapshot, snapshot
from ganexp.views.probe_images import strip_row


class Wanted(NamedTuple):
    """What is recorded at a step: a row of the epoch strip, for instance, and the strip's picture; `scheduled`: the numbers that
    follow a schedule; `dirac`: both numbers of a Dirac-GAN."""

    step: int
    log: bool
    evaluate: bool
    draw: bool
    strip: bool
    strip_picture: bool
    checkpoint: bool
    scheduled: bool
    dirac: bool


class Look(NamedTuple):
    """What the device sees at a step of what is wanted."""

    probe: Probe | None
    snapshot: Snapshot | None
    strip_row: Float[Any, "n ..."] | None
    scheduled: dict[str, Any]
    dirac: dict[str, Any]


class LastLook(NamedTuple):
    """What the last evaluation reads, on the host: its blocks, and of a set the discriminator's accuracy by minibatch."""

    probes: list[Probe]
    accuracies: Float[np.ndarray, "*runs batches"] | None


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
        dirac=is_dirac(job.experiment) and (log or evaluate),
    )


def look(runs: Runs, wanted: Wanted, state: TrainState, samples: int) -> Look:
    """What is wanted of this state; evaluations are of `samples` points."""
    return Look(
        probe=runs.apply(_probe, state, shared=(0,), samples=samples) if wanted.evaluate else None,
        snapshot=runs.apply(_snapshot, state) if wanted.draw else None,
        strip_row=runs.apply(_strip_row, state) if wanted.strip else None,
        scheduled=runs.apply(_scheduled, state) if wanted.scheduled else {},
        dirac=runs.apply(_dirac, state) if wanted.dirac else {},
    )


def last_look(runs: Runs, state: TrainState, samples: int, blocks: int, images: bool) -> LastLook:
    """`blocks` blocks of `samples` points each, and what is looked at of images alone."""
    # One after the other: the device never holds more than one.
    probes = [jax.device_get(runs.apply(_probe, state, shared=(block,), samples=samples)) for block in range(blocks)]
    return LastLook(probes, np.asarray(runs.apply(_accuracies, state)) if images else None)


def _probe(constants: Constants, data: PyTree, state: TrainState, block: Any, samples: int) -> Probe:
    return probe(constants.experiment, data, state, samples, block)


def _snapshot(constants: Constants, data: PyTree, state: TrainState) -> Snapshot:
    return snapshot(constants.experiment, data, state, constants.extent)


def _strip_row(constants: Constants, data: PyTree, state: TrainState) -> Any:
    return strip_row(constants.experiment, state)


def _accuracies(constants: Constants, data: PyTree, state: TrainState) -> Any:
    return minibatch_accuracy(constants.experiment, data, state)


def _dirac(constants: Constants, data: PyTree, state: TrainState) -> dict[str, Any]:
    return dirac_parameters(state)


def _scheduled(constants: Constants, data: PyTree, state: TrainState) -> dict[str, Any]:
    experiment = constants.experiment
    now = numbers(experiment.at(state.step))
    return {path.replace(".settings.", "."): now[path] for path in experiment.scheduled()}
