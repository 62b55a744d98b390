"""A run of a sweep is the run alone, bit for bit, whatever happens to its neighbors."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from commands import DIGITS, NETS, ganexp

from ganexp import checkpoints
from ganexp.cli import display_sweep
from ganexp.records.table import read_table
from ganexp.runner.lanes import Lanes
from ganexp.runner.recorder import Recorder

LOOKS = (
    "log_every=5",
    "eval_every=20",
    "image_every=20",
    "checkpoint_every=20",
    "eval_samples=500",
    "final_samples=1000",
)
RING = (*NETS, *LOOKS, "batch_size=16", "steps=60", "optimizer=sgd", "penalty=[]", "schedule=[linear]")
# Three lanes on two devices, one of which diverges, and a second program.
SWEPT = ("optimizer.learning_rate=0.01,1e30,0.1", "loss=least_squares,minimax")
IMAGES = (*DIGITS, *NETS, *LOOKS, "model.conditioning=concat")

pytestmark = [pytest.mark.exact, pytest.mark.usefixtures("one_cache")]


def summary(folder: Path) -> dict:
    return json.loads((folder / "run.json").read_text())


def runs(folder: Path) -> list[Path]:
    return sorted(
        (path.parent for path in folder.glob("*/run.json")), key=lambda path: int(path.name.partition("_")[0])
    )


def overrides(run: Path) -> list[str]:
    return yaml.safe_load((run / ".hydra" / "overrides.yaml").read_text())


def assert_same_run(one: Path, other: Path) -> None:
    """Equal in every number and picture, and in the state at the end."""
    assert (one / "metrics.csv").read_bytes() == (other / "metrics.csv").read_bytes()
    for name in ("status", "step", "steps", "seed", "settings", "final", "reason", "warnings"):
        assert summary(one).get(name) == summary(other).get(name), name
    pictures = sorted(path.name for path in (one / "images").iterdir())
    assert pictures == sorted(path.name for path in (other / "images").iterdir())
    for name in pictures:
        assert (one / "images" / name).read_bytes() == (other / "images" / name).read_bytes(), name
    newest = checkpoints.paths(one)[:1]
    assert bool(newest) == (summary(one)["status"] == "finished")
    for path in newest:
        assert path.read_bytes() == (other / "checkpoints" / path.name).read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A sweep of six runs in two programs, two of which diverge; copy what you change."""
    folder = tmp_path_factory.mktemp("whole") / "sweep"
    assert ganexp("-m", *RING, *SWEPT, f"out={folder}") == 3
    return folder


# Slow: more of the same, a second each when compiled.
@pytest.mark.parametrize("number", [1, 3, *(pytest.param(number, marks=pytest.mark.slow) for number in (0, 2, 4, 5))])
def test_a_lane_is_the_run_alone(whole, tmp_path, number):
    run = runs(whole)[number]
    assert ganexp(*overrides(run), f"out={tmp_path / 'alone'}") == (3 if "1e+30" in run.name else 0)
    assert_same_run(run, tmp_path / "alone")


def test_a_sweep_has_a_folder_for_each_run_named_by_what_differs(whole):
    assert [path.name for path in runs(whole)] == [
        f"{number}_loss={loss},learning_rate={rate}"
        for number, (rate, loss) in enumerate(
            (rate, loss) for rate in ("0.01", "1e+30", "0.1") for loss in ("least_squares", "minimax")
        )
    ]
    assert {path.name for path in (runs(whole)[0] / ".hydra").iterdir()} == {
        "config.yaml",
        "hydra.yaml",
        "overrides.yaml",
    }
    assert (whole / "sweep.json").exists()
    # The checkpoints of programs are gone with their runs' end.
    assert not (whole / "programs").exists()


def test_run_json_says_how_the_lane_was_trained(whole):
    told = [summary(run)["sweep"] for run in runs(whole)]
    assert [(one["program"], one["lane"]) for one in told] == [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 2)]
    assert {(one["mode"], one["lanes"], one["devices"]) for one in told} == {("map", 3, 2)}


def test_what_diverges_is_frozen_where_it_did_and_says_why(whole):
    diverged = [run for run in runs(whole) if "1e+30" in run.name]
    assert [summary(run)["status"] for run in diverged] == ["diverged"] * 2
    for run in diverged:
        assert f"at step {summary(run)['step']} the " in summary(run)["reason"]
        assert read_table(run / "metrics.csv")["step"].max() < summary(run)["step"]


