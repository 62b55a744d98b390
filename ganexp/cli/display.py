"""What a person sees while a run trains, and at its end."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganexp.runner.outcome import Outcome
from ganexp.runner.pace import Progress

if TYPE_CHECKING:
    from rich.table import Table

FLOOR = "/floor"


@contextmanager
def progress(steps: int) -> Iterator[Callable[[Progress], None]]:
    """A bar on a terminal, and a line every tenth of the run elsewhere; yields what is to be called after each chunk."""
    if not sys.stderr.isatty():
        yield _lines(steps)
        return
    with ExitStack() as stack:
        print("starting ...", end="\r", file=sys.stderr, flush=True)
        update: Callable[[Progress], None] | None = None

        def show(now: Progress) -> None:
            # Made at the first chunk's end: Rich is imported while the device works.
            nonlocal update
            if update is None:
                update = _bar(stack, steps)
            update(now)

        yield show


def _bar(stack: ExitStack, steps: int) -> Callable[[Progress], None]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("step {task.completed:,.0f}/{task.total:,.0f}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[text]}"),
        TimeRemainingColumn(),
    )
    bar = stack.enter_context(Progress(*columns, console=Console(stderr=True), transient=True))
    task = bar.add_task("train", total=steps, text="")
    return lambda now: bar.update(task, completed=now.step, text=_sentence(now))


def _lines(steps: int) -> Callable[[Progress], None]:
    shown = 0

    def show(now: Progress) -> None:
        nonlocal shown
        if now.step * 10 // steps > shown:
            shown = now.step * 10 // steps
            left = (steps - now.step) / max(now.steps_per_second, 1e-9)
            print(f"step {now.step:,}/{steps:,}  {_sentence(now)}  {left:.0f} s left", file=sys.stderr, flush=True)

    return show


def _sentence(now: Progress) -> str:
    parts = [f"{name[0].upper()} {loss:.3f}" for name, loss in now.losses.items() if "/" not in name]
    if "modes/covered" in now.latest:
        parts.append(f"modes {now.latest['modes/covered']:.0f}")
    elif "curve/distance" in now.latest:
        parts.append(f"distance {now.latest['curve/distance']:.3f}")
    return "  ".join([*parts, f"{now.steps_per_second:,.0f} steps/s"])


def show_end(outcome: Outcome, folder: Path) -> None:
    """The final metrics beside what a perfect generator would score, the folder, and what to type next."""
    from rich.console import Console

    console = Console()
    if outcome.reason:
        Console(stderr=True, soft_wrap=True).print(
            f"ganexp: {outcome.status}: {outcome.reason}", highlight=False, markup=False
        )
    if outcome.final:
        console.print(final_table(outcome.final))
    for warning in outcome.warnings:
        Console(stderr=True, soft_wrap=True).print(f"ganexp: warning: {warning}", highlight=False, markup=False)
    place = shlex.quote(str(folder))
    console.print(
        f"{outcome.status} at step {outcome.step:,}; everything is in {place}", highlight=False, soft_wrap=True
    )
    if outcome.status == "interrupted":
        console.print(f"go on:  ganexp resume {place}", highlight=False, soft_wrap=True)
    console.print(f"look:   {tensorboard(place)}", highlight=False, soft_wrap=True)


def tensorboard(place: str) -> str:
    """The line that opens TensorBoard; it shows every picture of the film, where it would by itself show ten."""
    return f"tensorboard --logdir {place} --samples_per_plugin images=1000"


def final_table(final: Mapping[str, float]) -> Table:
    """Metrics by name, each with its floor where it has one."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("metric", overflow="fold")
    table.add_column("value", justify="right")
    table.add_column("a perfect generator", justify="right", style="dim")
    for tag, value in final.items():
        if not tag.endswith(FLOOR):
            floor = final.get(tag + FLOOR)
            table.add_row(tag, number(value), "" if floor is None else number(floor))
    return table


def number(value: Any) -> str:
    """Four digits, and whole numbers as such."""
    return f"{value:.0f}" if float(value).is_integer() and abs(value) < 1e6 else f"{value:.4g}"
