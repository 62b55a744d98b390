"""What a person sees of a sweep: what it will be, how far it is, and what it came to."""

from __future__ import annotations

import shlex
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from ganexp import cache
from ganexp.cli.display import tensorboard
from ganexp.cli.sentences import say
from ganexp.config.multirun import swept_of
from ganexp.job import Job
from ganexp.runner.outcome import FAILED, Outcome, failure
from ganexp.runner.pace import Progress
from ganexp.runner.recorders import Lane
from ganexp.sweeps.folder import is_over
from ganexp.sweeps.plan import Program, plan
from ganexp.sweeps.together import Display, mapping

TENTHS = 10
MOST_SHOWN = 20


def label(program: Program, swept: Mapping[int, Mapping[str, Any]]) -> str:
    """What the runs of a program have in common that others have not, such as `loss=minimax`; empty where that is nothing."""
    common = {
        key: swept[program.runs[0]].get(key)
        for key in swept[program.runs[0]]
        if len({str(swept[run].get(key)) for run in program.runs}) == 1
        and len({str(values.get(key)) for values in swept.values()}) > 1
    }
    return " ".join(f"{key}={value}" for key, value in common.items())


def seconds(programs: Sequence[Program], jobs: Mapping[int, Job]) -> float | None:
    """About how long the programs take here; None where one of them has never run."""
    total = 0.0
    for program in programs:
        job = jobs[program.runs[0]]
        pace = cache.pace(job.experiment, mapping(job)) or cache.pace(job.experiment)
        if pace is None:
            return None
        total += len(program.runs) * job.steps / pace
    return total


def span(taken: float) -> str:
    """A time in words of a fitting size."""
    return f"{taken:.0f} s" if taken < 100 else f"{taken / 60:.0f} min" if taken < 6000 else f"{taken / 3600:.1f} h"


class SweepDisplay:
    """A line for each program and one for all: bars on a terminal, elsewhere a line for every tenth of a program."""

    def __init__(self, programs: Sequence[Program], runs: Mapping[int, Lane], outcomes: dict[int, Outcome]):
        self._programs, self._outcomes = programs, outcomes
        self._labels = [label(program, {run: lane.swept for run, lane in runs.items()}) for program in programs]
        self._jobs = {run: lane.job for run, lane in runs.items()}
        self._folders = {run: lane.folder for run, lane in runs.items()}
        left = [lane for lane in runs.values() if not is_over(lane.folder, lane.job)]
        self._total = sum(lane.job.steps for lane in left)
        self._done = [0] * len(programs)
        self._tenths = [-1] * len(programs)
        self._began = self._before = 0.0
        self._first: dict[int, tuple[float, int]] = {}
        self._bars: Any = None
        self._tasks: dict[int, Any] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Display:
        for number, program in enumerate(self._programs):
            if program.stride > 1:
                self._say(f"{self._name(number)}: {_thinned(program, self._jobs[program.runs[0]])}")
        if sys.stderr.isatty():
            self._begin_bars()
        return Display(self.progress, self.ended)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _name(self, number: int) -> str:
        own = f" ({self._labels[number]})" if self._labels[number] else ""
        return f"program {number + 1} of {len(self._programs)}{own}"

    def _say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def _begin_bars(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[text]}"),
            TimeRemainingColumn(),
        )
        self._bars = self._stack.enter_context(Progress(*columns, console=Console(stderr=True), transient=True))
        self._tasks[-1] = self._bars.add_task(f"{len(self._jobs)} runs", total=self._total, text="")

    def progress(self, number: int, now: Progress) -> None:
        """Show how far a program is."""
        if number not in self._first:
            # The compilation, and what a resumed program has behind it, say nothing about what is left.
            self._before += now.runs * now.step
            self._began = self._began or time.perf_counter()
        self._done[number] = now.runs * now.step
        pace = now.runs * now.steps_per_second
        self._remember(number, now)
        sentence = f"{now.alive} of {now.runs} runs  step {now.step:,}/{now.steps:,}  {pace:,.0f} steps/s"
        trained = (sum(self._done) - self._before) / max(time.perf_counter() - self._began, 1e-9)
        left = f", {span((self._total - sum(self._done)) / trained)} left" if trained else ""
        if self._bars is not None:
            if number not in self._tasks:
                self._tasks[number] = self._bars.add_task(self._name(number), total=now.steps, text="")
            self._bars.update(self._tasks[number], completed=now.step, text=sentence)
            self._bars.update(self._tasks[-1], completed=sum(self._done), text=self._counts())
        elif now.step * TENTHS // now.steps > self._tenths[number]:
            self._tenths[number] = now.step * TENTHS // now.steps
            own = now.runs * (now.steps - now.step) / max(pace, 1e-9)
            self._say(f"{self._name(number)}: {sentence}  {span(own)} left; all: {self._counts()}{left}")

    def _remember(self, number: int, now: Progress) -> None:
        # From the first chunk on, which the compilation is in.
        began, first = self._first.setdefault(number, (time.perf_counter(), now.step))
        if now.step == now.steps > first:
            job, taken = self._jobs[self._programs[number].runs[0]], time.perf_counter() - began
            cache.remember_pace(job.experiment, now.alive * (now.step - first) / taken, mapping(job))

    def ended(self, run: int, outcome: Outcome) -> None:
        """Note how a run ended."""
        self._outcomes[run] = outcome
        if outcome.status == FAILED:
            say(failure(self._folders[run], outcome))

    def _counts(self) -> str:
        counts = Counter(outcome.status for outcome in self._outcomes.values())
        return ", ".join(f"{count} {status}" for status, count in counts.items()) or "none ended yet"


