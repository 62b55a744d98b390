"""Views of runs: which are drawn and when, and their pictures drawn again from frames and from checkpoints."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from commands import NETS, ganexp

import ganexp as notebook
from ganexp.config.build import load
from ganexp.observe.view import Frame
from ganexp.records.frames import FrameFile, index
from ganexp.runner.observations import due_at

pytestmark = [pytest.mark.exact, pytest.mark.usefixtures("one_cache")]

SMALL = (*NETS, "batch_size=16", "steps=60", "log_every=5", "eval_every=30", "eval_samples=100", "final_samples=100")
RING = (*SMALL, "image_every=20", "checkpoint_every=20")


@pytest.fixture(scope="module")
def ring(tmp_path_factory) -> Path:
    """A run with the pictures that it brings; copy what you change."""
    folder = tmp_path_factory.mktemp("views") / "ring"
    assert ganexp(*RING, f"out={folder}") == 0
    return folder


@pytest.fixture(scope="module")
def chosen(tmp_path_factory) -> Path:
    """The same run with one picture of its own rhythm, and one of all so far."""
    folder = tmp_path_factory.mktemp("views") / "chosen"
    assert ganexp(*RING, "view=[modes,losses]", "view.modes.every=15", f"out={folder}") == 0
    return folder


def pictures(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.png"))}


def steps(folder, name):
    return [int(path.stem[-10:]) for path in sorted((folder / "images").glob(f"{name}_*.png"))]


def test_each_view_has_its_rhythm_and_no_number_changes(ring, chosen, tmp_path):
    assert steps(ring, "samples") == steps(ring, "modes") == [0, 20, 40, 60]
    assert not steps(ring, "features")
    assert steps(chosen, "modes") == [0, 15, 30, 45, 60]
    assert steps(chosen, "losses") == [20, 40, 60]
    assert not steps(chosen, "samples")
    assert (ring / "metrics.csv").read_bytes() == (chosen / "metrics.csv").read_bytes()
    for step in (0, 60):
        name = f"images/modes_{step:010d}.png"
        assert (ring / name).read_bytes() == (chosen / name).read_bytes()


def test_no_view_leaves_no_picture_and_no_frame(ring, tmp_path, capsys):
    folder = tmp_path / "run"
    assert ganexp(*RING, "view=[]", f"out={folder}") == 0
    assert not (folder / "images").exists()
    assert not (folder / "frames.bin").exists()
    assert (ring / "metrics.csv").read_bytes() == (folder / "metrics.csv").read_bytes()
    capsys.readouterr()
    assert ganexp("view", str(folder)) == 2
    assert "no frames were recorded (view=[]); a checkpoint can be drawn as " in capsys.readouterr().err
    assert ganexp("view", str(folder), "--view", "samples,modes", "--step", "40") == 0
    for name, content in pictures(folder / "images").items():
        assert content == (ring / "images" / name).read_bytes()
    assert len(pictures(folder / "images")) == 2


def test_pictures_drawn_again_are_those_recorded(ring, chosen, tmp_path, capsys):
    for run in (ring, chosen):
        assert ganexp("view", str(run), "--out", str(tmp_path / run.name)) == 0
        assert pictures(tmp_path / run.name) == pictures(run / "images")
        # Beside the others there is nothing new.
        before = {path: path.stat().st_mtime_ns for path in (run / "images").iterdir()}
        assert ganexp("view", str(run)) == 0
        assert {path: path.stat().st_mtime_ns for path in (run / "images").iterdir()} == before
    assert f"and {len(before)} that were there already" in capsys.readouterr().out


def test_a_view_that_was_not_recorded_is_that_of_a_run_that_did(ring, chosen, tmp_path):
    out = tmp_path / "out"
    for step in (40, 60):
        assert ganexp("view", str(ring), "--view", "losses", "--step", str(step), "--out", str(out)) == 0
        assert ganexp("view", str(chosen), "--view", "samples", "--step", str(step), "--out", str(out)) == 0
    for name, content in pictures(out).items():
        run = chosen if name.startswith("losses") else ring
        assert content == (run / "images" / name).read_bytes()
    assert len(pictures(out)) == 4


def test_another_picture_is_never_replaced(ring, tmp_path, capsys):
    run = shutil.copytree(ring, tmp_path / "run")
    changed = run / "images" / "samples_0000000020.png"
    changed.write_bytes(b"somebody's")
    assert ganexp("view", str(run), "--view", "samples") == 2
    assert capsys.readouterr().err == (
        f"ganexp: {changed}: is another picture than the one drawn now; choose another folder with --out FOLDER\n"
    )
    assert changed.read_bytes() == b"somebody's"


def test_no_link_leads_a_picture_out_of_the_folder(ring, tmp_path, capsys):
    run = shutil.copytree(ring, tmp_path / "run")
    shutil.rmtree(run / "images")
    (tmp_path / "elsewhere").mkdir()
    (run / "images").symlink_to(tmp_path / "elsewhere")
    assert ganexp("view", str(run)) == 2
    assert "is a link that leads out of" in capsys.readouterr().err
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--view", "sampels"), "there is no such view; recorded are samples, modes; .*; did you mean samples?"),
        (("--view", "phase"), "--view phase: cannot be drawn of this run: the players are not single numbers"),
        (("--step", "37"), "has no frame of samples, modes at this step, the nearest are of 20 and 40; checkpoints are of "),
        (("--step", "x"), "'x' is not a step"),
        (("--dry-run",), "view: unrecognized arguments: --dry-run; it is typed ganexp view RUN_FOLDER"),
        (("another",), "view needs the folder of one run"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_a_sentence(ring, words, said, capsys):
    before = set(ring.rglob("*"))
    assert ganexp("view", str(ring), *words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(said, line), line
    assert set(ring.rglob("*")) == before


def test_damaged_frames_are_a_sentence(ring, tmp_path, capsys):
    run = shutil.copytree(ring, tmp_path / "run")
    path = run / "frames.bin"
    entry = index(path)[1]
    content = path.read_bytes()
    path.write_bytes(content[: entry.body] + b"\0" + content[entry.body + 1 :])
    assert ganexp("view", str(run)) == 2
    assert capsys.readouterr().err == (
        f"ganexp: {path} is damaged: its frame of {entry.view} at step {entry.step} was changed.\n"
    )


def test_foreign_frames_are_a_sentence(ring, tmp_path, capsys):
    run = shutil.copytree(ring, tmp_path / "run")
    for arrays in ({}, {"real": np.zeros(3), "fake": np.zeros(3), "heat": np.zeros((2, 2))}):
        file = FrameFile(run / "frames.bin", 0, False)
        file.append("samples", Frame(20, arrays))
        file.close()
        assert ganexp("view", str(run)) == 2
        said = capsys.readouterr().err
        assert (
            said
            == f"ganexp: {run}/frames.bin holds no frame of samples at step 20 that this run could have recorded.\n"
        )


def test_a_run_goes_on_with_its_frames_or_says_what_is_lost(ring, tmp_path):
    for cut in (-5, None):
        run = shutil.copytree(ring, tmp_path / f"cut{cut}")
        (run / "checkpoints" / "0000000060.ckpt").unlink()
        path = run / "frames.bin"
        content = path.read_bytes()
        if cut is None:
            entry = index(path)[2]
            content = content[: entry.body] + b"\0" + content[entry.body + 1 :]
        path.write_bytes(content[:cut])
        assert ganexp("resume", str(run), "steps=60", "log_every=5") == 0
        assert pictures(run / "images") == pictures(ring / "images")
        warned = notebook.open_run(run).summary.get("warnings", [])
        if cut is None:
            assert len(warned) == 1
            assert "frames.bin is damaged: its frame of samples at step 20 was changed; its frames from" in warned[0]
        else:
            assert not warned
            assert path.read_bytes() == (ring / "frames.bin").read_bytes()


def test_frames_are_arrays_in_data_units(ring):
    run = notebook.open_run(ring)
    frames = list(run.frames("samples"))
    assert [step for step, _ in frames] == [0, 20, 40, 60]
    for _, arrays in frames:
        assert arrays["real"].shape == arrays["fake"].shape == (500, 2)
        np.testing.assert_array_equal(arrays["real"], frames[0].arrays["real"])
        assert 0.9 < np.linalg.norm(arrays["real"], axis=1).mean() / run.job.experiment.dataset.radius < 1.1
        assert arrays["heat"].shape == (48, 48)
        # D at the centers of cells that span the extent: at the nearest cell it is that of the point.
        assert ((arrays["heat"] > 0) & (arrays["heat"] < 1)).all()
    (x0, x1), (y0, y1) = run.job.experiment.dataset.extent
    place = np.array([[x0 + (x1 - x0) * 10.5 / 48, y0 + (y1 - y0) * 30.5 / 48]], np.float32)
    np.testing.assert_allclose(run.discriminate(place)[0], frames[-1].arrays["heat"][30, 10], rtol=1e-5)
    with pytest.raises(
        notebook.UsageError, match="has no frames of 'sample'; it has those of samples, modes; did you mean"
    ):
        run.frames("sample")


def test_views_of_their_own_rhythm_are_due_with_it(composed):
    words = ("view=[samples,modes]", "view.samples.every=7", "view.modes.every=0", "steps=20", "image_every=10")
    job = load(words)[1]
    due = {step: due_at(job, step).frames for step in range(21)}
    assert {step: names for step, names in due.items() if names} == {
        0: ("samples", "modes"), 7: ("samples",), 14: ("samples",), 20: ("samples", "modes"),
    }  # fmt: skip
    stops, step = [], 0
    while step < job.steps:
        step = job.next_stop(step, 1000)
        stops.append(step)
    assert {7, 14, 20} <= {*stops}
    assert {step for step in range(21) if due_at(job, step, 2).frames} == {14, 20}
