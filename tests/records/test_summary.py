"""run.json: strict JSON, whole or not there."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from ganexp.records.summary import read_summary, write_summary


def test_a_summary_comes_back_as_strict_json(tmp_path):
    plain = {"status": "diverged", "steps": np.int64(3), "score": np.float32(0.5), "modes": np.arange(2), "none": None}
    odd = {"odd": [np.nan, np.inf, -np.inf], "nested": {"a": (np.float32("nan"),)}}
    write_summary(tmp_path, plain | odd)
    text = (tmp_path / "run.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail) == {
        "status": "diverged",
        "steps": 3,
        "score": 0.5,
        "modes": [0, 1],
        "none": None,
        "odd": ["nan", "inf", "-inf"],
        "nested": {"a": ["nan"]},
    }
    assert read_summary(tmp_path) == json.loads(text)
    assert os.listdir(tmp_path) == ["run.json"]


def test_a_summary_that_cannot_be_written_leaves_the_former(tmp_path, monkeypatch):
    write_summary(tmp_path, {"steps": 1})
    with pytest.raises(TypeError):
        write_summary(tmp_path, {"steps": object()})

    def killed(*_):
        raise KeyboardInterrupt

    for moment in ("fsync", "replace"):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(os, moment, killed)
            write_summary(tmp_path, {"steps": 2})
        assert read_summary(tmp_path) == {"steps": 1}
    write_summary(tmp_path, {"steps": 3})
    assert read_summary(tmp_path) == {"steps": 3} and os.listdir(tmp_path) == ["run.json"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "folder of a run"),
        (b"", "damaged"),
        (b'{"a": 1', "damaged"),
        (b"\xff\xff", "damaged"),
        (b"[1]", "a list"),
    ],
)
def test_a_summary_that_cannot_be_read_is_named(tmp_path, content, sentence):
    if content is not None:
        (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(ValueError, match=sentence) as caught:
        read_summary(tmp_path)
    assert str(tmp_path / "run.json") in str(caught.value) and "\n" not in str(caught.value)
