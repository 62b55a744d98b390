"""`ganexp view`: the pictures of a run drawn again, from its frames or, of a view that it did not record, from a checkpoint."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import NoReturn

import jax

from ganexp import checkpoints
from ganexp.cli import reopen, workspace
from ganexp.cli.exit_codes import FINISHED
from ganexp.config.schema import classes
from ganexp.config.usage_errors import UsageError
from ganexp.job import Job
from ganexp.observe.view import View
from ganexp.records.atomic import write_atomically
from ganexp.records.documents import read_bytes
from ganexp.records.frames import Entry
from ganexp.records.links import refuse_links
from ganexp.records.pictures import png_bytes
from ganexp.runner import redraw
from ganexp.spelling import did_you_mean
from ganexp.types import Image

USAGE = "ganexp view RUN_FOLDER [--step N] [--view NAME,NAME] [--out FOLDER]"
Pictures = Iterable[tuple[str, int, Image]]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"view: {message}; it is typed {USAGE}")


def command(words: Sequence[str]) -> int:
    """Draw what was asked for of the run in the folder named, beside its other pictures or in `--out`; the exit status."""
    parser = _Parser(prog="ganexp view", add_help=False, allow_abbrev=False)
    parser.add_argument("folders", nargs="*")
    parser.add_argument("--step", type=_step)
    parser.add_argument("--view", type=lambda text: [name for name in text.split(",") if name], default=[])
    parser.add_argument("--out", type=Path)
    typed = parser.parse_intermixed_args(list(words))
    if len(typed.folders) != 1:
        raise UsageError(f"view needs the folder of one run: {USAGE}")
    folder = workspace.begun(typed.folders[0])
    job = reopen.job_of(folder, reopen.summary(folder))
    if typed.out is None:
        refuse_links(folder)
    place = folder / "images" if typed.out is None else workspace.begun(str(typed.out))
    return _leave(place, _pictures(folder, job, typed.view, typed.step))


def _step(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a step; it must be a whole number")
    return int(text)


def _leave(place: Path, pictures: Pictures) -> int:
    """Write the pictures into the folder `place`; what is there already is left, and may not be another picture."""
    # All are drawn before the first is written: a damaged frame leaves nothing behind.
    drawn = {place / f"{name}_{step:010d}.png": png_bytes(image) for name, step, image in pictures}
    new = {path: png for path, png in drawn.items() if not path.exists()}
    for path, png in drawn.items():
        if path not in new and read_bytes(path) != png:
            raise UsageError(
                f"{path}: is another picture than the one drawn now; choose another folder with --out FOLDER"
            )
    if new:
        workspace.make(place)
    for path, png in new.items():
        write_atomically(path, png, durable=False)
    if not drawn:
        print("no picture was drawn: there is nothing to see yet")
    else:
        same = len(drawn) - len(new)
        print(f"pictures in {place}: {len(new)} drawn" + (f", and {same} that were there already" if same else ""))
    return FINISHED


def _pictures(folder: Path, job: Job, names: Sequence[str], step: int | None) -> Pictures:
    entries = redraw.index(folder)
    there = list(dict.fromkeys(entry.view for entry in entries))
    known = {name: job.view.get(name) or cls() for name, cls in classes(View).items()}
    fitting = [name for name, view in known.items() if view.fits(job.experiment) is None]
    for name in names:
        if name not in fitting:
            why = (
                f"cannot be drawn of this run: {known[name].fits(job.experiment)}"
                if name in known
                else "there is no such view"
            )
            raise UsageError(f"--view {name}: {why}; {_choice(there, fitting)}{did_you_mean(name, fitting)}")
    chosen = {name: known[name] for name in names or there or job.view if name in fitting}
    if not chosen:
        raise UsageError(f"{folder}: no frames were recorded (view=[]); {_choice(there, fitting)}")
    saved = [int(path.stem) for path in checkpoints.paths(folder)]
    if step is None:
        recorded = {name: view for name, view in chosen.items() if name in there}
        others = {name: view for name, view in chosen.items() if name not in there}
        return chain(redraw.from_frames(folder, job, recorded, entries), _saved(folder, job, others, None))
    framed = {name: view for name, view in chosen.items() if _framed(entries, name, step)}
    others = {name: view for name, view in chosen.items() if name not in framed} if names or not framed else {}
    if others and step not in saved:
        steps = {entry.step for entry in entries if entry.view in others}
        raise UsageError(f"--step {step}: {_absent(folder, list(others), step, steps, saved)}")
    return chain(redraw.from_frames(folder, job, framed, entries, step), _saved(folder, job, others, step))


def _framed(entries: Sequence[Entry], name: str, step: int) -> bool:
    return any((entry.view, entry.step) == (name, step) for entry in entries)


def _saved(folder: Path, job: Job, views: Mapping[str, View], step: int | None) -> Pictures:
    """Pictures of the checkpoint at `step`, or of the newest."""
    if not views:
        return []
    checkpoint = reopen.newest(folder, job, step)
    if checkpoint is None:
        raise UsageError(f"{folder}: has no frames of {', '.join(views)}, and no checkpoint yet to draw from")
    workspace.load_data(job)
    return redraw.from_state(folder, job, views, jax.device_put(checkpoint.state))


def _choice(there: Sequence[str], fitting: Sequence[str]) -> str:
    others = [name for name in fitting if name not in there]
    parts = [
        f"recorded are {', '.join(there)}" if there else "",
        f"a checkpoint can be drawn as {', '.join(others)}" if others else "",
    ]
    return "; ".join(filter(None, parts))


def _absent(folder: Path, names: Sequence[str], step: int, steps: set[int], saved: Sequence[int]) -> str:
    """What there is in place of a step that has neither a frame nor a checkpoint."""
    near = sorted(steps, key=lambda known: (abs(known - step), known))[:2]
    frames = f"the nearest are of {' and '.join(f'{known:,}' for known in sorted(near))}" if near else "there are none"
    states = (
        f"checkpoints are of {', '.join(f'{known:,}' for known in sorted(saved))}"
        if saved
        else "there is no checkpoint"
    )
    return f"{folder} has no frame of {', '.join(names)} at this step, {frames}; {states}"
