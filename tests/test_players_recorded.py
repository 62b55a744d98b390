"""A third player's settings, and the runs, checkpoints and lanes that carry it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from commands import ganexp

from ganexp import checkpoints
from ganexp.api import open_run
from ganexp.component import SettingError, numbers
from ganexp.config.build import load
from ganexp.description import describe
from ganexp.records.table import read_table
from ganexp.types import DISCRIMINATOR, GENERATOR, RECONSTRUCTOR

SIZES = tuple(
    f"model.{player}.{size}" for player in (GENERATOR, DISCRIMINATOR, RECONSTRUCTOR) for size in ("width=4", "depth=1")
)


THREE = ("loss=veegan", "model/reconstructor=mlp", "batch_size=8", *SIZES)


LOOKS = ("log_every=5", "eval_every=10", "image_every=20", "checkpoint_every=10", "eval_samples=50", "final_samples=50")


pytestmark = [pytest.mark.exact, pytest.mark.usefixtures("one_cache")]


def test_its_optimizer_takes_what_is_not_said_of_it():
    job = load([*THREE, "optimizer=rmsprop", "optimizer.clip_norm=2", "reconstructor_optimizer.learning_rate=0.25"])[1]
    own, other = job.experiment.optimizer(RECONSTRUCTOR), job.experiment.optimizer(GENERATOR)
    assert (own.name, own.clip_norm, own.settings) == ("rmsprop", 2, other.settings)
    assert (own.learning_rate, other.learning_rate) == (0.25, 1e-3)
    # And follows the schedule of all.
    assert {*job.experiment.scheduled()} == {f"{player}_optimizer.learning_rate" for player in job.experiment.players}


def test_without_it_nothing_of_it_is_there():
    job = load([])[1]
    assert job.experiment.players == (GENERATOR, DISCRIMINATOR)
    assert not [path for path in (*describe(job), *numbers(job)) if RECONSTRUCTOR in path]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("loss=veegan",), "loss: veegan needs a reconstructor; choose one with model/reconstructor=NAME"),
        (
            ("model/reconstructor=mlp",),
            "model.reconstructor: loss=non_saturating does not train a reconstructor; leave it out, or choose loss=veegan",
        ),
        (("reconstructor_optimizer=sgd",), "reconstructor_optimizer: there is no reconstructor; .*"),
        (
            ("loss=veegan", "model/reconstructor=mlp", "dataset=mnist", "model=dcgan"),
            r"model\.discriminator: a convolutional network needs images.*",
        ),
    ],
)
def test_what_is_missing_is_said(words, sentence):
    with pytest.raises(SettingError, match=f"^{sentence}$"):
        load(words)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, request) -> Any:
    """A run of 20 steps that nothing interrupted."""
    request.getfixturevalue("haste")
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert ganexp(*THREE, *LOOKS, "steps=20", f"out={folder}") == 0
    return folder


def same(one: Any, other: Any) -> None:
    """Equal in every number and picture, and in the state at the end."""
    assert (one / "metrics.csv").read_bytes() == (other / "metrics.csv").read_bytes()
    pictures = [{path.name: path.read_bytes() for path in (folder / "images").glob("*.png")} for folder in (one, other)]
    assert pictures[0] == pictures[1]
    assert checkpoints.paths(one)[0].read_bytes() == checkpoints.paths(other)[0].read_bytes()


def test_a_run_records_it(whole):
    table = read_table(whole / "metrics.csv")
    assert {f"loss/{RECONSTRUCTOR}", f"gradient/{RECONSTRUCTOR}"} <= {*table}
    evaluated = ~np.isnan(table["sliced_wasserstein"])
    assert evaluated.sum() == 3
    assert (table[f"gradient/{RECONSTRUCTOR}"][evaluated] > 0).all()
    assert (table[f"loss/{RECONSTRUCTOR}"][table["step"] > 0] > 0).all()
    told = json.loads((whole / "run.json").read_text())
    assert told["settings"]["model.reconstructor"] == "mlp"
    assert told["settings"]["reconstructor_optimizer.name"] == "adam"
    run = open_run(whole)
    assert set(run.state.players) == {GENERATOR, DISCRIMINATOR, RECONSTRUCTOR}
    outputs = run.discriminate(run.generate(30))
    assert outputs.shape == (30,) and ((outputs > 0) & (outputs < 1)).all()


def test_a_resumed_run_is_the_uninterrupted_one(whole, tmp_path):
    assert ganexp(*THREE, *LOOKS, "steps=10", f"out={tmp_path / 'parts'}") == 0
    assert ganexp("resume", str(tmp_path / "parts"), "steps=20") == 0
    same(whole, tmp_path / "parts")


def test_a_lane_is_the_run_alone(whole, tmp_path):
    swept = ("reconstructor_optimizer.learning_rate=1e-3,0.1,1e30", "sweep.observed_runs=0")
    assert ganexp("-m", *THREE, *LOOKS, "steps=20", *swept, f"out={tmp_path / 'sweep'}") == 3
    lanes = sorted(path.parent for path in (tmp_path / "sweep").glob("*/metrics.csv"))
    assert len(lanes) == 3
    same(whole, lanes[0])
    assert (lanes[1] / "metrics.csv").read_bytes() != (whole / "metrics.csv").read_bytes()
    assert RECONSTRUCTOR in json.loads((lanes[2] / "run.json").read_text())["reason"]
