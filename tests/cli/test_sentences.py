"""A sentence is one line, whatever was typed."""

from __future__ import annotations

import pytest

from ganexp import cli
from ganexp.cli.sentences import LONGEST, one_line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("seed=3\n4: is wrong", r"seed=3\n4: is wrong"),
        ("a\tb\rc", r"a\tb\rc"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("right\u202eleft", r"right\u202eleft"),
        ("\udcff", r"\udcff"),
        ("a\u2028b\x85", r"a\u2028b\x85"),
        ("NUL \0", r"NUL \x00"),
        ("é 日本 'x' \\n", "é 日本 'x' \\n"),
    ],
)
def test_what_a_terminal_would_act_on_is_shown(text, line):
    assert one_line(text) == line


def test_of_a_long_one_the_middle_is_left_out():
    said = one_line(f"dataset={'x' * 100_000}: there is no such dataset; it is one of ring, grid")
    assert said.startswith("dataset=xxx")
    assert said.endswith("xxx: there is no such dataset; it is one of ring, grid")
    assert len(said) <= LONGEST + 10


@pytest.mark.parametrize(
    "typed",
    [
        ["seed=3\n4"], ["dataset=a\nb"], ["seed=\x1b[31m"], ["--foo\nbar"], ["list", "a\nb"], ["dataset=" + "x" * 15_000],
        ["out=" + "x" * 100_000], ["x" * 10_000 + "=1"], ["seed=" + "9" * 5000], ["seed=" + "[" * 5000], [""], ["out='a\0b'"],
        ["resume", "a\nb"], ["report", "a\nb"], ["-m", "seed=1,2\n"],
    ],
    ids=lambda typed: repr(" ".join(typed))[:20],
)  # fmt: skip
def test_every_mistake_is_one_line(typed, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        cli.main(typed)
    out, said = capsys.readouterr()
    assert (ended.value.code, out) == (2, "")
    assert said.startswith("ganexp: ")
    assert (said.count("\n"), said[-1]) == (1, "\n")
    assert len(said) < LONGEST + 100
    assert all(letter.isprintable() for letter in said[:-1])
