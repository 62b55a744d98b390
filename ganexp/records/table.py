"""`metrics.csv`: the scalars of a run, one row per recorded step."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import SupportsFloat

import numpy as np
from jaxtyping import Real

from ganexp.records.atomic import write_atomically
from ganexp.records.growing import AppendOnlyFile

TABLE_NAME = "metrics.csv"


class Table:
    """A CSV file that grows by rows: `step`, then one column per scalar tag.

    Opening it keeps the whole rows with step < `start_step` of an existing file and drops all others. A tag that first
    turns up in a later row adds a column, for which the file is rewritten: name those known beforehand in `tags`. Rows are
    written at once, or in `batches`: see `AppendOnlyFile`.
    """

    def __init__(self, path: Path | str, tags: Iterable[str], start_step: int, batches: bool = False):
        """Open or make the table at `path`; ValueError for a tag `step` or with a comma, quote or line break."""
        self._path, self._batches = Path(path), batches
        columns, rows = read_rows(self._path) if self._path.exists() else ([], [])
        rows = [row for row in rows if int(row[0]) < start_step]
        # Where no row is left, neither are the old columns: the run begins anew, perhaps with other scalars.
        known = columns[1:] if rows else []
        self._rewrite(list(dict.fromkeys([*known, *tags])), rows)

    def append(self, step: int, scalars: Mapping[str, SupportsFloat]) -> None:
        """Add a row, whose values read back equal; a missing tag leaves its cell empty, a new one adds a column."""
        new = [tag for tag in scalars if tag not in self._tags]
        if new:
            narrow = self._file
            narrow.flush()
            self._rewrite([*self._tags, *new], read_rows(self._path)[1])
            narrow.close()
        cells = [repr(float(scalars[tag])) if tag in scalars else "" for tag in self._tags]
        self._file.append(_line([str(step), *cells]))

    def flush(self) -> None:
        """Write the rows that wait for their batch."""
        self._file.flush()

    def close(self) -> None:
        """Close the file; appending afterward raises ValueError."""
        self._file.close()

    def _rewrite(self, tags: list[str], rows: list[list[str]]) -> None:
        for tag in tags:
            if tag == "step" or re.search(r'[,"\r\n]', tag):
                raise ValueError(
                    f"The scalar {tag!r} cannot be a column of {self._path}: rename it, 'step' is taken and a comma, "
                    "a quote or a line break would break the table."
                )
        known = {int(row[0]): dict(zip(tags, row[1:], strict=False)) for row in rows}
        write_atomically(self._path, lines_of(tags, known), durable=True)
        self._tags = tags
        self._file = AppendOnlyFile(self._path, self._batches)


def read_table(path: Path | str) -> dict[str, Real[np.ndarray, " rows"]]:
    """Column to values: `step` as int64, the others as float64 with NaN where empty; torn rows are left out.

    FileNotFoundError if there is no such file, ValueError if it is not a table of this kind.
    """
    columns, rows = read_rows(Path(path))
    if not columns:
        raise ValueError(f"{path} is not a table of scalars: its first line should be 'step' and their names.")
    table = {"step": np.array([int(row[0]) for row in rows], np.int64)}
    for index, tag in enumerate(columns[1:], start=1):
        table[tag] = np.array([float(row[index] or "nan") for row in rows], np.float64)
    return table


def read_rows(path: Path) -> tuple[list[str], list[list[str]]]:
    """Header and whole rows, or two empty lists where there is no header."""
    # What follows the last line break is nothing, or torn.
    lines = path.read_bytes().decode(errors="replace").split("\n")[:-1]
    columns, *rows = [line.split(",") for line in lines] or [[]]
    if columns[:1] != ["step"]:
        return [], []
    return columns, [row for row in rows if len(row) == len(columns) and _is_numbers(row)]


def _is_numbers(row: list[str]) -> bool:
    try:
        int(row[0])
        for cell in row[1:]:
            float(cell or "nan")
    except ValueError:
        return False
    return True


def lines_of(tags: Iterable[str], rows: Mapping[int, Mapping[str, str]]) -> bytes:
    """The content of a table, from the cells of each step by tag."""
    tags = list(tags)
    lines = [["step", *tags], *([str(step), *(row.get(tag, "") for tag in tags)] for step, row in rows.items())]
    return b"".join(map(_line, lines))


def _line(cells: list[str]) -> bytes:
    return (",".join(cells) + "\n").encode()
