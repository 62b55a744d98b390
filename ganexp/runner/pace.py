"""How fast runs go: how long a chunk is, what a display is told after it, and what the seconds were spent on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

# How often the progress shows and a signal is heard. Chunks are cut to it by the clock, which changes no number; those of many
# runs are longer, because a block of random numbers that is cut is drawn twice.
SECONDS_ALONE, SECONDS_TOGETHER = 0.5, 2.0
FIRST_CHUNK = 10


class Progress(NamedTuple):
    """What a progress display is told after each chunk: of how many runs, how many still train; and of the first of these the losses
    and what was recorded last."""

    runs: int
    alive: int
    step: int
    steps: int
    steps_per_second: float
    losses: dict[str, float]
    latest: dict[str, float]


class Clock:
    """Seconds by what they were spent on; records are written while training goes on, so that the sum can be more than the total."""

    def __init__(self) -> None:
        self.seconds = {"start": 0.0, "compile": 0.0, "train": 0.0, "metrics": 0.0, "records": 0.0}

    @contextmanager
    def spent(self, on: str) -> Iterator[None]:
        """Count the body's seconds."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[on] += time.perf_counter() - began


class Pace:
    """The length of the next chunk of `runs` that draw `block` steps' random numbers at once."""

    def __init__(self, runs: int, block: int):
        self.length = FIRST_CHUNK
        self._seconds, self._block = SECONDS_ALONE if runs == 1 else SECONDS_TOGETHER, block
        self._since = 0.0

    def start(self) -> None:
        """Note that the first chunk begins."""
        self._since = time.perf_counter()

    def took(self, steps: int) -> float:
        """Note that the chunk of so many steps is over; how many each run made a second."""
        now = time.perf_counter()
        pace, self._since = steps / max(now - self._since, 1e-9), now
        most = int(pace * self._seconds)
        self.length = max(FIRST_CHUNK, most // self._block * self._block or most)
        return pace
