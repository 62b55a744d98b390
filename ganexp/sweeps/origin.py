"""Where the lanes of a program begin: at its last checkpoint, at those of their own runs, or at the start."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import jax

from ganexp import checkpoints
from ganexp.checkpoints import CheckpointError
from ganexp.component import arrays
from ganexp.job import Job
from ganexp.runner.lanes import Lanes
from ganexp.sweeps.folder import PROGRAMS
from ganexp.training import StepHealth, init, initial_health
from ganexp.types import TrainState

LANES = "lanes"


class Origin(NamedTuple):
    """Runs (their numbers in the sweep) that go on from one step together, each in a lane; the folder of their checkpoints while
    they do; and, where they begin at checkpoints of their own, these."""

    runs: tuple[int, ...]
    home: Path
    own: tuple[Path, ...]


def made(jobs: Sequence[Job]) -> dict[str, Any]:
    """What a checkpoint of lanes says of them: a digest of the settings of each, in their order."""
    return {LANES: [_digest(job) for job in jobs]}


def _digest(job: Job) -> str:
    return hashlib.sha256(json.dumps(job.settings(), sort_keys=True).encode()).hexdigest()


def origins(folder: Path, left: Mapping[int, Path], jobs: Mapping[int, Job]) -> list[Origin]:
    """How the runs of a program that are `left`, in the folders given, go on; `jobs` are those of all of its runs."""
    found, open_ = [], set(left)
    by_digest = {_digest(job): number for number, job in jobs.items()}
    for number in sorted(jobs):
        home = folder / PROGRAMS / str(number)
        runs = _covered(home, by_digest)
        if open_.intersection(runs):
            found.append(Origin(runs, home, ()))
            open_ -= {*runs}
    by_step: dict[int, list[tuple[int, Path]]] = {}
    for number in sorted(open_):
        path = newest(left[number], jobs[number])
        step = 0 if path is None else int(path.stem)
        by_step.setdefault(step, []).append((number, path or left[number]))
    for step, group in by_step.items():
        runs, own = tuple(number for number, _ in group), tuple(path for _, path in group if step)
        found.append(Origin(runs, folder / PROGRAMS / str(runs[0]), own))
    return found


def _covered(home: Path, by_digest: Mapping[str, int]) -> tuple[int, ...]:
    """The runs in the lanes of a program's newest good checkpoint; none where it has none, or one of other runs."""
    settings = _good(home)
    digests = [] if settings is None else settings[1].get(LANES)
    if not isinstance(digests, list) or not all(digest in by_digest for digest in digests):
        return ()
    return tuple(by_digest[digest] for digest in digests)


def forget(folder: Path, runs: Sequence[int]) -> None:
    """Remove the checkpoints of programs of these runs, which have all ended."""
    for number in runs:
        shutil.rmtree(folder / PROGRAMS / str(number), ignore_errors=True)
    with suppress(OSError):
        (folder / PROGRAMS).rmdir()


def newest(folder: Path, job: Job) -> Path | None:
    """The newest good checkpoint that a run left in its own folder; None where it has none, or one that other settings made."""
    found = _good(folder)
    return None if found is None or found[1] != job.settings() else found[0]


def _good(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    for path in checkpoints.paths(folder):
        try:
            return path, checkpoints.settings_of(path)
        except CheckpointError as error:
            print(f"ganexp: {error}; trying the one before it", file=sys.stderr)
    return None


def restored(origin: Origin, lanes: Lanes, job: Job) -> tuple[TrainState, StepHealth] | None:
    """The state and health of all lanes where they go on; None for the start; `job` is one of theirs."""
    if origin.own:
        like = jax.eval_shape(lambda: (init(arrays(job.experiment)), initial_health(job.experiment)))
        found = _first(lambda: [checkpoints.load(path, like)[:2] for path in origin.own])
        return None if found is None else lanes.stack(found)
    together = jax.eval_shape(lanes.start)
    for path in checkpoints.paths(origin.home):
        loaded = _first(lambda path=path: checkpoints.load(path, together))  # type: ignore[misc]
        if loaded is not None:
            return lanes.spread((loaded.state, loaded.health))
    return None


def _first(load: Callable[[], Any]) -> Any:
    try:
        return load()
    except CheckpointError as error:
        print(f"ganexp: {error}; it is not used", file=sys.stderr)
        return None
