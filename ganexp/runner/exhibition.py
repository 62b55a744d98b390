"""The frames of a run's views, as they are recorded, and the pictures that are drawn of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ganexp.experiment import Experiment
from ganexp.job import Job
from ganexp.observe.view import Frame, History, View
from ganexp.records.frames import FrameFile
from ganexp.records.table import TABLE_NAME, read_table
from ganexp.types import Image


class Artists:
    """Who draws the views of one experiment: each is made when it is first needed, and draws one picture after the other."""

    def __init__(self, experiment: Experiment):
        self._experiment = experiment
        self._made: dict[str, Any] = {}

    def draw(self, name: str, view: View, frames: Sequence[Frame], step: int) -> Image | None:
        """The picture of a view at a step, from its frame or, of a `whole` one, all so far; None where there is nothing to see yet."""
        if not frames:
            return None
        if name not in self._made:
            self._made[name] = view.artist(self._experiment)
        return view.draw(frames, step, self._experiment, self._made[name])


class Exhibition:
    """Records the frames of a run's views in `file`, and draws them; `save` is given the pictures, by step and name.

    The rows of metrics.csv that the next frames hold are taken from `folder`, where a run goes on.
    """

    def __init__(
        self,
        job: Job,
        folder: Path,
        file: FrameFile,
        artists: Artists,
        save: Callable[[int, str, Image], None],
    ):
        self._job, self._file, self._artists, self._save = job, file, artists, save
        self._newest: dict[str, Frame] = {}
        known = recorded(job)
        # Of each view with columns, the rows since its last frame.
        self._rows = {
            name: rows(folder / TABLE_NAME, view.columns, self._file.last(name))
            for name, view in job.view.items()
            if view.columns and known.issuperset(view.columns)
        }

    def note(self, step: int, scalars: Mapping[str, float]) -> None:
        """Remember the scalars of a step for the views whose frames hold some."""
        for name, kept in self._rows.items():
            columns = self._job.view[name].columns
            if all(column in scalars for column in columns):
                kept.append((step, *(scalars[column] for column in columns)))

    def add(self, step: int, name: str, read: Mapping[str, Any]) -> None:
        """Record the frame of a view, of which this was read."""
        view, first = self._job.view[name], self._file.last(name) is None
        table = as_columns(view.columns, self._rows[name]) if name in self._rows else None
        arrays = view.frame(self._job.experiment, read, History(first, table))
        self._newest.pop(name, None)
        if arrays is not None:
            frame = Frame(step, arrays)
            self._file.append(name, frame)
            if name in self._rows:
                self._rows[name] = []
            if not view.whole:
                self._newest[name] = frame

    def show(self, step: int, name: str) -> None:
        """Draw a view at a step."""
        view = self._job.view[name]
        newest = self._newest.pop(name, None)
        frames = self._file.frames(name) if view.whole else [newest] if newest is not None else []
        image = self._artists.draw(name, view, frames, step)
        if image is not None:
            self._save(step, name, image)

    def flush(self) -> None:
        """Write what waits for its batch."""
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def recorded(job: Job) -> set[str]:
    """The columns of metrics.csv that are known from the start."""
    losses = {f"loss/{name}" for name in job.experiment.losses()}
    return losses.union(*(metric.better for metric in job.metric.values()))


def rows(table: Path, columns: Collection[str], after: int | None, until: float = math.inf) -> list[tuple[float, ...]]:
    """The step and these columns of metrics.csv, of the rows behind step `after`, up to `until`, that have a number in the last."""
    known = read_table(table)
    if not known.keys() >= {*columns}:
        return []
    found = zip(*(known[column].tolist() for column in ("step", *columns)), strict=True)
    return [row for row in found if (after is None or row[0] > after) and row[0] <= until and not math.isnan(row[-1])]


def as_columns(columns: Collection[str], rows: Sequence[tuple[float, ...]]) -> dict[str, np.ndarray]:
    """Rows of a step and some numbers as columns by name."""
    names = ("step", *columns)
    return dict(zip(names, np.array(rows, float).reshape(-1, len(names)).T, strict=True))
