"""Which runs share a program, and how many of them go through it at once. Rules without a clock: the same runs, the same plan."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax

from ganexp.component import arrays
from ganexp.description import describe
from ganexp.job import Job
from ganexp.training import init

MOST_LANES = 256
MEMORY = 2**30  # bytes that the states and evaluations of a program's lanes may take
COPIES = 3  # of a state: the one that is recorded, the one before the next, and the next


class Program(NamedTuple):
    """Runs (their numbers in the sweep) that go through one program together, and how many of their evaluations and pictures
    on the way one takes part in: every `stride`-th."""

    runs: tuple[int, ...]
    stride: int


def plan(jobs: Mapping[int, Job]) -> list[Program]:
    """The programs of a sweep's runs by number: runs of equal structure, length and records, as many at once as `wave_size` says."""
    alike: dict[Any, list[int]] = {}
    for number, job in jobs.items():
        alike.setdefault(_kind(job), []).append(number)
    programs = []
    for runs in alike.values():
        job = jobs[runs[0]]
        size, observed_runs = wave_size(job, len(runs)), job.sweep.observed_runs
        for first in range(0, len(runs), size):
            wave = tuple(runs[first : first + size])
            programs.append(Program(wave, max(1, math.ceil(len(wave) / observed_runs)) if observed_runs else 1))
    return programs


def wave_size(job: Job, count: int) -> int:
    """How many of `count` runs like `job` go through their program at once: 256 or what a gibibyte holds, in equal waves."""
    most = max(1, min(MOST_LANES, MEMORY // lane_bytes(job)))
    # As many in each wave as in the others, rather than few in the last.
    return math.ceil(count / math.ceil(count / most))


def lane_bytes(job: Job) -> int:
    """The bytes of one lane: the copies of its state, and an evaluation's points."""
    state = jax.eval_shape(init, arrays(job.experiment))
    points = math.prod(job.experiment.dataset.shape) * job.eval_samples
    return 4 * (COPIES * sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(state)) + 4 * points)


def _kind(job: Job) -> tuple[Any, ...]:
    apart = {"experiment", "metric", "view", "out", "sweep"}
    records = tuple(getattr(job, field.name) for field in dataclasses.fields(job) if field.name not in apart)
    observed = tuple(
        (name, type(part), repr(describe(part))) for name, part in (*job.metric.items(), *job.view.items())
    )
    return jax.tree.structure(job.experiment), observed, records, job.sweep.lanes, job.sweep.observed_runs
