"""The task of Hydra's launcher `jax`: all runs of a sweep side by side, begun or gone on with."""

from __future__ import annotations

import functools
import gc
import itertools
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import jax
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import HydraContext
from omegaconf import DictConfig

from ganexp.cli.display_sweep import Shown
from ganexp.cli.sweep import judged
from ganexp.config.many import Composed, Launched, folder_name, load_many, swept_of
from ganexp.job import Job
from ganexp.outcome import Outcome
from ganexp.report.metrics import LOWER_IS_BETTER
from ganexp.sweep.folder import Known, summary, write
from ganexp.sweep.plan import plan
from ganexp.sweep.scribe import Seat
from ganexp.sweep.together import announce, train_sweep

OF_IMAGES = ("mnist_", "classes/", "leak/", "parzen/")


def use_all_cores() -> None:
    """Let JAX have a device for each core, unless it was told how many, or has been asked for them already."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
        with suppress(RuntimeError):
            jax.config.update("jax_num_cpu_devices", cores)


class Stopped(Exception):
    """A signal came: no other batch of runs is wanted."""


class Together:
    """The task of Hydra's launcher `jax`, which takes the runs of a batch at once; they lie in `folder`.

    `known` is what is known of the sweep, and grows; `interrupted` says the number of a signal. `composed` are runs by their
    overrides.
    """

    def __init__(self, folder: Path, known: Known, interrupted: Callable[[], int]):
        self.folder, self.known, self.interrupted = folder, known, interrupted
        self.composed: dict[tuple[str, ...], Composed] = {}
        self._outcomes: dict[int, Outcome] = {}

    def together(
        self, context: HydraContext, config: DictConfig, batch: Sequence[Sequence[str]], first: int
    ) -> list[JobReturn]:
        """Train the runs of a batch, the first of which is the sweep's `first`-th; raises Mistake, and Stopped."""
        words = [tuple(run) for run in batch]
        self.composed |= {run.overrides: run for run in load_many([run for run in words if run not in self.composed])}
        runs = [self.composed[run] for run in words]
        constant = frozenset(config.hydra.job.config.override_dirname.exclude_keys)
        named = [(folder_name(first + place, run, constant), list(run)) for place, run in enumerate(words)]
        self.known.runs.extend(named)
        self.known.batches.append(first)
        write(self.folder, self.known)
        self._train(Launched(context.config_loader, config), runs, first)
        if self.interrupted():
            raise Stopped
        values = [judged(run.job, summary(self.folder / name)) for run, (name, _) in zip(runs, named, strict=True)]
        return [
            JobReturn(overrides=run.overrides, status=JobStatus.COMPLETED, _return_value=value)
            for run, value in zip(runs, values, strict=True)
        ]

    def go_on(self, launched: Launched, runs: Sequence[Composed], names: Sequence[str]) -> None:
        """Train what is left of a sweep that was begun before, batch by batch; `runs` may go on where it was stopped."""
        first = len(self.known.runs)
        if first < len(runs):
            self.known.batches.append(first)
            self.known.runs.extend((names[place], list(runs[place].overrides)) for place in range(first, len(runs)))
            write(self.folder, self.known)
        for first, after in itertools.pairwise([*self.known.batches, len(runs)]):
            self._train(launched, runs[first:after], first)

    def _train(self, launched: Launched, runs: Sequence[Composed], first: int) -> None:
        swept = swept_of([run for _, run in self.known.runs])
        rows, groups = announce(self.folder, swept, self._tags(runs[0].job))
        seats = {}
        for number, composed in enumerate(runs, first):
            folder = self.folder / self.known.runs[number][0]
            note = functools.partial(_note, launched, composed, number, folder)
            seats[number] = Seat(composed.job, folder, note, rows[number], groups[number])
        programs = plan({number: seat.job for number, seat in seats.items()})
        # The start is over: see `cli.main`.
        gc.enable()
        with Shown(programs, seats, self._outcomes) as display:
            train_sweep(seats, programs, self.folder, display, self.interrupted)

        announce(self.folder, swept, self._tags(runs[0].job))

    def _tags(self, job: Job) -> list[str]:
        """The metrics of the runs that ended, or those that runs like `job` may have; what settings are compared by is the first."""
        finals = [summary(self.folder / name).get("final", {}) for name, _ in self.known.runs]
        images = job.experiment.dataset.size is not None
        tags = [tag for tag in LOWER_IS_BETTER if any(tag in final for final in finals)]
        tags = tags or [tag for tag in LOWER_IS_BETTER if tag.startswith(OF_IMAGES) == images]
        return sorted(tags, key=lambda tag: tag != job.sweep.metric)


def _note(launched: Launched, composed: Composed, number: int, folder: Path) -> str:
    """Leave a run's config in its folder, as Hydra's launchers do; returns it resolved, for TensorBoard."""
    place = folder / ".hydra"
    place.mkdir(exist_ok=True)
    (place / "config.yaml").write_text(composed.text())
    (place / "hydra.yaml").write_text(launched.text(composed, number, folder))
    (place / "overrides.yaml").write_text("".join(f"- {text}\n" for text in composed.overrides))
    return f"```yaml\n{composed.text(resolve=True)}```"