def test_the_same_sweep_again_runs_nothing(whole, tmp_path, capsys):
    before = {run.name: run.stat().st_mtime_ns for run in runs(whole)}
    assert ganexp("-m", *RING, *SWEPT, f"out={whole}") == 3
    assert "6 runs: 4 finished, 2 diverged" in capsys.readouterr().out
    assert {run.name: run.stat().st_mtime_ns for run in runs(whole)} == before


def test_another_sweep_in_its_folder_is_refused(whole, capsys):
    before = (whole / "sweep.json").read_bytes()
    assert ganexp("-m", *RING, SWEPT[0], "loss=minimax,non_saturating", f"out={whole}") == 2
    said = capsys.readouterr().err
    assert "holds a different sweep (loss=least_squares,minimax, where now it is loss=minimax,non_saturating)" in said
    assert (whole / "sweep.json").read_bytes() == before


@pytest.mark.parametrize("at", [20, *(pytest.param(at, marks=pytest.mark.slow) for at in (35, 60))])  # more of the same
def test_an_interrupted_sweep_goes_on_as_if_it_had_not_been(whole, tmp_path, monkeypatch, at):
    shown = display_sweep.SweepDisplay.progress
    sent = []

    def progress(self, number, told):
        shown(self, number, told)
        if number == 1 and told.step >= at and not sent:
            sent.append(os.kill(os.getpid(), signal.SIGINT))

    monkeypatch.setattr(display_sweep.SweepDisplay, "progress", progress)
    folder = tmp_path / "sweep"
    assert ganexp("-m", *RING, *SWEPT, f"out={folder}") == 130
    # Of the second program nothing is finished; the first, which has ended before, may be or not.
    assert [summary(run)["status"] for run in runs(folder)][1::2] == ["interrupted", "diverged", "interrupted"]
    assert ganexp("resume", str(folder)) == 3
    for one, other in zip(runs(whole), runs(folder), strict=True):
        assert one.name == other.name
        assert_same_run(one, other)
    assert not (folder / "programs").exists()


@pytest.mark.slow  # Compiles programs of two lanes.
def test_a_damaged_checkpoint_of_a_program_leads_to_the_one_before(whole, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "sweep"
    with pytest.MonkeyPatch.context() as patched:
        # As a kill leaves it: trained to the end, and nothing evaluated.
        patched.setattr("ganexp.runner.recorders.LaneRecorders.end", lambda self, *rest: self.close())
        ganexp("-m", *RING, "optimizer.learning_rate=0.01,0.1", "loss=minimax", f"out={folder}")
    found = checkpoints.paths(folder / "programs" / "0")
    assert [int(path.stem) for path in found] == [60, 40, 20]
    found[0].write_bytes(found[0].read_bytes()[:-7])
    assert ganexp("resume", str(folder)) == 0
    assert "trying the one before it" in capsys.readouterr().err
    for run, number in zip(runs(folder), (1, 5), strict=True):
        assert summary(run)["resumed_from_step"] == 40
        assert (run / "metrics.csv").read_bytes() == (runs(whole)[number] / "metrics.csv").read_bytes()


def test_an_error_of_one_run_leaves_the_others_and_the_run_can_be_mended(whole, tmp_path, monkeypatch, capsys):
    record, folder = Recorder.record, tmp_path / "sweep"

    def failing(self, wanted, *rest):
        if self.job.experiment.generator_optimizer.learning_rate == 0.1 and wanted.step >= 20:
            raise RuntimeError("the disk is on fire")
        record(self, wanted, *rest)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Recorder, "record", failing)
        assert ganexp("-m", *RING, *SWEPT, f"out={folder}") == 3
    assert "RuntimeError: the disk is on fire" in capsys.readouterr().out
    states = {run.name: summary(run)["status"] for run in runs(folder)}
    assert [state for name, state in states.items() if name.endswith("=0.1")] == ["failed"] * 2
    failed = [run for run in runs(folder) if summary(run)["status"] == "failed"]
    assert all("on fire" in summary(run)["reason"] and "Traceback" in (run / "error.txt").read_text() for run in failed)
    for one, other in zip(runs(whole)[:4], runs(folder)[:4], strict=True):
        assert_same_run(one, other)
    assert ganexp("resume", str(folder)) == 3
    for one, other in zip(runs(whole), runs(folder), strict=True):
        assert_same_run(one, other)


def test_a_program_that_cannot_compile_leaves_the_others(whole, tmp_path, monkeypatch, capsys):
    start = Lanes.start

    def failing(self):
        if "LeastSquares" in str(self.inputs.experiment):
            raise MemoryError("no memory for this program")
        return start(self)

    monkeypatch.setattr(Lanes, "start", failing)
    folder = tmp_path / "sweep"
    assert ganexp("-m", *RING, *SWEPT, f"out={folder}") == 3
    assert [summary(run)["status"] for run in runs(folder)][::2] == ["failed"] * 3
    assert "MemoryError: no memory for this program" in summary(runs(folder)[0])["reason"]
    for number in (1, 3, 5):
        assert_same_run(runs(whole)[number], runs(folder)[number])


