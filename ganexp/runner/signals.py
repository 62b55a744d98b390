"""Signals: heard between two chunks, and told to whoever asks."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def interruptible() -> Iterator[Callable[[], int]]:
    """While the body runs, Ctrl-C, SIGTERM and SIGHUP only set what the yielded function tells: the signal's number, or 0."""
    heard: list[int] = []
    before: dict[int, Any] = {}
    for number in map(int, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)):
        # What is ignored stays so: `nohup` asks for that.
        if signal.getsignal(number) == signal.SIG_IGN:
            continue
        # Python lets only the main thread set handlers; elsewhere (a notebook's worker) signals stay as they are.
        try:
            before[number] = signal.signal(number, lambda number, frame: heard.append(number))
        except ValueError:
            break
    try:
        yield lambda: heard[0] if heard else 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