def _thinned(program: Program, job: Job) -> str:
    everies = {"evaluated": job.eval_every * program.stride, "drawn": job.image_every * program.stride}
    told = [f"{what} every {every:,} steps" for what, every in everies.items() if 0 < every < job.steps]
    often = f"{' and '.join(told)}, and at the end" if told else "evaluated and drawn at the end"
    return f"{len(program.runs)} runs are {often} (sweep.observed_runs={job.sweep.observed_runs})"


def show_plan(runs: Sequence[tuple[Sequence[str], Job]], folder: Path) -> None:
    """Print what a sweep would be: its runs, each overrides and job, its programs, and the time where it is known."""
    jobs = {number: job for number, (_, job) in enumerate(runs)}
    swept = dict(enumerate(swept_of([overrides for overrides, _ in runs])))
    programs = plan(jobs)
    for number, (overrides, _) in enumerate(runs[:MOST_SHOWN]):
        print(f"  {number}: {' '.join(overrides)}")
    if len(runs) > MOST_SHOWN:
        print(f"  and {len(runs) - MOST_SHOWN} more")
    for number, program in enumerate(programs, 1):
        common = label(program, swept)
        length = f"{len(program.runs)} runs of {jobs[program.runs[0]].steps:,} steps"
        print(f"program {number}: {length}{f', {common}' if common else ''}")
    taken = seconds(programs, jobs)
    time_left = "not known before these programs have run here once" if taken is None else f"about {span(taken)}"
    print(f"{len(runs)} runs in {len(programs)} programs, lanes={mapping(jobs[0])}, in {folder}; time: {time_left}")


def show_end(folder: Path, states: Sequence[str], metric: str | None) -> None:
    """The table of settings, the best of them, what went wrong, and what to type next; `states` are those of the runs."""
    from ganexp.report.runs import ReportError, read
    from ganexp.report.summary import summarize
    from ganexp.report.table import console, print_summary

    screen = console()
    try:
        print_summary(summarize(read([folder]), None if metric is None else [metric]), screen)
    except ReportError as error:
        screen.print(str(error), highlight=False, markup=False, soft_wrap=True)
    told = ", ".join(f"{count} {state}" for state, count in Counter(states).items())
    place = shlex.quote(str(folder))
    screen.print(f"{len(states)} runs: {told}; everything is in {place}", highlight=False, soft_wrap=True)
    if not {"finished", "diverged", "failed"}.issuperset(states):
        screen.print(f"go on:  ganexp resume {place}", highlight=False, soft_wrap=True)
    screen.print(f"look:   ganexp report {place}", highlight=False, soft_wrap=True)
    screen.print(f"        {tensorboard(place)}", highlight=False, soft_wrap=True)
