"""Whenever a run or a sweep is killed, and however often: what goes on leads to the uninterrupted one, bit for bit."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import jax
import pytest
from campaign import LONGEST, debris, form, seeded
from moments import Moment, moments, state

from ganexp import checkpoints

COUNT = form(7, 60)
NETS = tuple(f"model.{player}.{size}" for player in ("generator", "discriminator") for size in ("width=8", "depth=1"))
LOOKS = ("log_every=10", "eval_every=100", "image_every=100", "checkpoint_every=25", "eval_samples=2000")
RUN = (*NETS, *LOOKS, "batch_size=8", "steps=200")
SWEEP = ("-m", *RUN, "loss=minimax,non_saturating", "seed=0,1")
ENDED = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}

# Each moment costs two to four processes that import, compile and train.
pytestmark = [pytest.mark.exact, pytest.mark.slow]


class Ended(NamedTuple):
    """How a command ended: its exit status, or less than 0 by a signal's default; and what it said."""

    status: int
    out: str
    said: str


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> dict[str, str]:
    """Compiled programs are shared by all commands."""
    home = tmp_path_factory.getbasetemp()
    kept = jax.config.jax_compilation_cache_dir or str(home / "jax")
    caches = {"XDG_CACHE_HOME": str(home / "cache"), "JAX_COMPILATION_CACHE_DIR": kept}
    return {**os.environ, **caches, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}


@contextlib.contextmanager
def heard() -> Iterator[None]:
    """No signal is ignored by a process that is started in the body, as `nohup` or a shell's background would have it."""
    numbers = [number for number in ENDED if signal.getsignal(number) == signal.SIG_IGN]
    for number in numbers:
        signal.signal(number, lambda *heard: None)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)


def ganexp(
    environment: dict[str, str], home: Path, *words: str, until: Callable[[float], int] = lambda began: 0
) -> Ended:
    """The command in a process of its own, with the current folder `home`; `until` says which signal it gets now, if any."""
    program = Path(sys.executable).with_name("ganexp")
    with (home / "out").open("w+") as out, (home / "said").open("w+") as said, heard():
        process = subprocess.Popen([program, *words], cwd=home, env=environment, stdout=out, stderr=said)
        began = time.monotonic()
        try:
            while process.poll() is None:
                if number := until(began):
                    process.send_signal(number)
                    break
                time.sleep(0.005)
            process.wait(LONGEST)
        finally:
            process.kill()
            process.wait()
    return Ended(process.returncode, (home / "out").read_text(), (home / "said").read_text())


class Whole(NamedTuple):
    """An uninterrupted run or sweep, and how long it took with everything compiled."""

    folder: Path
    seconds: float


@pytest.fixture(scope="module")
def whole(environment, tmp_path_factory) -> Callable[[bool], Whole]:
    made: dict[bool, Whole] = {}

    def make(sweep: bool) -> Whole:
        if sweep not in made:
            home = tmp_path_factory.mktemp("whole")
            for name in ("cold", "warm"):
                began = time.monotonic()
                ended = ganexp(environment, home, *(SWEEP if sweep else RUN), f"out={name}")
                assert ended.status == 0, ended
            made[sweep] = Whole(home / "warm", time.monotonic() - began)
            assert not differences(home / "cold", home / "warm")
        return made[sweep]

    return make


@pytest.mark.parametrize("number", range(COUNT))
def test_what_was_killed_goes_on_as_if_it_had_not_been(number, environment, whole, tmp_path):
    chance, sweep = seeded("kill", number), number % 3 == 1
    expected, folder = whole(sweep), tmp_path / "run"
    story: list[str] = []
    for moment in moments(chance, number, sweep):
        if not finished(folder):
            killed(environment, folder, next_words(folder, sweep, chance), moment, expected.seconds, story)
    attempts = 0
    while not finished(folder):
        words, attempts = next_words(folder, sweep, chance), attempts + 1
        ended = ganexp(environment, tmp_path, *words)
        story.append(told(words, "to its end", folder, ended))
        assert ended.status == 0, seen(number, story)
        assert not debris(ended.said), seen(number, story)
        assert attempts < 2, seen(number, story)
    assert not differences(folder, expected.folder), (
        f"{differences(folder, expected.folder)} differ: {seen(number, story)}"
    )
    assert not left_over(folder), f"{left_over(folder)} left over: {seen(number, story)}"


