"""ganexp -m: a whole folder for each combination, what a divergence does, and a dry run."""

from __future__ import annotations

import re

import pytest
from short_runs import LOOKS, columns, command, summary
from typed import here

pytestmark = pytest.mark.usefixtures("one_cache")


def test_a_sweep_makes_a_whole_run_folder_for_each_combination(tmp_path):
    swept = ("dataset.radius=1,2.5", "loss=minimax,least_squares")
    fixed = (
        "steps=20",
        "image_every=0",
        "eval_every=0",
        "eval_samples=500",
        "final_samples=1000",
        "checkpoint_every=0",
        "batch_size=16",
    )
    long = [f"model.{player}.{word}" for player in ("generator", "discriminator") for word in ("width=8", "gain=1.125")]
    done = command("-m", *swept, *fixed, *long, "out=sweep", cwd=tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    folders = sorted(path.parent for path in (tmp_path / "sweep").rglob("run.json"))
    assert [folder.parent for folder in folders] == [tmp_path / "sweep"] * 4
    assert (tmp_path / "sweep" / "sweep.json").exists()
    seen = set()
    for number, folder in enumerate(folders):
        index, _, slug = folder.name.partition("_")
        assert int(index) == number
        assert 0 < len(slug) <= 120
        assert re.fullmatch(r"[A-Za-z0-9=._,+-]+", slug)
        told = summary(folder)
        assert told["status"] == "finished"
        assert {path.name for path in (folder / ".hydra").iterdir()} == {"config.yaml", "hydra.yaml", "overrides.yaml"}
        assert columns(folder)[0] == "step"
        assert (folder / "checkpoints" / "0000000020.ckpt").exists()
        seen.add((told["settings"]["dataset.radius"], told["settings"]["loss"]))
    assert seen == {(radius, loss) for radius in (1.0, 2.5) for loss in ("minimax", "least_squares")}
    assert "4 runs: 4 finished" in done.stdout
    assert "xla_bridge" not in done.stdout + done.stderr
    # A run of a sweep is a run, and can go on by itself; in its place it has the length of the others.
    assert here("resume", str(folders[0]), "steps=30") == 2
    alone = folders[0].rename(tmp_path / "alone")
    assert here("resume", str(alone), "steps=30") == 0
    assert summary(alone)["step"] == 30


def test_a_sweep_with_a_divergence_exits_3_and_runs_the_others(tmp_path):
    rates = "optimizer.learning_rate=1e30,0.001"
    looks = (*LOOKS, "dataset=dirac", "optimizer=sgd", "loss=least_squares", "schedule=[]", "penalty=[]")
    done = command("-m", *looks, rates, "out=sweep", cwd=tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (3, False), done.stderr
    assert sorted(summary(path.parent)["status"] for path in tmp_path.rglob("run.json")) == ["diverged", "finished"]


def test_a_dry_sweep_makes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert here("-m", "--dry-run", "seed=0,1,2", "loss=minimax,non_saturating") == 0
    said = capsys.readouterr().out
    assert "6 runs" in said
    assert "seed=2 loss=non_saturating" in said
    assert list(tmp_path.iterdir()) == []
