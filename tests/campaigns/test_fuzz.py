"""Whatever is typed, the answer is what was asked for, or one sentence that says what is wrong with it."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import NoReturn

import pytest
from campaign import bounded, changed, contents, debris, form, seeded
from commands import ganexp
from lines import FOUND, line

from ganexp.cli import classifier, single, workspace
from ganexp.cli.together import Together

COUNT = form(120, 500)
TINY = (
    "batch_size=8",
    "model.generator.width=4",
    "model.discriminator.width=4",
    "eval_samples=50",
    "final_samples=50",
    "steps=4",
)

pytestmark = pytest.mark.usefixtures("one_cache")


@pytest.fixture(scope="module")
def somewhere(tmp_path_factory) -> Path:
    """A current folder with a run, a sweep of which nothing was trained, and what a folder's name may stand for."""
    home = tmp_path_factory.mktemp("fuzz")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(home)
        patched.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
        assert ganexp(*TINY, "out=begun") == 0
        patched.setattr(Together, "train_all", lambda self, runs: None)
        ganexp("-m", *TINY, "seed=0,1", "loss=minimax,non_saturating", "out=swept")
    (home / "file").write_text("text")
    (home / "empty").mkdir()
    (home / "loop").symlink_to("loop")
    (home / "gone").symlink_to("nowhere")
    os.mkfifo(home / "pipe")
    return home


@pytest.fixture
def idle(somewhere, monkeypatch):
    """Nothing trains, and nothing waits forever."""

    def trained(*arguments: object, **options: object) -> NoReturn:
        pytest.fail("it was accepted, and training began")

    monkeypatch.chdir(somewhere)
    monkeypatch.setattr(sys, "argv", ["ganexp"])
    monkeypatch.setattr(single, "run", trained)
    monkeypatch.setattr(Together, "train_all", trained)
    # The classifier knows no dry run: everything but its training is asked.
    monkeypatch.setattr(classifier, "_train", lambda *arguments: None)
    monkeypatch.setattr(workspace, "load_data", lambda job: None)
    monkeypatch.setattr(workspace, "make", lambda folder: None)
    return somewhere


@pytest.mark.parametrize("number", range(COUNT))
def test_a_line_is_answered_or_refused_in_one_sentence(number, idle, capsys):
    words = list(FOUND[number]) if number < len(FOUND) else line(seeded("line", number))
    # What no terminal shows is escaped, so that it can be told.
    typed = f"line {number}: ganexp {ascii(' '.join(map(shlex.quote, words)))[1:2000]}"
    before = contents(idle)
    capsys.readouterr()
    try:
        with bounded(typed):
            status = ganexp(*words)
    except Exception as error:
        raise AssertionError(f"{typed}\nraised {type(error).__name__}: {str(error)[:500]!a}") from None
    out, said = capsys.readouterr()
    seen = f"{typed}\nstatus {status}, stdout {out[:300]!a}, stderr {said[:1500]!a}"
    assert status in (0, 2), seen
    if status == 2:
        told = [text for text in said.splitlines() if not text.startswith("ganexp: note: ")]
        assert out == "", seen
        assert len(told) == 1, seen
        assert told[0].startswith("ganexp: "), seen
        assert said.endswith("\n"), seen
    assert not debris(said), f"{debris(said)} in {seen}"
    left = [name for name in changed(before, contents(idle)) if not (status == 0 and "report" in Path(name).parts)]
    assert not left, f"{left!a} changed by {seen}"
