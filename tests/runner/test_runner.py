"""One loop for one run and for many: what fails, says so in the same words wherever it ran."""

from __future__ import annotations

import dataclasses
import errno
import itertools
import json
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from commands import NETS, ganexp

from ganexp import checkpoints
from ganexp.component import SettingError
from ganexp.records.lock import locked
from ganexp.records.table import Table
from ganexp.runner.device import SingleRun
from ganexp.runner.lanes import Lanes
from ganexp.runner.loop import Hooks, train
from ganexp.runner.outcome import begin
from ganexp.runner.recorder import Recorder
from ganexp.runner.recorders import Lane, LaneRecorders
from ganexp.runner.run import alone, run

RUN = (
    *NETS,
    "batch_size=8",
    "eval_samples=50",
    "final_samples=50",
    "eval_every=0",
    "image_every=0",
    "log_every=5",
    "checkpoint_every=5",
    "steps=20",
)

pytestmark = [pytest.mark.exact, pytest.mark.usefixtures("one_cache")]


def summary(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "run.json").read_text())


def broken_step(patched: pytest.MonkeyPatch) -> None:
    def advance(self: Any, state: Any, report: Any, stop: int, live: Any) -> Any:
        if stop > 10:
            raise RuntimeError("no such step")
        return advanced[type(self)](self, state, report, stop, live)

    advanced = {kind: kind.advance for kind in (SingleRun, Lanes)}
    for kind in advanced:
        patched.setattr(kind, "advance", advance)


def full_disk(patched: pytest.MonkeyPatch) -> None:
    def append(self: Table, step: int, scalars: Any) -> None:
        if step > 10:
            raise OSError(errno.ENOSPC, "No space left on device", "metrics.csv")
        appended(self, step, scalars)

    appended = Table.append
    patched.setattr(Table, "append", append)


def full_disk_of_checkpoints(patched: pytest.MonkeyPatch) -> None:
    def save(folder: Path, checkpoint: Any, step: int | None = None) -> Path:
        # The last of all: nothing comes after it that could notice.
        if checkpoint.state.step.max() == 20:
            raise OSError(errno.ENOSPC, "No space left on device", "0000000020.ckpt")
        return saved(folder, checkpoint, step)

    saved = checkpoints.save
    patched.setattr(checkpoints, "save", save)


@pytest.mark.parametrize("words", [(), ("-m", "seed=0,1")], ids=["alone", "in a lane"])
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (broken_step, "RuntimeError: no such step"),
        (full_disk, "metrics.csv: No space left on device"),
        (full_disk_of_checkpoints, "0000000020.ckpt: No space left on device"),
    ],
)
def test_what_fails_says_the_same_and_leaves_where(fault, reason, words, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patched:
        fault(patched)
        assert ganexp(*words, *RUN, f"out={tmp_path / 'out'}") == 1
    said = capsys.readouterr().err.splitlines()
    folders = [path.parent for path in sorted((tmp_path / "out").glob("**/run.json"))]
    assert len(folders) == (2 if words else 1)
    for folder in folders:
        assert said.count(f"ganexp: {folder}: failed: {reason}; {folder / 'error.txt'} says where") == 1
        trace = (folder / "error.txt").read_text()
        assert trace.startswith("Traceback")
        assert all(words in trace.splitlines()[-1] for words in reason.split(": "))
        assert (summary(folder)["status"], summary(folder)["reason"]) == ("failed", reason)
        assert {*summary(folder)["wall_seconds"]} == {"start", "compile", "train", "metrics", "records", "total"}
    assert ganexp("resume", str(tmp_path / "out")) == 0
    for folder in folders:
        assert summary(folder)["status"] == "finished"
        assert not (folder / "error.txt").exists()


def test_a_run_that_fails_is_an_outcome_and_one_that_cannot_begin_an_error(tiny_job, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        broken_disk(patched)
        outcome = run(tiny_job, tmp_path / "run")
    assert (outcome.status, outcome.reason) == ("failed", "OSError: [Errno 28] No space left on device")
    with locked(tmp_path / "run"), pytest.raises(SettingError, match="another process is training this run"):
        run(tiny_job, tmp_path / "run")
    assert summary(tmp_path / "run")["status"] == "failed"


def broken_disk(patched: pytest.MonkeyPatch) -> None:
    def record(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    patched.setattr(Recorder, "record", record)


@pytest.mark.parametrize("question", [1, 2, 3, 4, 5])
def test_whenever_a_signal_comes_the_state_where_it_stops_the_run_is_saved(question, tiny_job, tmp_path):
    """Signals are heard when the loop asks: here from a question on that is anywhere in it, up to the last evaluation."""
    asked, outcomes = itertools.count(1), []
    hooks = Hooks(lambda progress: None, lambda: signal.SIGTERM if next(asked) >= question else 0)
    job = dataclasses.replace(tiny_job, log_every=1)
    lane = Lane(job, tmp_path / "run", (), lambda: None, {}, "")
    recorders = LaneRecorders({0: lane}, lambda _, outcome: outcomes.append(outcome))
    with ThreadPoolExecutor(1) as executor:
        train(alone(job), recorders, executor, hooks).result()
    (outcome,) = outcomes
    assert (outcome.status, outcome.step, outcome.signal) == ("interrupted", question - 1, signal.SIGTERM)
    assert [int(path.stem) for path in checkpoints.paths(lane.folder)[:1]] == [question - 1] * (question > 1)


@pytest.mark.parametrize("flags", ["", " --xla_cpu_enable_fast_math=false "])
def test_the_flags_of_the_compiler_are_recorded_where_there_are_some(flags, tiny_job, tmp_path, monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", flags)
    begin(tmp_path, tiny_job, [], None)
    device = summary(tmp_path)["device"]
    assert {*device} == {"platform", "kind", "count"} | ({"xla_flags"} if flags else set())
    assert device.get("xla_flags", "") == flags.strip()
