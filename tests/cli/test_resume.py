"""A resumed run is the uninterrupted one, bit for bit; and what cannot be resumed is refused."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import DIGITS, NETS, ganexp
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from ganexp import checkpoints
from ganexp.cli import display
from ganexp.runner.pace import Progress

LOOKS = (
    "log_every=5",
    "eval_every=20",
    "image_every=30",
    "checkpoint_every=10",
    "eval_samples=500",
    "final_samples=1000",
)
RING = (*NETS, *LOOKS, "batch_size=16", "steps=60")
VARIANTS = {
    "ring": RING,
    "everything": (
        *RING,
        "penalty=[r1]",
        "schedule=[linear]",
        "schedule.linear.length=50",
        "model.generator.normalization=batch",
        "model.discriminator.normalization=batch",
        "model.discriminator.dropout=0.3",
        "updates=simultaneous",
        "updates.d_steps=3",
        "seed=4294967295",
    ),
    "images and labels": (*DIGITS, *NETS, *LOOKS, "model.conditioning=concat"),
    "dirac": ("dataset=dirac", *LOOKS, "batch_size=4", "steps=60"),
}


COMMAND = Path(sys.executable).with_name("ganexp")
pytestmark = [pytest.mark.exact, pytest.mark.usefixtures("one_cache")]


def train(folder: Path, *overrides: str) -> Path:
    assert ganexp(*overrides, f"out={folder}") == 0
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Callable[[str], Path]:
    """The uninterrupted run of a variant, made once; copy what you change."""
    made: dict[str, Path] = {}

    def make(name: str) -> Path:
        if name not in made:
            made[name] = train(tmp_path_factory.mktemp("whole") / name, *VARIANTS[name])
        return made[name]

    return make


@pytest.fixture
def interrupt(monkeypatch) -> Callable[[int, signal.Signals], None]:
    """Make the next runs get a signal as soon as their display hears of a step at or after the one given."""

    def at(step: int, number: signal.Signals) -> None:
        @contextlib.contextmanager
        def progress(*arguments: object) -> Iterator[Callable[[Progress], None]]:
            def show(told: Progress) -> None:
                if told.step >= step:
                    os.kill(os.getpid(), number)

            yield show

        monkeypatch.setattr(display, "progress", progress)

    return at


def status(folder: Path) -> str:
    return json.loads((folder / "run.json").read_text())["status"]


def events(folder: Path) -> EventAccumulator:
    everything = {"scalars": 0, "images": 0, "histograms": 0, "compressedHistograms": 0, "tensors": 0}
    return EventAccumulator(str(folder), size_guidance=everything).Reload()


def assert_same_run(left: Path, right: Path) -> None:
    assert status(left) == status(right) == "finished"
    assert (left / "metrics.csv").read_text() == (right / "metrics.csv").read_text()
    newest = [checkpoints.paths(folder)[0] for folder in (left, right)]
    assert newest[0].name == newest[1].name
    assert newest[0].read_bytes() == newest[1].read_bytes()
    pictures = [{path.name: path.read_bytes() for path in (folder / "images").iterdir()} for folder in (left, right)]
    assert pictures[0] == pictures[1]
    assert len(pictures[0]) >= 3
    assert (left / "frames.bin").read_bytes() == (right / "frames.bin").read_bytes()
    final = [json.loads((folder / "run.json").read_text())["final"] for folder in (left, right)]
    assert final[0] == final[1] != {}
    assert_same_events(events(left), events(right))


def assert_same_events(left: Any, right: Any) -> None:
    for kind, read, value in (
        ("scalars", "Scalars", "value"),
        ("images", "Images", "encoded_image_string"),
        ("histograms", "Histograms", "histogram_value"),
    ):
        assert sorted(left.Tags()[kind]) == sorted(right.Tags()[kind])
        for tag in left.Tags()[kind]:
            rows = [
                [(event.step, repr(getattr(event, value))) for event in getattr(side, read)(tag)]
                for side in (left, right)
            ]
            steps = [step for step, _ in rows[0]]
            assert steps == sorted({*steps}), f"{tag} has doubled steps"
            assert rows[0] == rows[1], tag


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_signal_saves_where_it_came_and_the_resumed_run_is_the_whole_one(number, whole, interrupt, tmp_path, capsys):
    expected = whole("ring")
    interrupt(35, number)
    assert ganexp(*RING, f"out={tmp_path / 'run'}") in (130, 128 + number)
    assert status(tmp_path / "run") == "interrupted"
    assert checkpoints.paths(tmp_path / "run")[0].stem == "0000000035"
    assert f"ganexp resume {tmp_path / 'run'}" in capsys.readouterr().out
    interrupt(10**9, number)
    assert ganexp("resume", str(tmp_path / "run")) == 0
    assert_same_run(tmp_path / "run", expected)


# Images compile twice as many programs as points: a quarter of a minute.
@pytest.mark.parametrize("variant", ["everything", "dirac", pytest.param("images and labels", marks=pytest.mark.slow)])
def test_a_run_resumed_twice_is_the_whole_one(variant, whole, interrupt, tmp_path):
    expected, folder = whole(variant), tmp_path / "run"
    interrupt(5, signal.SIGTERM)
    assert ganexp(*VARIANTS[variant], f"out={folder}") != 0
    interrupt(45, signal.SIGTERM)
    assert ganexp("resume", str(folder)) != 0
    folder = folder.rename(tmp_path / "elsewhere")
    interrupt(10**9, signal.SIGTERM)
    assert ganexp("resume", str(folder)) == 0
    assert_same_run(folder, expected)


def test_a_finished_run_goes_on_with_more_steps(whole, tmp_path):
    folder = train(tmp_path / "run", *(word for word in RING if word != "steps=60"), "steps=33")
    assert ganexp("resume", str(folder), "steps=60") == 0
    assert_same_run(folder, whole("ring"))


def test_what_changes_no_number_may_change(whole, tmp_path):
    folder = train(tmp_path / "run", *(word for word in RING if word != "steps=60"), "steps=30")
    assert ganexp("resume", str(folder), "steps=60", "log_every=30", "image_every=0", "checkpoint_every=0") == 0
    newest = [checkpoints.paths(run)[0].read_bytes() for run in (folder, whole("ring"))]
    assert newest[0] == newest[1]


def wait_for(happened: Callable[[], bool], process: subprocess.Popen[str], what: str) -> None:
    deadline = time.monotonic() + 120
    while not happened():
        assert process.poll() is None, f"the run ended with {process.returncode} before {what}"
        assert time.monotonic() < deadline, f"no {what} in two minutes"
        time.sleep(0.005)


ENDLESS = (*NETS, "batch_size=16", "steps=10000000", "log_every=20", "eval_every=0", "image_every=0")


def test_kill_9_loses_at_most_checkpoint_every_steps_and_tears_nothing(tmp_path):
    folder, settings = tmp_path / "run", (*ENDLESS, "checkpoint_every=100", "eval_samples=500", "final_samples=1000")
    process = subprocess.Popen([COMMAND, *settings, f"out={folder}"], stderr=subprocess.DEVNULL, text=True)
    rows = random.randint(8, 40)
    table = folder / "metrics.csv"
    wait_for(lambda: table.exists() and table.read_bytes().count(b"\n") > rows, process, f"row {rows}")
    process.kill()
    process.wait()
    assert status(folder) == "running"
    newest = int(checkpoints.paths(folder)[0].stem)
    last = int(table.read_text().split("\n")[-2].partition(",")[0])
    assert 0 <= last - newest <= 100
    # What a kill in the middle of a write leaves.
    with table.open("a") as torn:
        torn.write(f"{last + 20},0.12")
    (folder / "checkpoints" / f"{newest + 100:010d}.ckpt.partial").write_bytes(b"ganexp")
    steps = newest + 130
    assert ganexp("resume", str(folder), f"steps={steps}") == 0
    whole = train(tmp_path / "whole", *(word for word in settings if not word.startswith("steps=")), f"steps={steps}")
    recorded = [int(line.partition(",")[0]) for line in table.read_text().splitlines()[1:]]
    assert recorded == sorted({*range(0, steps, 20), steps})
    assert_same_run(folder, whole)


def test_sigterm_of_the_command_itself(tmp_path):
    folder = tmp_path / "run"
    process = subprocess.Popen(
        [COMMAND, *ENDLESS, f"out={folder}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    table = folder / "metrics.csv"
    wait_for(lambda: table.exists() and table.read_bytes().count(b"\n") > 5, process, "fifth row")
    process.terminate()
    out, errors = process.communicate(timeout=60)
    assert process.returncode in (130, 143)
    assert "Traceback" not in errors
    assert f"ganexp resume {folder}" in out
    assert status(folder) == "interrupted"
    step = json.loads((folder / "run.json").read_text())["step"]
    assert checkpoints.paths(folder)[0].stem == f"{step:010d}"


@pytest.fixture
def run(whole, tmp_path) -> Path:
    """A copy of the finished run of 60 steps."""
    return Path(shutil.copytree(whole("ring"), tmp_path / "run"))


def refused(capsys: Any, *words: str) -> str:
    capsys.readouterr()
    assert ganexp(*words) == 2
    out, said = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in said
    return said.rstrip("\n")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("seed=7", "seed (0 -> 7)"),
        ("model.generator.width=9", "model.generator.width (8 -> 9)"),
        ("eval_samples=400", "eval_samples (500 -> 400)"),
        ("optimizer.learning_rate=0.25", "discriminator_optimizer.learning_rate"),
        ("loss=minimax", "loss (non_saturating -> minimax)"),
    ],
)
def test_what_made_the_numbers_cannot_change(change, named, run, capsys):
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    said = refused(capsys, "resume", str(run), "steps=80", change)
    assert said.count("\n") == 0
    assert named in said
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("steps", [(), ("steps=60",), ("steps=40",)])
def test_steps_that_are_behind_the_run_are_refused(steps, run, capsys):
    said = refused(capsys, "resume", str(run), *steps)
    assert said.startswith(f"ganexp: {run}: is at step 60 already")


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_serves(run, whole, capsys):
    newest, second, _ = checkpoints.paths(run)
    newest.write_bytes(newest.read_bytes()[:-100])
    damage(second)
    capsys.readouterr()
    assert ganexp("resume", str(run)) == 0
    said = capsys.readouterr().err.splitlines()
    assert [str(newest) in said[0], str(second) in said[1]] == [True, True]
    assert_same_run(run, whole("ring"))


def test_a_run_whose_checkpoints_are_all_damaged_is_refused(run, capsys):
    for path in checkpoints.paths(run):
        damage(path)
    said = refused(capsys, "resume", str(run), "steps=80").splitlines()
    assert len(said) == 4
    assert "none of its 3 checkpoints is good" in said[-1]


def test_a_run_that_stopped_before_its_first_checkpoint_begins_anew(run, whole):
    shutil.rmtree(run / "checkpoints")
    assert ganexp("resume", str(run)) == 0
    assert_same_run(run, whole("ring"))


def test_a_run_json_that_is_no_json_is_refused(run, capsys):
    (run / "run.json").write_text('{"status": ')
    assert refused(capsys, "resume", str(run), "steps=80").count("\n") == 0
