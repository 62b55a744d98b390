"""What `import ganexp` offers: the command's runs and sweeps from Python, and what is read and drawn of them."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from commands import NETS
from commands import ganexp as command
from hydra.core.global_hydra import GlobalHydra

import ganexp
from ganexp.runner import run as runner

SHORT = (
    *NETS,
    "batch_size=16",
    "eval_samples=200",
    "final_samples=2000",
    "log_every=10",
    "eval_every=0",
    "image_every=0",
    "steps=40",
)
CURVE = ("dataset=curve", *SHORT)

pytestmark = pytest.mark.usefixtures("one_cache")


@pytest.fixture(scope="module")
def curve(tmp_path_factory) -> ganexp.Run:
    return ganexp.train(ganexp.compose(CURVE), tmp_path_factory.mktemp("api") / "curve")


def files(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_the_package_is_imported_without_jax_and_hydra():
    code = "import sys, ganexp; assert not {'jax', 'hydra', 'numpy'} & {*sys.modules}; print(*dir(ganexp))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {*done.stdout.split()} == {*ganexp.__all__}
    assert all(getattr(ganexp, name) is not None for name in ganexp.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ganexp.nothing


def test_words_are_those_of_the_command_in_a_list_or_in_one_text():
    job = ganexp.compose("dataset=curve optimizer.learning_rate=0.01 'penalty=[r1, weight_clipping]' steps=7")
    again = ganexp.compose(["dataset=curve", "optimizer.learning_rate=0.01", "penalty=[r1,weight_clipping]", "steps=7"])
    assert job.settings() == again.settings()
    assert (job.steps, [*job.experiment.penalty]) == (7, ["r1", "weight_clipping"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("optimizer.learning_rat=1", "did you mean learning_rate"),
        ("seed=0,1", "sweep"),
        ("steps=0", "out of range"),
        ("experiment=learning_rate_grid", "the recipe sweeps over"),
    ],
)
def test_a_mistake_is_raised_as_the_sentence_that_the_command_says(words, said, capsys):
    with pytest.raises((ganexp.UsageError, ganexp.SettingError), match=said) as raised:
        ganexp.compose(words)
    assert isinstance(raised.value, ValueError)
    assert command(*words.split()) == 2
    assert str(raised.value) in capsys.readouterr().err


def test_hydra_stays_as_it_was():
    before = GlobalHydra.instance().hydra
    ganexp.compose()
    ganexp.compose("seed=1")
    assert GlobalHydra.instance().hydra is before


def test_a_run_is_that_of_the_command(curve, tmp_path):
    assert command(*CURVE, f"out={tmp_path / 'typed'}") == 0
    typed = ganexp.open_run(tmp_path / "typed")
    assert (curve.folder / "metrics.csv").read_bytes() == (typed.folder / "metrics.csv").read_bytes()
    assert (curve.status, curve.final) == ("finished", typed.final)
    assert curve.settings == typed.settings
    assert curve.settings["batch_size"] == 16
    np.testing.assert_array_equal(curve.metrics["step"], [0, 10, 20, 30, 40])
    assert "finished at step 40" in repr(curve)


def test_what_has_ended_is_opened_and_something_else_refused(curve):
    before = files(curve.folder)
    again = ganexp.train(ganexp.compose(CURVE), curve.folder)
    assert (again.final, again.metrics["step"].tolist()) == (curve.final, curve.metrics["step"].tolist())
    with pytest.raises(ValueError, match="continued only with the settings that made it: seed"):
        ganexp.train(ganexp.compose([*CURVE, "seed=1"]), curve.folder)
    with pytest.raises(ganexp.UsageError, match="at step 40 already"):
        ganexp.train(dataclasses.replace(curve.job, steps=30), curve.folder)
    assert files(curve.folder) == before


def test_a_run_gets_longer_as_if_it_had_been_so_from_the_start(curve, tmp_path):
    longer = dataclasses.replace(ganexp.compose(CURVE), steps=60)
    shutil.copytree(curve.folder, tmp_path / "run")
    assert ganexp.train(longer, tmp_path / "run").final == ganexp.train(longer, tmp_path / "whole").final


def test_an_interrupted_run_goes_on_to_the_same_end(curve, tmp_path, monkeypatch):
    job = ganexp.compose(CURVE)
    with monkeypatch.context() as patched:
        # A signal that comes before the first chunk has ended.
        patched.setattr(runner, "interruptible", lambda: Heard(2))
        with pytest.raises(KeyboardInterrupt, match="train it again to go on"):
            ganexp.train(job, tmp_path / "run")
    assert ganexp.open_run(tmp_path / "run").status == "interrupted"
    ended = ganexp.train(job, tmp_path / "run")
    assert (ended.status, ended.final) == ("finished", curve.final)


class Heard:
    def __init__(self, number: int):
        self.number = number

    def __enter__(self):
        return lambda: self.number

    def __exit__(self, *error: object) -> None:
        pass


def test_a_diverged_run_is_returned_and_says_so(tmp_path):
    run = ganexp.train(ganexp.compose([*SHORT, "optimizer=sgd", "optimizer.learning_rate=1e30"]), tmp_path / "run")
    assert run.status == "diverged"
    assert "at step 1 the " in run.summary["reason"]
    step = run.summary["step"]
    assert ganexp.train(run.job, run.folder).summary["step"] == step


def test_a_sweep_has_its_runs_in_order_and_again_trains_nothing(tmp_path):
    words = f"{' '.join(SHORT)} seed=0,1 loss=minimax,least_squares"
    runs = ganexp.sweep(words, tmp_path / "a sweep, here")
    assert [(run.settings["loss"], run.settings["seed"]) for run in runs] == [
        (loss, seed) for seed in (0, 1) for loss in ("minimax", "least_squares")
    ]
    before = files(tmp_path)
    again = ganexp.sweep(words, tmp_path / "a sweep, here")
    assert [run.final for run in again] == [run.final for run in runs]
    assert {
        path: time for path, time in files(tmp_path).items() if path.endswith("metrics.csv")
    }.items() <= before.items()
    assert [run.folder for run in ganexp.open_sweep(tmp_path / "a sweep, here")] == [run.folder for run in runs]


def test_generated_points_are_in_data_units_and_a_prefix_of_more(curve):
    points = curve.generate(1500, seed=3)
    assert points.shape == (1500, 2)
    assert np.ptp(points, axis=0).max() > 10
    np.testing.assert_array_equal(curve.generate(10, seed=3), points[:10])
    np.testing.assert_array_equal(ganexp.open_run(curve.folder).generate(1500, seed=3), points)
    assert not np.array_equal(curve.generate(10), points[:10])
    assert curve.generate(0).shape == (0, 2)


def test_the_discriminator_gives_points_what_the_last_evaluation_gave_them(curve):
    """Means of D over some thousand other points, within five standard errors."""
    chance = np.random.default_rng(0)
    x = chance.uniform(-50, 50, 5000)
    for points, tag in ((np.stack([x, 10 + x**2], axis=1), "score/real"), (curve.generate(5000, seed=1), "score/fake")):
        output = curve.discriminate(points)
        assert output.shape == (5000,)
        error = output.std() * np.sqrt(1 / 5000 + 1 / curve.job.final_samples)
        assert abs(output.mean() - curve.final[tag]) < 5 * error


def test_the_two_numbers_of_a_dirac_gan_are_what_its_players_do(tmp_path):
    words = (
        "experiment=dirac",
        "steps=30",
        "log_every=10",
        "eval_samples=50",
        "final_samples=2000",
        "eval_every=0",
        "image_every=0",
    )
    run = ganexp.train(ganexp.compose(words), tmp_path / "run")
    theta, psi = run.metrics["dirac/theta"][-1], run.metrics["dirac/psi"][-1]
    np.testing.assert_array_equal(run.generate(5), np.full((5, 1), np.float32(theta)))
    x = np.linspace(-2, 2, 7, dtype=np.float32)
    np.testing.assert_allclose(run.discriminate(x[:, None]), 1 / (1 + np.exp(-psi * x)), rtol=1e-5)


def test_points_of_another_shape_and_folders_without_runs_are_sentences(curve, tmp_path):
    with pytest.raises(ganexp.UsageError, match=r"have the shape \('n', 2\), and not \(4, 3\)"):
        curve.discriminate(np.zeros((4, 3)))
    with pytest.raises(ganexp.UsageError, match="is not the folder of a run"):
        ganexp.open_run(tmp_path)
    with pytest.raises(ganexp.UsageError, match="is not the folder of a sweep"):
        ganexp.open_sweep(curve.folder)


def test_the_example_in_the_readme_does_what_it_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parent.parent / "README.md").read_text()
    example = text.partition("## From Python")[2].partition("```python\n")[2].partition("```")[0]
    names: dict[str, object] = {}
    exec(example.replace("steps=2000", " ".join((*SHORT[:-1], "steps=20"))), names)
    assert names["points"].shape == (1000, 2)
    assert len([*(tmp_path / "outputs").rglob("run.json")]) == 9
    assert capsys.readouterr().out.count("grid/js") >= 8
