"""One start of a run, with records of every kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ganexp.records.events import EventFile
from ganexp.records.pictures import png_bytes
from ganexp.records.table import TABLE_NAME, Table


def record(folder: Path, steps: range, value: float, start_step: int) -> None:
    """One start of a run that records `value` at all `steps`."""
    file = EventFile(folder, start_step)
    picture = np.full((1, 1, 3), value, np.uint8)
    table = Table(folder / TABLE_NAME, ["loss"], start_step)
    for step in steps:
        file.scalars(step, {"loss": value})
        file.histogram(step, "score", np.full(3, value))
        file.image(step, "samples", png_bytes(picture))
        table.append(step, {"loss": value})
    file.close()
    table.close()
