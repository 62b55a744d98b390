"""A run is continued with what made it, whatever way leads there, and nothing of what it recorded is lost without a word."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
from pathlib import Path

import msgpack
import pytest
from commands import NETS, ganexp
from runs_of import assert_same_run, forget_configs, recipe

from ganexp import checkpoints
from ganexp.config import compose, options
from ganexp.records.table import read_table
from ganexp.runner.device import SingleRun
from ganexp.runner.recorders import LaneRecorders
from ganexp.runner.signals import interruptible

SMALL = (
    *NETS,
    "batch_size=8",
    "eval_samples=500",
    "final_samples=500",
    "eval_every=0",
    "image_every=0",
    "log_every=5",
    "checkpoint_every=10",
)
RUN = (*SMALL, "steps=40")

pytestmark = pytest.mark.usefixtures("one_cache")


def summary(folder: Path) -> dict:
    return json.loads((folder / "run.json").read_text())


def content(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def begun(folder: Path, *words: str) -> Path:
    """A run that was killed after its checkpoint at step 20: what it recorded of later steps is there."""
    assert ganexp(*words, f"out={folder}") == 0
    for path in checkpoints.paths(folder):
        if int(path.stem) > 20:
            path.unlink()
    (folder / "run.json").write_text(json.dumps(summary(folder) | {"status": "running", "final": {}}))
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert ganexp(*RUN, f"out={folder}") == 0
    return folder


def test_the_same_command_goes_on_where_it_was_killed(whole, tmp_path, capsys):
    folder = begun(tmp_path / "run", *RUN)
    capsys.readouterr()
    assert ganexp(*RUN, f"out={folder}") == 0
    assert summary(folder)["resumed_from_step"] == 20
    assert_same_run(folder, whole)
    # And refuses to run again what is finished, or anything else in its place.
    before = content(folder)
    assert ganexp(*RUN, f"out={folder}") == 2
    assert "holds a run already" in capsys.readouterr().err
    assert content(folder) == before


def test_another_command_does_not_go_on_there(tmp_path, capsys):
    folder = begun(tmp_path / "run", *RUN)
    before = content(folder)
    assert ganexp(*RUN, "optimizer.learning_rate=0.5", f"out={folder}") == 2
    assert "continued only with the settings that made it: discriminator_optimizer.learning_rate (0.001 -> 0.5)" in (
        capsys.readouterr().err
    )
    assert content(folder) == before


@pytest.mark.parametrize(
    "word",
    ["generator_optimizer.learning_rate=${discriminator_optimizer.learning_rate}", "seed=${oc.env:GANEXP_SEED}"],
)
def test_what_was_resolved_at_the_start_is_what_goes_on(word, tmp_path, monkeypatch):
    monkeypatch.setenv("GANEXP_SEED", "7")
    folder = begun(tmp_path / "run", *RUN, word)
    shutil.copytree(folder, tmp_path / "again")
    monkeypatch.delenv("GANEXP_SEED")
    assert ganexp("resume", str(folder), "steps=60") == 0
    assert summary(folder)["seed"] == (7 if word.startswith("seed") else 0)
    assert summary(folder)["steps"] == 60
    # Another value of the variable is not this run's.
    monkeypatch.setenv("GANEXP_SEED", "8")
    assert ganexp("resume", str(tmp_path / "again")) == 0
    assert summary(tmp_path / "again")["settings"] == summary(folder)["settings"]


def test_an_edited_recipe_does_not_reach_a_run(tmp_path, monkeypatch, capsys):
    copy = tmp_path / "conf"
    shutil.copytree(options.conf_dir(), copy)
    for module in (options, compose):
        monkeypatch.setattr(module, "conf_dir", lambda: copy)
    recipe(copy / "experiment", "mine", optimizer={"learning_rate": 0.005})
    words = [*RUN, "experiment=mine"]
    folder = begun(tmp_path / "run", *words)
    recipe(copy / "experiment", "mine", optimizer={"learning_rate": 0.001})
    before = content(folder)
    assert ganexp(*words, f"out={folder}") == 2
    assert "(0.005 -> 0.001)" in capsys.readouterr().err
    assert content(folder) == before
    assert ganexp("resume", str(folder)) == 0
    assert summary(folder)["settings"]["generator_optimizer.learning_rate"] == 0.005
    forget_configs()


def test_a_kill_before_anything_is_trained_leaves_what_can_go_on(whole, tmp_path):
    """As it is from the moment run.json is written until the first program is compiled."""
    folder = tmp_path / "run"
    folder.mkdir()
    known = summary(whole) | {"status": "running", "final": {}}
    for name in ("step", "wall_seconds", "ended"):
        del known[name]
    (folder / "run.json").write_text(json.dumps(known))
    shutil.copytree(folder, tmp_path / "again")
    assert ganexp("resume", str(folder)) == 0
    assert_same_run(folder, whole)
    assert {path.name for path in (folder / ".hydra").iterdir()} == {"config.yaml", "hydra.yaml", "overrides.yaml"}
    assert ganexp(*RUN, f"out={tmp_path / 'again'}") == 0
    assert_same_run(tmp_path / "again", whole)


def test_what_made_a_run_is_there_before_anything_is_compiled(tmp_path, monkeypatch):
    seen = []

    def stopped(*arguments: object) -> None:
        seen.append(summary(tmp_path / "run"))
        raise KeyboardInterrupt

    monkeypatch.setattr(SingleRun, "start", stopped)
    assert ganexp(*RUN, f"out={tmp_path / 'run'}") == 130
    assert seen[0]["settings"]["batch_size"] == 8
    assert seen[0]["job"]["steps"] == 40
    assert seen[0]["overrides"] == [*RUN, f"out={tmp_path / 'run'}"]


@pytest.mark.parametrize(
    "name", ["lr=0.1", "runs (1)", "it's", "a,b", "${seed}", "Übung 5", "[x]", "~", "tab\t", "x" * 200]
)
def test_any_name_of_a_folder_serves(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plain = Path("plain")
    assert ganexp("-m", *SMALL, "steps=20", "seed=0,1", f"out={plain}") == 0
    moved = plain.rename(name)
    assert ganexp("resume", f"./{moved}", "steps=30") == 0
    assert ganexp("extend", f"./{moved}", "seed=2") == 0
    assert sorted(path.parent.name for path in moved.glob("*/run.json")) == ["0_seed=0", "1_seed=1", "2_seed=2"]


def test_a_place_in_the_home_folder_is_meant_so(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert ganexp(*RUN, "out=~/runs (1)") == 0
    assert (tmp_path / "runs (1)" / "run.json").exists()
    assert not (tmp_path / "~").exists()


def test_a_name_that_no_file_system_has_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert ganexp(*RUN, f"out={'x' * 300}") == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("damage", ["deleted", "emptied", "cut", "first line"])
def test_rows_that_are_gone_are_rebuilt_from_the_events_and_said_so(damage, whole, tmp_path, capsys):
    folder = begun(tmp_path / "run", *RUN)
    table = folder / "metrics.csv"
    lines = table.read_text().splitlines(keepends=True)
    left = {"deleted": None, "emptied": "", "cut": "".join(lines[:2]), "first line": "".join(lines[1:])}[damage]
    table.unlink() if left is None else table.write_text(left)
    capsys.readouterr()
    assert ganexp("resume", str(folder)) == 0
    assert "rows before step 20; they were rebuilt from the events" in capsys.readouterr().err
    assert any("rebuilt" in text for text in summary(folder)["warnings"])
    mended, expected = read_table(table), read_table(whole / "metrics.csv")
    assert {*mended} == {*expected}
    assert mended["step"].tolist() == expected["step"].tolist()
    assert mended["loss/generator"][1:].tolist() == expected["loss/generator"][1:].tolist()


def test_events_that_are_gone_are_said_so(tmp_path, capsys):
    folder = begun(tmp_path / "run", *RUN)
    for path in folder.glob("events.*"):
        path.unlink()
    assert ganexp("resume", str(folder)) == 0
    assert "the event files of the steps before 20 are gone" in capsys.readouterr().err


def test_the_checkpoint_a_run_came_from_is_not_saved_again(tmp_path, monkeypatch):
    folder, saved = begun(tmp_path / "run", *RUN), []
    save = LaneRecorders.checkpoint
    monkeypatch.setattr(
        LaneRecorders, "checkpoint", lambda self, step, *rest: saved.append(step) or save(self, step, *rest)
    )
    assert ganexp("resume", str(folder)) == 0
    assert saved == [30, 40]


def test_a_link_that_leads_out_of_a_run_is_not_followed(tmp_path, capsys):
    folder = begun(tmp_path / "run", *RUN)
    elsewhere = tmp_path / "elsewhere"
    shutil.move(folder / "checkpoints", elsewhere)
    (folder / "checkpoints").symlink_to(elsewhere)
    before = content(elsewhere)
    assert ganexp("resume", str(folder)) == 2
    assert "is a link that leads out of" in capsys.readouterr().err
    assert content(elsewhere) == before


def test_a_checkpoint_of_other_content_is_no_traceback(tmp_path, capsys):
    folder = begun(tmp_path / "run", *RUN)
    (path,) = checkpoints.paths(folder)
    for body in (msgpack.packb([1, 2]), b"\xc1", msgpack.packb({"settings": 3, "arrays": []})):
        path.write_bytes(checkpoints.MAGIC + hashlib.sha256(body).digest() + body)
        capsys.readouterr()
        assert ganexp("resume", str(folder)) == 2
        said = capsys.readouterr().err.splitlines()
        assert "does not hold what ganexp saves" in said[0]
        assert "none of its 1 checkpoints is good" in said[1]


def test_a_checkpoint_of_another_run_is_refused(tmp_path, capsys):
    folder, other = begun(tmp_path / "run", *RUN), begun(tmp_path / "other", *RUN, "seed=3")
    newest = checkpoints.paths(folder)[0]
    shutil.copy(other / "checkpoints" / newest.name, newest)
    assert ganexp("resume", str(folder)) == 2
    assert "seed (3 -> 0)" in capsys.readouterr().err


def test_a_lost_terminal_is_a_signal_like_the_others_and_nohup_is_heard():
    before = signal.getsignal(signal.SIGHUP)
    with interruptible() as heard:
        os.kill(os.getpid(), signal.SIGHUP)
        assert heard() == signal.SIGHUP
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with interruptible() as heard:
            os.kill(os.getpid(), signal.SIGHUP)
            assert heard() == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_folder_that_disappears_is_not_made_again(tmp_path, monkeypatch, capsys):
    folder, save = tmp_path / "run", LaneRecorders.checkpoint

    def gone(self: LaneRecorders, *arguments: object) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        save(self, *arguments)

    monkeypatch.setattr(LaneRecorders, "checkpoint", gone)
    assert ganexp(*RUN, f"out={folder}") == 1
    assert not folder.exists()
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == f"ganexp: {folder}: failed: {folder / 'checkpoints'}: No such file or directory"
    assert "error.txt" not in said
