"""The records of runs that train together, each in the folder of its own; what goes wrong with one ends that one alone."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Hashable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jax

from ganexp import checkpoints
from ganexp.checkpoints import Checkpoint
from ganexp.component import SettingError, numbers
from ganexp.experiment import Experiment
from ganexp.job import Job
from ganexp.provenance import text
from ganexp.records.documents import DocumentError
from ganexp.records.lock import locked
from ganexp.records.summary import write_summary
from ganexp.runner.device import Runs
from ganexp.runner.outcome import FAILED, Outcome, begin, diagnosis, ended, fail, reason
from ganexp.runner.pace import Clock
from ganexp.training import StepHealth
from ganexp.types import TrainState

if TYPE_CHECKING:
    # Of what is imported while the device is busy.
    from ganexp.runner.exhibition import Artists
    from ganexp.runner.observations import Due, FinalEvaluation, Observation
    from ganexp.runner.recorder import Recorder


class Lane(NamedTuple):
    """A run: its job and folder; what was typed for it; what leaves its config there; and, of a sweep's, its swept settings, and the
    name that runs share which differ from it in the seed alone."""

    job: Job
    folder: Path
    words: Sequence[str]
    note: Callable[[], None]
    swept: dict[str, Any]
    group: str


class Shared(NamedTuple):
    """What lanes have together: the folder of their checkpoints, which goes when all have ended; what these say of the lanes; and
    what run.json says of the sweep."""

    folder: Path
    made: dict[str, Any]
    about: dict[str, Any]


class LaneRecorders:
    """Writes what is due of each of `lanes` into the folder of its run.

    `ended` is told how each run ended. Without `shared` each run has its checkpoints in its own folder. `began` is when the
    program began, by `time.perf_counter`.
    """

    def __init__(
        self,
        lanes: dict[int, Lane],
        ended: Callable[[int, Outcome], None],
        shared: Shared | None = None,
        began: float | None = None,
    ):
        self.lanes, self.alive, self.clock = lanes, set(lanes), Clock()
        self.began = time.perf_counter() if began is None else began
        self.refused: dict[int, BaseException] = {}  # What kept a run from beginning.
        self._ended, self._shared, self._begin = ended, shared, 0
        self._summaries: dict[int, dict[str, Any]] = {}
        self._recorders: dict[int, Recorder] = {}
        self._locks = ExitStack()

    def begin(self, step: int) -> None:
        """Claim the folders, and note what the runs are, which begin at `step`."""
        self._begin = step
        self._each(self._begin_one)

    def _begin_one(self, lane: int) -> None:
        job, folder, words, *_ = self.lanes[lane]
        more = {} if self._shared is None else {"sweep": self._shared.about | {"lane": lane}}
        self._locks.enter_context(locked(folder))
        self._summaries[lane] = begin(folder, job, words, self._begin or None, more)

    def open(self, runs: Runs) -> None:
        """Open the records, and describe the runs in them."""
        from ganexp.runner.exhibition import Artists

        self._runs, self._data = runs, runs.first_copy()
        artists: dict[Hashable, Artists] = {}

        def open_one(lane: int) -> None:
            experiment = self.lanes[lane].job.experiment
            alike = _drawn_alike(experiment)
            if alike not in artists:
                artists[alike] = Artists(experiment)
            self._open(lane, artists[alike])

        self._each(open_one)

    def _open(self, lane: int, artists: Artists) -> None:
        from ganexp.runner.recorder import Recorder

        job, folder, words, note, swept, group = self.lanes[lane]
        recorder = Recorder(job, self._data, folder, self._begin, self.clock, artists, batches=len(self.lanes) > 1)
        self._recorders[lane] = recorder
        note()
        recorder.describe(text(job, words), swept, group)

    def latest(self, lane: int) -> dict[str, float]:
        """What was recorded last of a run."""
        return self._recorders[lane].latest if lane in self._recorders else {}

    def record(self, due: Due, observation: Observation, health: StepHealth) -> None:
        """Write what is wanted of a step."""
        observation, health = jax.device_get((observation, health))
        self._each(
            lambda lane: self._recorders[lane].record(due, *self._runs.lane((observation, health), lane)),
            by_evaluator=observation.readings is not None,
        )

    def checkpoint(self, step: int, state: TrainState, health: StepHealth) -> None:
        """Save the states, after what was recorded of them."""
        self._each(lambda lane: self._recorders[lane].flush())
        with self.clock.spent("records"):
            if self._shared is None:
                self._each(lambda lane: self._save(lane, *self._runs.lane((state, health), lane)))
            elif self.alive:
                self._shared.folder.mkdir(parents=True, exist_ok=True)
                checkpoints.save(self._shared.folder, Checkpoint(state, health, self._shared.made), step)

    def _save(self, lane: int, state: TrainState, health: StepHealth) -> None:
        job, folder, *_ = self.lanes[lane]
        checkpoints.save(folder, Checkpoint(state, health, job.settings()))

    def diverged(self, lane: int, state: TrainState, health: StepHealth) -> None:
        """End a run whose numbers stopped being finite after `state`."""
        self._each(lambda lane: self._diverged(lane, *self._runs.lane((state, health), lane)), [lane])

    def _diverged(self, lane: int, state: TrainState, health: StepHealth) -> None:
        reason = diagnosis(self.lanes[lane].job, self._data, state, health)
        self._end(lane, "diverged", int(health.bad_step), reason=reason)

    def end(self, step: int, state: TrainState, health: StepHealth, interrupted: Callable[[], int]) -> None:
        """End what is left at `step`: evaluate what has come to its last one, until `interrupted` says a signal's number."""
        left = [lane for lane in sorted(self.alive) if step == self.lanes[lane].job.steps]
        if left and not interrupted():
            self._finish(self._recorders[left[0]], state, health, interrupted)
        self._each(lambda lane: self._end(lane, "interrupted", step, number=interrupted()))
        if self._shared is not None and not interrupted():
            shutil.rmtree(self._shared.folder, ignore_errors=True)
            with suppress(OSError):
                self._shared.folder.parent.rmdir()
        self.close()

    def _finish(self, one: Recorder, state: TrainState, health: StepHealth, interrupted: Callable[[], int]) -> None:
        from ganexp.runner.observations import final_evaluation

        with self.clock.spent("metrics"):
            seen = final_evaluation(self._runs, state, one.job, one.final_block, one.final_blocks)
        last = jax.device_get((state, health))

        def finish(lane: int) -> None:
            if not interrupted():
                self._finish_one(lane, self._runs.lane(seen, lane), *self._runs.lane(last, lane))

        self._each(finish, by_evaluator=True)

    def _finish_one(self, lane: int, evaluation: FinalEvaluation, state: TrainState, health: StepHealth) -> None:
        final = self._recorders[lane].final(int(state.step), evaluation)
        if self._shared is not None:
            self._save(lane, state, health)
        self._end(lane, "finished", int(state.step), final)

    def fail(self, error: BaseException) -> None:
        """End what is left because of an error that concerns all."""
        if not self._summaries:
            self.begin(self._begin)
        for lane in sorted(self.alive):
            self._fail(lane, error)
        self.close()

    def close(self) -> None:
        """Let go of the folders."""
        self._locks.close()

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
        write_summary(self.lanes[lane].folder, self._summaries[lane] | ended(outcome, self._seconds()))
        self.alive.discard(lane)
        self._ended(lane, outcome)

    def _fail(self, lane: int, error: BaseException) -> None:
        self.alive.discard(lane)
        if lane in self._recorders:
            with suppress(OSError):
                self._recorders[lane].close()
        folder = self.lanes[lane].folder
        if lane in self._summaries:
            outcome = fail(folder, self._summaries[lane], error, self._seconds())
        else:
            self.refused[lane] = error
            # Somebody's mistake is a sentence, which names the folder.
            mistake = isinstance(error, (SettingError, DocumentError))
            said = str(error).removeprefix(f"{folder}").lstrip(": /") if mistake else reason(error)
            outcome = Outcome(FAILED, 0, {}, said, 0, [])
        self._ended(lane, outcome)

    def _each(
        self, action: Callable[[int], Any], lanes: Sequence[int] | None = None, by_evaluator: bool = False
    ) -> None:
        chosen = sorted(self.alive if lanes is None else self.alive.intersection(lanes))
        if by_evaluator:
            # Runs that are compared with the same real points one after the other: few evaluators are kept.
            chosen.sort(key=lambda lane: _evaluated_alike(self.lanes[lane].job.experiment))
        for lane in chosen:
            try:
                action(lane)
            except Exception as error:
                self._fail(lane, error)

    def _seconds(self) -> dict[str, float]:
        return self.clock.seconds | {"total": time.perf_counter() - self.began}


def _evaluated_alike(experiment: Experiment) -> tuple[float, ...]:
    return (*map(float, numbers(experiment.dataset).values()), experiment.seed)


def _drawn_alike(experiment: Experiment) -> tuple[float, ...]:
    return (*map(float, numbers(experiment.dataset).values()), *map(float, numbers(experiment.loss).values()))
