"""A sweep in a file is a sweep that was typed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from commands import NETS, ganexp
from runs_of import forget_configs, recipe

from ganexp.config import compose, options
from ganexp.config.build import load
from ganexp.config.compose import literal, parsed
from ganexp.config.grid import completed, expand, refuse_single, word
from ganexp.config.usage_errors import UsageError

SMALL = (*NETS, "steps=20", "eval_every=0", "image_every=0", "batch_size=8", "eval_samples=500", "final_samples=500")

pytestmark = pytest.mark.usefixtures("one_cache")


@pytest.fixture
def recipes(tmp_path, monkeypatch) -> Path:
    """The folder of recipes of a copy of the options, to be written into."""
    copy = tmp_path / "conf"
    shutil.copytree(options.conf_dir(), copy)
    for module in (options, compose):
        monkeypatch.setattr(module, "conf_dir", lambda: copy)
    forget_configs()
    yield copy / "experiment"
    forget_configs()


def runs(folder: Path) -> list[Path]:
    return sorted(
        (path.parent for path in folder.glob("*/run.json")), key=lambda path: int(path.name.partition("_")[0])
    )


def summary(folder: Path) -> dict:
    return json.loads((folder / "run.json").read_text())


@pytest.mark.parametrize(
    ("setting", "values", "typed"),
    [
        ("seed", [0, 1], "seed=0,1"),
        ("seed", [3], "seed=choice(3)"),
        ("seed", "range(4)", "seed=range(4)"),
        ("seed", 5, "seed=5"),
        ("optimizer.learning_rate", [1e-4, 0.5], "optimizer.learning_rate=0.0001,0.5"),
        ("dataset.weights", [[1.0, 2.0], None], "dataset.weights=[1.0,2.0],null"),
        ("penalty", [["r1"], []], "penalty=[r1],[]"),
        ("model.generator.normalization", ["batch", "none"], "model.generator.normalization=batch,none"),
        ("loss", ["true", "a b", "minimax"], "loss='true','a b',minimax"),
        ("optimizer.nesterov", [True, False], "optimizer.nesterov=true,false"),
    ],
)
def test_values_become_what_a_person_types(setting, values, typed):
    assert word(setting, values) == typed
    parsed(typed)


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "a b",
        "it's",
        "a\\",
        "a\\'b",
        "${x}",
        "\\${x}",
        "\\\\${x}",
        "a,b",
        "lr=0.1 (1)",
        "x\\\\",
        "'",
        "\\'",
        '"',
        "~",
        "ü[]{}:",
        "true",
    ],
)
def test_a_text_in_quotes_is_itself(text):
    from omegaconf import OmegaConf

    value = parsed(f"out={literal(text)}").value()
    assert OmegaConf.create({"out": getattr(value, "text", value)}).out == text


def test_the_shipped_recipe_is_the_sweep_that_its_line_promises():
    runs = expand(completed(["experiment=learning_rate_grid"]))
    assert len(runs) == len({tuple(run) for run in runs}) == 96
    fewer = expand(completed(["experiment=learning_rate_grid", "seed=0,1", "loss=minimax"]))
    assert len(fewer) == 8
    assert all("loss=minimax" in run for run in fewer)


def test_what_is_typed_takes_the_place_of_what_the_recipe_says(recipes):
    recipe(recipes, "mine", grid={"seed": [0, 1], "optimizer": {"learning_rate": "1e-3,1e-2"}})
    typed = completed(["experiment=mine", "seed=7", "loss=minimax,non_saturating"])
    assert expand(typed) == [
        ["experiment=mine", "seed=7", f"loss={loss}", f"optimizer.learning_rate={rate}"]
        for loss in ("minimax", "non_saturating")
        for rate in ("0.001", "0.01")
    ]


def test_hydras_own_place_for_a_grid_serves_too(recipes):
    recipe(recipes, "mine", hydra={"sweeper": {"params": {"optimizer.learning_rate": "0.005,0.01", "seed": "1,2"}}})
    assert len(expand(completed(["experiment=mine"]))) == 4
    assert len(expand(completed(["loss=minimax,non_saturating", 'hydra.sweeper.params={seed:"3,4"}']))) == 4
    assert expand(completed(["+hydra.sweeper.params.seed='3,4'"])) == [["seed=3"], ["seed=4"]]


@pytest.mark.parametrize(
    ("grid", "words", "sentence"),
    [
        ({"seed": [0, 1]}, [], "sweeps over seed; add -m to run each, or give one value, as in seed=VALUE"),
        ({"seed": []}, ["-m"], "grid.seed: it has no values"),
        ({"sede": [0, 1]}, ["-m"], "sede: there is no such setting; did you mean seed?"),
        ({"seed": [0, -1]}, ["-m"], "seed: -1 is out of range"),
        ({"seed": [1, 1]}, ["-m"], "runs 0 and 1 are the same"),
        ([1, 2], ["-m"], "grid: it must hold a list of values for each setting"),
        ({"seed": "interval(0,1)"}, ["-m"], "every value of an interval cannot be run"),
        ({"seed": "0,1"}, ["-m", "grid.seed=0,1"], "sweep over the setting itself"),
        ({"out": ["a", "b"]}, ["-m"], "out: a sweep has one folder"),
        ({"seed": [0, 1]}, ["-m", "hydra.sweeper.params={seed:'1,2'}"], ""),
    ],
)
def test_a_grid_that_cannot_be_run_is_refused(recipes, capsys, grid, words, sentence):
    recipe(recipes, "mine", grid=grid)
    status = ganexp(*words, "experiment=mine", "--dry-run")
    said = capsys.readouterr().err
    assert status == (2 if sentence else 0)
    assert sentence in said
    assert said.count("\n") <= 1


def test_recipes_that_sweep_are_not_swept_over(recipes, capsys):
    recipe(recipes, "mine", grid={"seed": [0, 1]})
    assert ganexp("-m", "experiment=mine,ganlab", "--dry-run") == 2
    assert "this recipe sweeps over seed by itself" in capsys.readouterr().err
    assert ganexp("-m", "experiment=mine,ganlab", "seed=0", "--dry-run") == 0


def test_one_run_of_a_grid_is_what_its_values_say(recipes):
    recipe(recipes, "mine", grid={"seed": [0, 1], "loss": ["minimax"]})
    words = ["experiment=mine", "seed=1", "loss=minimax"]
    refuse_single(load(words)[0], words)
    with pytest.raises(UsageError, match="sweeps over loss"):
        refuse_single(load(words[:2])[0], words[:2])


def test_what_is_of_sweeps_alone_needs_m(capsys):
    for words in (["hydra/launcher=basic"], ["hydra.sweeper.params={seed:'1,2'}"]):
        assert ganexp(*words, "--dry-run") == 2
        assert "add -m" in capsys.readouterr().err


def test_a_sweep_in_a_file_is_planned_trained_and_resumed_like_a_typed_one(recipes, tmp_path, capsys, monkeypatch):
    recipe(recipes, "mine", grid={"optimizer.learning_rate": [0.005, 0.01], "seed": "range(2)"}, steps=20)
    small = [text for text in SMALL if text != "steps=20"]
    assert ganexp("-m", "experiment=mine", *small, "--dry-run") == 0
    assert "4 runs in 1 programs" in capsys.readouterr().out
    folder, typed = tmp_path / "file", tmp_path / "typed"
    assert ganexp("-m", "experiment=mine", *small, f"out={folder}") == 0
    assert ganexp("-m", *SMALL, "optimizer.learning_rate=0.005,0.01", "seed=range(2)", f"out={typed}") == 0
    assert len(runs(folder)) == len(runs(typed)) == 4
    for one, other in zip(runs(folder), runs(typed), strict=True):
        assert one.name == other.name
        assert summary(one)["settings"] == summary(other)["settings"]
        assert summary(one)["final"] == summary(other)["final"]
    capsys.readouterr()
    assert ganexp("-m", "experiment=mine", *small, f"out={folder}") == 0
    assert "4 runs: 4 finished" in capsys.readouterr().out
    # Another rate in the file is another sweep: nothing of this one is touched, whichever way is taken.
    recipe(recipes, "mine", grid={"optimizer.learning_rate": [0.001, 0.01], "seed": "range(2)"}, steps=20)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert ganexp("-m", "experiment=mine", *small, f"out={folder}") == 2
    assert "its recipe makes other runs now" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert ganexp("resume", str(folder)) == 0
    assert [summary(run)["settings"] for run in runs(folder)] == [summary(run)["settings"] for run in runs(typed)]
