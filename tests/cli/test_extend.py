"""A sweep gets longer, or more runs, and nothing is run twice: what comes of it is the sweep that had them from the start."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from commands import NETS, ganexp
from runs_of import assert_same_run

from ganexp import checkpoints

SMALL = (
    *NETS,
    "batch_size=8",
    "eval_samples=500",
    "final_samples=500",
    "log_every=5",
    "eval_every=20",
    "image_every=20",
    "checkpoint_every=10",
)
SWEPT = ("seed=0,1,2", "loss=minimax,least_squares")

pytestmark = [pytest.mark.exact, pytest.mark.usefixtures("one_cache")]


def summary(folder: Path) -> dict:
    return json.loads((folder / "run.json").read_text())


def runs(folder: Path) -> list[Path]:
    return sorted(
        (path.parent for path in folder.glob("*/run.json")), key=lambda path: int(path.name.partition("_")[0])
    )


def content(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def short(tmp_path_factory) -> Path:
    """A sweep of six runs of 40 steps in two programs; copy what you change."""
    folder = tmp_path_factory.mktemp("short") / "sweep"
    assert ganexp("-m", *SMALL, "steps=40", *SWEPT, f"out={folder}") == 0
    return folder


@pytest.fixture(scope="module")
def long(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("long") / "sweep"
    assert ganexp("-m", *SMALL, "steps=60", *SWEPT, f"out={folder}") == 0
    return folder


@pytest.fixture
def sweep(short, tmp_path) -> Path:
    return Path(shutil.copytree(short, tmp_path / "sweep"))


def test_a_longer_sweep_is_the_one_that_was_as_long_from_the_start(sweep, long, capsys):
    assert ganexp("resume", str(sweep), "steps=60", "--dry-run") == 0
    assert "3 runs of 60 steps" in capsys.readouterr().out
    assert {summary(run)["step"] for run in runs(sweep)} == {40}
    assert ganexp("resume", str(sweep), "steps=60") == 0
    assert "6 runs: 6 finished" in capsys.readouterr().out
    for one, other in zip(runs(sweep), runs(long), strict=True):
        assert one.name == other.name
        assert summary(one)["resumed_from_step"] == 40
        assert_same_run(one, other)
    assert not (sweep / "programs").exists()
    # It is the longer sweep now, and the shorter one is another.
    before = content(sweep)
    assert ganexp("-m", *SMALL, "steps=40", *SWEPT, f"out={sweep}") == 2
    assert "holds a different sweep (steps=60, where now it is steps=40)" in capsys.readouterr().err
    assert content(sweep) == before
    assert ganexp("-m", *SMALL, "steps=60", *SWEPT, f"out={sweep}") == 0
    assert {
        path: data for path, data in content(sweep).items() if "tfevents" not in path.name and path.name != "sweep.json"
    } == {path: data for path, data in before.items() if "tfevents" not in path.name and path.name != "sweep.json"}


def test_a_run_without_a_good_checkpoint_begins_anew_when_its_sweep_gets_longer(sweep, long, capsys):
    lost = runs(sweep)[2]
    for path in checkpoints.paths(lost):
        path.write_bytes(path.read_bytes()[:-5])
    assert ganexp("resume", str(sweep), "steps=60") == 0
    assert "truncated or was changed" in capsys.readouterr().err
    for one, other in zip(runs(sweep), runs(long), strict=True):
        assert_same_run(one, other)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("steps=20",), "is at step 40 already; give it more"),
        (("seed=7",), "seed=7 would be another sweep"),
        (("steps=60", "log_every=1"), "log_every=1 would be another sweep"),
        (("steps=many",), "it must be a whole number"),
        (("epochs=2",), "epochs: this data set has none"),
    ],
)
def test_a_sweep_goes_on_as_it_was_or_longer(words, sentence, sweep, capsys):
    before = content(sweep)
    assert ganexp("resume", str(sweep), *words) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
    assert content(sweep) == before


def test_one_run_of_a_sweep_is_not_longer_than_the_others(sweep, capsys):
    lane = runs(sweep)[0]
    assert ganexp("resume", str(lane), "steps=60") == 2
    assert f"ganexp resume {sweep} steps=60" in capsys.readouterr().err
    assert summary(lane)["step"] == 40


def test_more_seeds_join_a_finished_sweep(sweep, tmp_path, capsys):
    before = content(sweep)
    assert ganexp("extend", str(sweep), "seed=range(1,5)", "--dry-run") == 0
    assert content(sweep) == before
    assert ganexp("extend", str(sweep), "seed=range(1,5)") == 0
    said = capsys.readouterr()
    assert "4 new runs, 6 that are there" in said.err
    assert "10 runs: 10 finished" in said.out
    assert [run.name for run in runs(sweep)[6:]] == [
        "6_loss=minimax,seed=3",
        "7_loss=least_squares,seed=3",
        "8_loss=minimax,seed=4",
        "9_loss=least_squares,seed=4",
    ]
    for path in before:
        if path.parent != sweep:
            assert path.read_bytes() == before[path], "a finished run was touched"
    both = tmp_path / "both"
    assert ganexp("-m", *SMALL, "steps=40", "seed=3,4", SWEPT[1], f"out={both}") == 0
    for one, other in zip(runs(sweep)[6:], runs(both), strict=True):
        assert_same_run(one, other)
    capsys.readouterr()
    assert ganexp("report", str(sweep), "--format", "csv") == 0
    assert capsys.readouterr().out.count(",5,") >= 2
    # All of it goes on, by resume and by the command that began it.
    assert ganexp("resume", str(sweep)) == 0
    assert ganexp("-m", *SMALL, "steps=40", *SWEPT, f"out={sweep}") == 0
    assert ganexp("extend", str(sweep), "seed=range(5)") == 2
    assert "holds all of these 10 runs already" in capsys.readouterr().err


def test_another_value_joins_too_and_is_in_the_names(sweep):
    assert ganexp("extend", str(sweep), "loss=non_saturating", "seed=0,1") == 0
    assert [run.name for run in runs(sweep)[6:]] == [f"{6 + seed}_loss=non_saturating,seed={seed}" for seed in (0, 1)]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "extend needs the folder of a sweep"),
        (("SWEEP",), "extend needs the folder of a sweep"),
        (("nowhere", "seed=3"), "is not the folder of a sweep"),
        (("SWEEP", "seed=0,1"), "holds all of these 4 runs already"),
        (("SWEEP", "seed=-1"), "seed: -1 is out of range"),
        (("SWEEP", "sede=3"), "did you mean seed?"),
        (("SWEEP", "seed=3", "-m"), "extend takes no -m; it takes --dry-run"),
    ],
)
def test_what_cannot_join_is_refused(words, sentence, sweep, capsys):
    before = content(sweep)
    assert ganexp("extend", *(str(sweep) if word == "SWEEP" else word for word in words)) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
    assert content(sweep) == before


@pytest.mark.parametrize("name", ["../../x", "/tmp/x", "a/b", "..", "", "a\0b", 3])
def test_a_run_that_is_no_folder_of_the_sweep_is_refused(name, sweep, capsys):
    known = json.loads((sweep / "sweep.json").read_text())
    known["runs"][0]["name"] = name
    (sweep / "sweep.json").write_text(json.dumps(known))
    before = content(sweep.parent)
    for words in (("resume", str(sweep)), ("extend", str(sweep), "seed=9")):
        assert ganexp(*words) == 2
        said = capsys.readouterr().err
        assert "sweep.json is damaged" in said
        assert said.count("\n") == 1
    assert content(sweep.parent) == before


def test_a_run_that_is_a_link_out_of_the_sweep_is_refused(sweep, tmp_path, capsys):
    lane, elsewhere = runs(sweep)[0], tmp_path / "elsewhere"
    shutil.move(lane, elsewhere)
    lane.symlink_to(elsewhere)
    before = content(elsewhere)
    assert ganexp("resume", str(sweep), "steps=60") == 2
    assert "names no folder in it" in capsys.readouterr().err
    assert content(elsewhere) == before


@pytest.mark.parametrize(
    "damage",
    [
        "[" * 100_000,
        "",
        "[]",
        "{}",
        '{"runs": 3}',
        '{"words": [1], "runs": [], "batches": [], "shared": {}, "extensions": []}',
        "\0",
    ],
)
def test_a_record_that_is_damaged_is_a_sentence(damage, sweep, capsys):
    (sweep / "sweep.json").write_text(damage)
    for words in (
        ("resume", str(sweep)),
        ("extend", str(sweep), "seed=9"),
        ("-m", *SMALL, "steps=40", *SWEPT, f"out={sweep}"),
    ):
        assert ganexp(*words) == 2
        said = capsys.readouterr().err
        assert "sweep.json is damaged" in said or "sweep.json" in said
        assert said.count("\n") == 1