def next_words(folder: Path, sweep: bool, chance: random.Random) -> tuple[str, ...]:
    """What a person types next: the same again, where nothing is there of the run, or `resume`."""
    began = (folder / ("sweep.json" if sweep else "run.json")).exists()
    again = (*(SWEEP if sweep else RUN), f"out={folder}")
    return ("resume", str(folder)) if began and chance.random() < 0.7 else again


def killed(
    environment: dict[str, str], folder: Path, words: tuple[str, ...], moment: Moment, seconds: float, story: list[str]
) -> None:
    """Have a command killed at a moment, unless it ends before; what it leaves is as it should be."""
    before = state(folder)
    ended = ganexp(
        environment,
        folder.parent,
        *words,
        until=lambda began: moment.signal if moment.has_come(folder, began, seconds) else 0,
    )
    story.append(told(words, str(moment), folder, ended))
    about = "\n".join(story)
    assert not debris(ended.said), about
    allowed = {0, -moment.signal, *(ENDED[number] for number in ENDED if number == moment.signal)}
    assert ended.status in allowed, about
    if moment.signal != signal.SIGKILL:
        assert state(folder) != "running" or before == "running", f"left as if it were running: {about}"
    # The runs of a sweep have their states in one file of their program.
    if ended.status > 0 and state(folder) == "interrupted":
        step = json.loads((folder / "run.json").read_text())["step"]
        assert step == 0 or checkpoints.paths(folder)[0].stem == f"{step:010d}", about


def finished(folder: Path) -> bool:
    """Whether all is done in the folder."""
    if (folder / "sweep.json").exists():
        names = [run["name"] for run in json.loads((folder / "sweep.json").read_text())["runs"]]
        return all(state(folder / name) == "finished" for name in names) and not (folder / "programs").exists()
    return state(folder) == "finished"


def told(words: tuple[str, ...], when: str, folder: Path, ended: Ended) -> str:
    left = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.suffix in (".ckpt", ".partial"))
    return (
        f"ganexp {shlex.join(words)}\n  {when}: status {ended.status}, stdout {ended.out[-300:]!r}, "
        f"stderr {ended.said[-500:]!r}\n  left {left}"
    )


def seen(number: int, story: list[str]) -> str:
    return f"moment {number}:\n" + "\n".join(story)


def differences(one: Path, other: Path) -> list[str]:
    """What is recorded of two runs, or of all runs of two sweeps, and is not the same to the last bit."""
    runs = [path.parent.relative_to(other) for path in (*other.glob("run.json"), *other.glob("*/run.json"))]
    found = []
    for run in runs:
        names = ["metrics.csv", "frames.bin", *(f"images/{path.name}" for path in (other / run / "images").iterdir())]
        names.append(f"checkpoints/{checkpoints.paths(other / run)[0].name}")
        found += [str(run / name) for name in names if _bytes(one / run / name) != _bytes(other / run / name)]
        said = [json.loads((home / run / "run.json").read_text()) for home in (one, other)]
        found += [
            f"{run}: {key}" for key in ("status", "step", "final", "settings", "job") if said[0][key] != said[1][key]
        ]
        pictures = [{path.name for path in (home / run / "images").iterdir()} for home in (one, other)]
        found += sorted(pictures[0] ^ pictures[1])
    return found


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def left_over(folder: Path) -> list[str]:
    """What should be gone at the end."""
    names = [
        path
        for path in folder.rglob("*")
        if path.name.endswith(".partial") or path.name in ("programs", ".writable", "error.txt")
    ]
    return sorted(str(path.relative_to(folder)) for path in names)
