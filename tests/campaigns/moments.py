"""When a command is killed: after a share of its time, or once something has appeared in its folder."""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Moment(NamedTuple):
    """A signal, and what it comes after: `share` of the uninterrupted time, or that `sign` is there."""

    signal: signal.Signals
    share: float | None
    sign: str | None

    def has_come(self, folder: Path, began: float, whole: float) -> bool:
        """Whether it is time, for a command that began at `began` and takes `whole` seconds."""
        if self.share is not None:
            return time.monotonic() - began >= self.share * whole
        assert self.sign is not None
        return SIGNS[self.sign](folder)


def _has(pattern: str, least: int = 1) -> Callable[[Path], bool]:
    return lambda folder: sum(1 for _ in folder.glob(pattern)) >= least


def _rows(pattern: str, least: int) -> Callable[[Path], bool]:
    return lambda folder: any(_lines(path) > least for path in folder.glob(pattern))


def _lines(path: Path) -> int:
    try:
        return path.read_bytes().count(b"\n")
    except OSError:
        return 0


def _says(pattern: str, status: str) -> Callable[[Path], bool]:
    return lambda folder: any(state(path.parent) == status for path in folder.glob(pattern))


def state(folder: Path) -> str | None:
    """The status of a run; None where it has none."""
    path = folder / "run.json"
    return json.loads(path.read_text())["status"] if path.exists() else None


# Of a run, and of a sweep, in the order in which they appear.
OF_RUN = (
    "folder",
    "run.json",
    "a partial file",
    "a table",
    "a config",
    "a picture",
    "five rows",
    "a checkpoint",
    "three checkpoints",
)
OF_RUN += ("the last picture", "finished")
OF_SWEEP = (
    "sweep.json",
    "a run's folder",
    "a run's table",
    "a run's config",
    "a program's checkpoint",
    "a partial file in it",
)
OF_SWEEP += ("a run's rows", "a run finished", "two finished", "another program")
SIGNS: dict[str, Callable[[Path], bool]] = {
    "folder": Path.exists,
    "run.json": _has("run.json"),
    "a partial file": _has("*.partial"),
    "a table": _has("metrics.csv"),
    "a config": _has(".hydra/config.yaml"),
    "a picture": _has("images/*.png"),
    "five rows": _rows("metrics.csv", 5),
    "a checkpoint": _has("checkpoints/*.ckpt"),
    "three checkpoints": _has("checkpoints/*.ckpt", 3),
    "the last picture": _has("images/*_0000000200.png"),
    "finished": _says("run.json", "finished"),
    "sweep.json": _has("sweep.json"),
    "a run's folder": _has("*/run.json"),
    "a run's table": _has("*/metrics.csv"),
    "a run's config": _has("*/.hydra/config.yaml"),
    "a program's checkpoint": _has("programs/*/checkpoints/*.ckpt"),
    "a partial file in it": _has("*/*.partial"),
    "a run's rows": _rows("*/metrics.csv", 3),
    "a run finished": _says("*/run.json", "finished"),
    "two finished": lambda folder: sum(state(path.parent) == "finished" for path in folder.glob("*/run.json")) >= 2,
    "another program": _has("programs/1"),
}


def moments(chance: random.Random, number: int, sweep: bool) -> list[Moment]:
    """One or two moments at which one command after the other is killed, until one may go on to its end."""
    found = []
    for again in range(chance.choice((1, 1, 1, 2))):
        number_of_signal = SIGNALS[(number + again) % len(SIGNALS)]
        if (number // len(SIGNALS) + again) % 2:
            # Some of them while libraries are imported; before that there is only Python, which is not the program's.
            found.append(Moment(number_of_signal, round(chance.uniform(0.03, chance.choice((0.12, 1.02))), 3), None))
        else:
            found.append(Moment(number_of_signal, None, chance.choice(OF_SWEEP if sweep else OF_RUN)))
    return found