def test_thinned_records_are_fewer_and_not_others(whole, tmp_path, capsys):
    folder = tmp_path / "sweep"
    assert ganexp("-m", *RING, SWEPT[0], "loss=minimax", "sweep.observed_runs=1", f"out={folder}") == 3
    assert "3 runs are evaluated and drawn at the end (sweep.observed_runs=1)" in capsys.readouterr().err
    for run, number in ((0, 1), (2, 5)):
        thin, full = runs(folder)[run], runs(whole)[number]
        assert summary(thin)["sweep"]["thinned"] == 3
        assert summary(thin)["final"] == summary(full)["final"]
        tables = read_table(thin / "metrics.csv"), read_table(full / "metrics.csv")
        np.testing.assert_array_equal(tables[0]["loss/generator"], tables[1]["loss/generator"])
        evaluated = [table["step"][~np.isnan(table["grid/js"])].tolist() for table in tables]
        assert evaluated == [[60], [0, 20, 40, 60]]
        assert tables[0]["grid/js"][-1] == tables[1]["grid/js"][-1]
        assert {path.name for path in (thin / "images").iterdir()} == {"samples_0000000060.png", "modes_0000000060.png"}


@pytest.mark.slow  # Compiles the vectorized programs.
def test_vectorized_lanes_are_the_runs_alone_up_to_rounding(whole, tmp_path):
    folder = tmp_path / "sweep"
    assert ganexp("-m", *RING, SWEPT[0], "loss=minimax", "sweep.lanes=vmap", f"out={folder}") == 3
    assert [summary(run)["sweep"]["mode"] for run in runs(folder)] == ["vmap"] * 3
    assert [summary(run)["status"] for run in runs(folder)] == ["finished", "diverged", "finished"]
    for run, number in ((0, 1), (2, 5)):
        found, alone = (read_table(place / "metrics.csv") for place in (runs(folder)[run], runs(whole)[number]))
        first = found["step"] <= 50
        for column in ("loss/discriminator", "loss/generator"):
            np.testing.assert_allclose(found[column][first], alone[column][first], rtol=1e-3, atol=1e-4)


def test_a_run_of_a_sweep_goes_on_alone(whole, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(runs(whole)[0], run)
    assert ganexp("resume", str(run), "steps=80") == 0
    assert ganexp(*overrides(runs(whole)[0]), "steps=80", f"out={tmp_path / 'alone'}") == 2  # steps is given twice
    longer = [word for word in overrides(runs(whole)[0]) if not word.startswith("steps=")]
    assert ganexp(*longer, "steps=80", f"out={tmp_path / 'alone'}") == 0
    assert summary(run)["final"] == summary(tmp_path / "alone")["final"]


OTHERS = {
    "images and labels": IMAGES,
    "dirac": ("dataset=dirac", *LOOKS, "batch_size=4", "steps=60"),
}


@pytest.mark.slow  # Compiles the programs of more kinds of data and networks, twice.
@pytest.mark.parametrize("kind", OTHERS)
def test_a_lane_of_others_is_the_run_alone(tmp_path, kind):
    words = OTHERS[kind]
    folder = tmp_path / "sweep"
    assert ganexp("-m", *words, "seed=0,4294967295", "optimizer.learning_rate=1e-3,1e-2", f"out={folder}") == 0
    run = runs(folder)[3]
    assert ganexp(*overrides(run), f"out={tmp_path / 'alone'}") == 0
    assert_same_run(run, tmp_path / "alone")


@pytest.mark.slow  # Three processes that import and compile.
def test_a_sweep_that_was_killed_goes_on_as_if_it_had_not_been(whole, tmp_path):
    folder, program = tmp_path / "sweep", Path(sys.executable).with_name("ganexp")
    process = subprocess.Popen(
        [program, "-m", *RING, *SWEPT, f"out={folder}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    # Dead in the middle of the first program, as soon as it has a checkpoint.
    deadline = time.monotonic() + 120
    while not checkpoints.paths(folder / "programs" / "0") and time.monotonic() < deadline and process.poll() is None:
        pass
    process.kill()
    process.wait()
    assert all(summary(run)["status"] in ("running", "diverged") for run in runs(folder))
    assert ganexp("resume", str(folder)) == 3
    for one, other in zip(runs(whole), runs(folder), strict=True):
        assert_same_run(one, other)
