"""Pictures of a run that is over, or under way: drawn again from its frames, or from a state that it saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

from ganexp.component import arrays
from ganexp.job import Job
from ganexp.observe.view import Frame, History, View
from ganexp.records import frames
from ganexp.records.documents import DocumentError
from ganexp.records.frames import FRAMES_NAME, Entry
from ganexp.records.table import TABLE_NAME
from ganexp.runner.device import SingleRun
from ganexp.runner.exhibition import Artists, as_columns, recorded, rows
from ganexp.runner.observations import read_views
from ganexp.types import Image, TrainState


def index(folder: Path) -> list[Entry]:
    """What frames a run recorded, in order; none where there is no file of them. Raises DocumentError for a damaged one."""
    path = folder / FRAMES_NAME
    return frames.index(path) if path.exists() else []


def read(folder: Path, entries: Sequence[Entry]) -> list[Frame]:
    """These frames of a run; raises DocumentError for a damaged one."""
    return frames.read(folder / FRAMES_NAME, entries)


def from_frames(
    folder: Path, job: Job, views: Mapping[str, View], entries: Sequence[Entry], step: int | None = None
) -> Iterator[tuple[str, int, Image]]:
    """The pictures of some views by name and step, at each of their frames or at one `step` alone."""
    artists = Artists(job.experiment)
    for name, view in views.items():
        own = [entry for entry in entries if entry.view == name]
        for number, entry in enumerate(own):
            if step is None or entry.step == step:
                chosen = own[: number + 1] if view.whole else [entry]
                try:
                    image = artists.draw(name, view, read(folder, chosen), entry.step)
                except (LookupError, TypeError, ValueError) as error:
                    if isinstance(error, DocumentError):
                        raise
                    # Whole, and somebody else's.
                    what = f"holds no frame of {name} at step {entry.step:,} that this run could have recorded"
                    raise DocumentError(folder / FRAMES_NAME, what) from None
                if image is not None:
                    yield name, entry.step, image


def from_state(
    folder: Path, job: Job, views: Mapping[str, View], state: TrainState
) -> Iterator[tuple[str, int, Image]]:
    """The same of a state that the run saved, as if it had recorded these views at its step and never before."""
    runs, step = SingleRun(job.experiment, job.experiment.dataset.load()), int(state.step)
    artists, known = Artists(job.experiment), recorded(job)
    read: dict[str, Any] = jax.device_get(read_views(runs, state, job, arrays(dict(views))))
    for name, view in views.items():
        table = None
        if known.issuperset(view.columns):
            table = as_columns(view.columns, rows(folder / TABLE_NAME, view.columns, None, step))
        found = view.frame(job.experiment, read[name], History(True, table))
        image = None if found is None else artists.draw(name, view, [Frame(step, found)], step)
        if image is not None:
            yield name, step, image
