"""Documents, names and texts that may be somebody else's: what is taken, and what is refused in a sentence."""

from __future__ import annotations

import json
import os

import pytest

from ganexp.records.documents import (
    MOST_DEEP,
    DocumentError,
    inside,
    leads_out,
    plain_name,
    printable,
    read_bytes,
    read_json,
)


@pytest.mark.parametrize(
    "value",
    [None, {"a": [1, -2.5, "é", True, {}]}, 2**63, 1e308, [[]], "", json.loads("[" * MOST_DEEP + "]" * MOST_DEEP)],
)
def test_a_document_comes_back_as_it_was_written(tmp_path, value):
    (tmp_path / "a.json").write_text(json.dumps(value))
    assert read_json(tmp_path / "a.json") == value


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "does not hold JSON"),
        (b"\xef\xbb\xbf{}", "does not hold JSON"),
        (b'{"a": 1', "does not hold JSON"),
        (b'{"a": "\xff"}', "is not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "is not UTF-8"),
        (b"[" * 100_000, "nested more than 100 deep"),
        (b'{"a":' * 100_000, "nested more than 100 deep"),
        (b"[" * 101 + b"]" * 101, "nested more than 100 deep"),
        (b"[NaN]", "NaN is no number of JSON"),
        (b'{"a": -Infinity}', "-Infinity is no number of JSON"),
        (b"1e999", "1e999 is out of range"),
        (b"-1e999", "-1e999 is out of range"),
        (b"9" * 100_000, "9… is out of range"),
        (b"18446744073709551616", "18446744073709551616 is out of range"),
        (b'"' + b"a" * 2000 + b'"', "is too large"),
    ],
)
def test_what_is_no_document_is_refused_in_one_short_sentence(tmp_path, content, sentence):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=sentence) as caught:
        read_json(tmp_path / "a.json", 1000 if "large" in sentence else 10**6)
    assert isinstance(caught.value, DocumentError)
    assert str(caught.value) == f"{tmp_path}/{caught.value.reason}." and caught.value.reason.startswith("a.json is ")
    assert "\n" not in str(caught.value) and len(caught.value.reason) < 120


def test_what_is_no_file_is_refused_at_once(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    (tmp_path / "device").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe")
    for name, sentence in {
        "missing": "No such file",
        "folder": "Is a directory",
        "circle": "Too many levels of symbolic links",
        "device": "is not a file",
        "pipe": "is not a file",
        "a" * 300: "File name too long",
    }.items():
        with pytest.raises(DocumentError, match=sentence):
            read_bytes(tmp_path / name)
    (tmp_path / "secret").write_text("{}")
    (tmp_path / "secret").chmod(0)
    if not os.access(tmp_path / "secret", os.R_OK):
        with pytest.raises(DocumentError, match=r"cannot be read \(Permission denied\)"):
            read_json(tmp_path / "secret")


def test_halves_of_surrogate_pairs_are_replaced_and_whole_pairs_are_letters(tmp_path):
    (tmp_path / "a.json").write_text(r'{"\ud800": ["\udfff", "\ud83d\ude00"]}')
    assert read_json(tmp_path / "a.json") == {"\ufffd": ["\ufffd", "\U0001f600"]}


@pytest.mark.parametrize("name", ["0_loss=hinge,seed=0", "a b", "a..b", "é" * 127, "~", "-"])
def test_plain_names(name, tmp_path):
    assert plain_name(name) and inside(tmp_path, name) == tmp_path / name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", ".hidden", "a/b", "/etc", "../x", "a\\b", "a\0b", "a\nb", "\x1b[2J", "\u202eb", "\ud800", "é" * 128, 5,
     None, ["a"], True],
)  # fmt: skip
def test_names_that_are_not_plain(name, tmp_path):
    assert not plain_name(name) and inside(tmp_path, name) is None


def test_links_are_followed_inside_of_a_folder_only(tmp_path):
    home, other = tmp_path / "home", tmp_path / "home_of_another"
    (home / "run").mkdir(parents=True)
    other.mkdir()
    (home / "beside").symlink_to("run")
    (home / "out").symlink_to(other)
    (home / "far").symlink_to("/")
    (home / "up").symlink_to("..")
    (home / "circle").symlink_to("circle")
    (home / "nowhere").symlink_to(tmp_path / "nothing")
    (home / "run" / "out").symlink_to("../out/file")
    (tmp_path / "link").symlink_to(home)
    for folder in (home, tmp_path / "link"):
        for name in ("run", "beside", "missing"):
            assert inside(folder, name) == folder / name
        for name in ("out", "far", "up", "nowhere"):
            assert inside(folder, name) is None
        assert not leads_out(folder / "run", folder) and leads_out(folder / "run" / "out", folder)
    with pytest.raises(DocumentError):
        read_bytes(home / "circle")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a b é 漢 \U0001f600", "a b é 漢 \U0001f600"),
        ("a\n\r\n\tb\u2028c\xa0d ", "a b c d"),
        ("\x1b[31mred\x1b[0m \x9b2J\x1b]0;title\x07x\x1bc\x1b(Bend\x1b", "red xend"),
        ("\x1b]8;;http://a\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\0\x07\x7f\x9d", "\ufffd\ufffd\ufffd"),
        ("\ud800\udcff", "\ufffd\ufffd"),
        ("\u202egnp.exe\u200b", "\ufffdgnp.exe\ufffd"),
    ],
)
def test_texts_become_one_line_that_can_be_shown_anywhere(text, shown):
    assert printable(text) == shown and shown.isprintable()
    shown.encode()


def test_long_texts_are_cut():
    assert printable("a" * 500) == "a" * 500 and printable("a" * 501) == "a" * 499 + "…"
    assert printable("\n" * 10**7 + "a", 5) == "" and printable("a" * 9, 4) == "aaa…"
