"""All runs of a sweep side by side, begun or gone on with, or batch by batch as a sampler chooses them."""

from __future__ import annotations

import functools
import gc
import itertools
import os
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path

import jax

from ganexp.cli import notes
from ganexp.cli.display_sweep import SweepDisplay
from ganexp.cli.sweep_end import objective
from ganexp.cli.sweep_plan import Planned, named
from ganexp.component import SettingError
from ganexp.config.many import ComposedRun, load_many
from ganexp.config.multirun import HydraConfigs, launched, swept_of
from ganexp.config.usage_errors import ERRORS
from ganexp.job import Job
from ganexp.observe.metric import ranking
from ganexp.provenance import record
from ganexp.runner.outcome import Outcome
from ganexp.runner.recorders import Lane
from ganexp.sweeps.folder import SweepManifest, summary, write
from ganexp.sweeps.plan import plan
from ganexp.sweeps.together import announce, train_sweep


def use_all_cores() -> None:
    """Let JAX have a device for each core, unless it was told how many, or has been asked for them already."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
        with suppress(RuntimeError):
            jax.config.update("jax_num_cpu_devices", cores)


class Stopped(Exception):  # noqa: N818 - a signal is no error
    """A signal came: no other batch of runs is wanted."""


class Together:
    """Trains the runs of a sweep in `folder`; `manifest` is what its sweep.json says, and grows where runs are chosen on the way.

    `interrupted` says the number of a signal.
    """

    def __init__(self, folder: Path, manifest: SweepManifest, interrupted: Callable[[], int]):
        self.folder, self.manifest, self.interrupted = folder, manifest, interrupted
        self._outcomes: dict[int, Outcome] = {}
        self._launched: HydraConfigs | None = None

    def train_all(self, runs: Sequence[Planned]) -> None:
        """Train what is left of all runs of the sweep, batch by batch."""
        runs = self._composed(runs)
        for first, after in itertools.pairwise([*self.manifest.batches, len(runs)]):
            self._train(runs[first:after], first)

    def train_batch(
        self, launched: HydraConfigs, constant: Collection[str], batch: Sequence[Sequence[str]], first: int
    ) -> list[float]:
        """Train the runs of a batch that a sampler chose, the first of which is the sweep's `first`-th; how good each is.

        Raises UsageError, and Stopped.
        """
        self._launched = launched
        runs = named(load_many(batch), constant, first)
        self.manifest.runs.extend(run.listed() for run in runs)
        self.manifest.batches.append(first)
        write(self.folder, self.manifest)
        self._train(runs, first)
        if self.interrupted():
            raise Stopped
        return [objective(run.job, summary(self.folder / run.name)) for run in runs]

    def _composed(self, runs: Sequence[Planned]) -> list[Planned]:
        """The runs, with the configs of those that left none before a kill, where they can still be composed."""
        lost = [run for run in runs if run.composed is None and not notes.are_there(self.folder / run.name)]
        found: dict[str, ComposedRun] = {}
        try:
            for run, again in zip(lost, load_many([run.overrides for run in lost]), strict=True):
                if record(again.job) == record(run.job):
                    found[run.name] = again
            self._launched = launched(self.manifest.words, self.folder)
        except (SettingError, *ERRORS):
            return [run._replace(composed=None) for run in runs]
        return [run._replace(composed=run.composed or found.get(run.name)) for run in runs]

    def _train(self, runs: Sequence[Planned], first: int) -> None:
        swept = swept_of([run.overrides for run in self.manifest.runs])
        tags = self._tags(runs[0].job)
        rows, groups = announce(self.folder, swept, tags)
        lanes = {}
        for number, run in enumerate(runs, first):
            folder = self.folder / run.name
            note = functools.partial(self._note, run, number, folder)
            lanes[number] = Lane(run.job, folder, run.overrides, note, rows[number], groups[number])
        programs = plan({number: lane.job for number, lane in lanes.items()})
        # The start is over: see `dispatch.main`.
        gc.enable()
        with SweepDisplay(programs, lanes, self._outcomes) as display:
            train_sweep(lanes, programs, self.folder, display, self.interrupted)
        announce(self.folder, swept, self._tags(runs[0].job))

    def _note(self, run: Planned, number: int, folder: Path) -> None:
        if run.composed is None or self._launched is None:
            notes.note_words(folder, run.overrides)
        else:
            notes.note_lane(folder, self._launched, run.composed, number)

    def _tags(self, job: Job) -> list[str]:
        """The metrics that HParams shows: of the runs that ended, or those that runs like `job` may have; what settings are compared
        by is the first."""
        finals = [summary(self.folder / run.name).get("final", {}) for run in self.manifest.runs]
        known = ranking(job.metric.values())
        tags = [tag for tag in known.tags if any(tag in final for final in finals)]
        return list(known.headline(tags or known.tags, job.sweep.metric))
