"""The records of a program's runs, which are written beside their training, in a thread of their own."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Hashable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple

import jax

from ganexp import checkpoints
from ganexp.checkpoints import Checkpoint
from ganexp.component import numbers
from ganexp.experiment import Experiment
from ganexp.job import Job
from ganexp.looks import LastLook, Look, Wanted, last_look
from ganexp.outcome import FAILED, Outcome, begin, diagnosis, ended, fail, git_commit
from ganexp.provenance import text
from ganexp.recorder import Clock, Recorder
from ganexp.records.lock import locked
from ganexp.records.summary import write_summary
from ganexp.sweep.lanes import Lanes, lane_of
from ganexp.train import Report
from ganexp.types import TrainState
from ganexp.views.pictures import Pictures


class Seat(NamedTuple):
    """A run of a sweep: its job and folder; what was typed for it; what leaves its config there; its swept settings, and the name
    that runs share which differ from it in the seed alone."""

    job: Job
    folder: Path
    words: Sequence[str]
    note: Callable[[], None]
    swept: dict[str, Any]
    group: str


class Scribe:
    """Writes what is due of each lane of a program into the folder of its run; what goes wrong with one ends that one alone.

    `seats` are by lane; `made` says of a checkpoint which runs it holds; `about` is what run.json says of the sweep; `ended` is told how each run ended.
    """

    def __init__(
        self,
        seats: dict[int, Seat],
        lanes: Lanes,
        begin: int,
        made: dict[str, Any],
        about: dict[str, Any],
        clock: Clock,
        ended: Callable[[int, Outcome], None],
    ):
        self.seats, self.lanes, self.begin, self.made, self.about, self.clock = seats, lanes, begin, made, about, clock
        self.alive, self.failed = set(seats), set[int]()
        self._ended, self._began = ended, time.perf_counter()
        self._data = lanes.first_copy()
        self._recorders: dict[int, Recorder] = {}
        self._summaries: dict[int, dict[str, Any]] = {}
        self._pictures: dict[Hashable, Pictures] = {}
        self._claims = ExitStack()

    def start(self) -> None:
        """Make the folders, and note what the runs are."""
        self._each(self._start)

    def _start(self, lane: int) -> None:
        seat = self.seats[lane]
        self._claims.enter_context(locked(seat.folder))
        more = {"git_commit": git_commit(), "sweep": self.about | {"lane": lane}}
        self._summaries[lane] = begin(seat.folder, seat.job, seat.words, self.begin or None, more)
        pictures = self._pictures.setdefault(_drawn_alike(seat.job.experiment), Pictures(seat.job.experiment))
        recorder = Recorder(seat.job, self._data, seat.folder, self.begin, self.clock, pictures, batches=True)
        self._recorders[lane] = recorder
        seat.note()
        recorder.describe(text(seat.job, seat.words), seat.swept, seat.group)

    def record(self, wanted: Wanted, look: Look, report: Report) -> None:
        """Write what is wanted of a step of all lanes."""
        look, report = jax.device_get((look, report))
        self._each(
            lambda lane: self._recorders[lane].record(wanted, lane_of(look, lane), lane_of(report, lane)),
            by_evaluator=look.probe is not None,
        )

    def checkpoint(self, folder: Path, step: int, state: TrainState, report: Report) -> None:
        """Save all lanes in one file, after what was recorded of them."""
        self._each(lambda lane: self._recorders[lane].flush())
        folder.mkdir(parents=True, exist_ok=True)
        checkpoints.save(folder, Checkpoint(state, report, self.made), step)

    def diverged(self, lane: int, state: TrainState, report: Report) -> None:
        """End a run whose numbers stopped being finite after `state`."""
        reason = diagnosis(self.seats[lane].job, self._data, state, report)
        self._each(lambda lane: self._end(lane, "diverged", int(report.bad_step), reason=reason), [lane])

    def finish(self, state: TrainState, report: Report, stopped: Callable[[], int]) -> None:
        """Evaluate and end every run that is left, until `stopped` says a signal's number."""
        job = next(iter(self.seats.values())).job
        recorders = [self._recorders[lane] for lane in self.alive]
        if recorders and not stopped():
            with self.clock.spent("metrics"):
                first = recorders[0]
                seen = last_look(self.lanes, state, first.final_block, first.final_blocks, first.images)
            host = jax.device_get((state, report))
            self._each(lambda lane: self._finish(lane, seen, lane_of(host, lane), stopped), by_evaluator=True)
        self.interrupt(job.steps, stopped())

    def _finish(self, lane: int, seen: LastLook, last: tuple[TrainState, Report], stopped: Callable[[], int]) -> None:
        if stopped():
            return
        state, report = last
        recorder, step = self._recorders[lane], int(state.step)
        probes = [lane_of(probe, lane) for probe in seen.probes]
        final = recorder.final(step, seen._replace(probes=probes, accuracies=lane_of(seen.accuracies, lane)))
        recorder.checkpoint(state, report)
        self._end(lane, "finished", step, final)

    def interrupt(self, step: int, number: int) -> None:
        """End what is left because of a signal."""
        self._each(lambda lane: self._end(lane, "interrupted", step, number=number))

    def fail(self, error: BaseException) -> None:
        """End what is left because of an error that concerns all lanes."""
        for lane in sorted(self.alive):
            self._fail(lane, error)
        self.close()

    def close(self) -> None:
        """Let go of the folders."""
        self._claims.close()

    def _end(
        self,
        lane: int,
        status: str,
        step: int,
        final: dict[str, float] | None = None,
        reason: str | None = None,
        number: int = 0,
    ) -> None:
        recorder = self._recorders[lane]
        final = recorder.latest if final is None else final
        outcome = Outcome(status, step, final, reason, number, list(recorder.warnings.values()))
        recorder.end(outcome)
        recorder.close()
        write_summary(self.seats[lane].folder, self._summaries[lane] | ended(outcome, self._seconds()))
        self.alive.discard(lane)
        self._ended(lane, outcome)

    def _seconds(self) -> dict[str, float]:
        return self.clock.seconds | {"total": time.perf_counter() - self._began}

    def _each(
        self, action: Callable[[int], Any], lanes: Sequence[int] | None = None, by_evaluator: bool = False
    ) -> None:
        chosen = sorted(self.alive if lanes is None else self.alive.intersection(lanes))
        if by_evaluator:
            # Runs that are compared with the same real points one after the other: few evaluators are kept.
            chosen.sort(key=lambda lane: _evaluated_alike(self.seats[lane].job.experiment))
        for lane in chosen:
            try:
                action(lane)
            except Exception as error:
                self._fail(lane, error)

    def _fail(self, lane: int, error: BaseException) -> None:
        reason = f"{type(error).__name__}: {error}"
        self.alive.discard(lane)
        self.failed.add(lane)
        if lane in self._recorders:
            with suppress(OSError):
                self._recorders[lane].close()
        if lane in self._summaries:
            reason = fail(self.seats[lane].folder, self._summaries[lane], error, self._seconds())
        else:
            reason = str(error) if isinstance(error, ValueError) else reason
            print(f"ganexp: {self.seats[lane].folder}: {reason}", file=sys.stderr)
        self._ended(lane, Outcome(FAILED, self.begin, {}, reason, 0, []))


def _evaluated_alike(experiment: Experiment) -> tuple[float, ...]:
    return (*map(float, numbers(experiment.dataset).values()), experiment.seed)


def _drawn_alike(experiment: Experiment) -> tuple[float, ...]:
    return (*map(float, numbers(experiment.dataset).values()), *map(float, numbers(experiment.loss).values()))
