"""Texts, pictures and links that are somebody else's: a report shows the texts as they are, and nothing but the folder's own pictures."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import struct
import zlib

import numpy as np
import pytest
from commands import ganexp
from markdown_it import MarkdownIt
from pages import Page, reported
from sweep_folders import make, make_small_sweep

from ganexp.records.documents import printable
from ganexp.records.pictures import png_bytes, write_png
from ganexp.report.runs import read
from ganexp.report.summary import summarize
from ganexp.report.table import FORMATS

IMAGE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def sweep(tmp_path):
    """Four runs: see `make_small_sweep`."""
    make_small_sweep(tmp_path / "sweep")
    return tmp_path / "sweep"


def first(sweep):
    return next(sweep.glob("0_*"))


TEXTS = {
    "markup": IMAGE + "\"'></td></svg></style></script><script>alert(1)</script><b>&lt;{{7*7}}{% x %}{#",
    "markdown": "a|b`c`*d*[e](http://f)![g](h)_i_~~j~~<k>\\",
    "formula": "=cmd()",
    "mathtext": r"$\frac$ ^_{}%&#",
    "terminal": "\x1b[31mred\x1b]0;title\x07\n\r\t\0\x7f",
    "letters": "é漢\U0001f600\ud800\u202e",
    "rich": "[bold]x[/] :smile: [/b]",
    "hidden": "_a",
    "long": "w" * 3000,
}


def make_with(home, text):
    """A sweep in which a text stands wherever there is one, and the name of a folder."""
    for number in range(9):
        state = ("diverged", "failed", "running")[number] if number < 3 else "finished"
        loss, rate = (text if number % 2 else f"{text}2"), (0.001, 0.01)[number // 2 % 2]
        settings = {
            "dataset": text,
            "loss": loss,
            "optimizer.learning_rate": rate,
            f"{text}.c": rate / 2,
            f"d.{text}": loss,
        }
        final = {"grid/js": 0.1 + number / 10, "grid/js/floor": 0.01, f"{text}/x": 0.5}
        more = {
            "git_commit": text,
            "versions": {text: text},
            "device": {"kind": text, "count": 1, "xla_flags": text},
            text: text,
        }
        folder = make(home, number, ["seed=0"], settings, final, status=state, reason=text, **more)
        words = [f"loss={loss}", f"optimizer.learning_rate={rate}", f"{text}={loss}", f"seed={number}"]
        content = json.dumps(words, ensure_ascii=False).encode("utf-8", "backslashreplace")
        (folder / ".hydra" / "overrides.yaml").write_bytes(content)
        write_png(folder / "images" / "samples_0000000300.png", png_bytes(np.full((20, 30, 3), number, np.uint8)))
        name = re.sub("[\ud800/\0]", "\udcff", f"{number}_{text}")[:60]
        folder.rename(folder.with_name(name))


def rendered(text):
    """Markdown as a browser gets it from something that lets HTML pass."""
    return Page(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text))


@pytest.mark.parametrize("kind", TEXTS)
def test_texts_from_files_are_texts_in_every_form(tmp_path, capsys, kind):
    text = TEXTS[kind]
    make_with(tmp_path / "hostile", text)
    printed, page = reported(tmp_path / "hostile", capsys)
    summary = summarize(read([tmp_path / "hostile"]))
    forms = {form: write(summary) for form, write in FORMATS.items()}
    for form in (printed, *forms.values()):
        assert all(line.isprintable() for line in form.split("\n"))
    (section,) = json.loads(forms["json"])["sections"]
    assert section["dataset"] == printable(text, 2000)
    rows = list(csv.reader(io.StringIO(forms["csv"])))
    assert len({len(row) for row in rows}) == 1 and not any(cell.startswith("=") for row in rows for cell in row)
    markdown = rendered(forms["markdown"])
    assert markdown.kinds() == {(tag,) for tag in ("table", "thead", "tbody", "tr", "th", "td", "ul", "li")}
    # It is still what it was.
    for words in (Page(page).words, markdown.words):
        assert any(printable(text) in word for word in words)


def png_of(width, height):
    """A PNG that says it is that large."""
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"")),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no picture",
        b"GIF89a",
        png_of(30, 20),
        png_of(6_000, 6_000),
        png_of(12_000, 12_000),
        png_of(2**31 - 1, 2**31 - 1),
        "pipe",
    ],
)
def test_a_picture_that_is_none_is_named_and_not_shown(sweep, capsys, content):
    path = first(sweep) / "images" / "samples_0000000300.png"
    path.unlink()
    if content == "pipe":
        os.mkfifo(path)
    else:
        path.write_bytes(content)
    _, page = reported(sweep, capsys)
    shown = [attributes for tag, attributes in Page(page).tags if tag == "img"]
    assert len(shown) == 1
    assert f"The last picture of 1 run cannot be read, such as that of {first(sweep).name}." in Page(page).words


@pytest.mark.parametrize("linked", ["images", "images/samples_0000000300.png"])
def test_a_picture_from_elsewhere_is_not_shown(sweep, tmp_path, capsys, linked):
    (first(sweep) / linked).rename(tmp_path / "elsewhere")
    (first(sweep) / linked).symlink_to(tmp_path / "elsewhere")
    _, page = reported(sweep, capsys)
    assert sum(tag == "img" for tag, _ in Page(page).tags) == 1


def test_a_report_is_not_written_to_where_the_folder_leads(sweep, tmp_path, capsys):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "mine").write_text("mine")
    (sweep / "report").symlink_to(tmp_path / "elsewhere")
    assert ganexp("report", str(sweep)) == 2
    assert "it is a link that leads out of the folder" in capsys.readouterr().err
    assert list((tmp_path / "elsewhere").iterdir()) == []
    (sweep / "report").unlink()
    (sweep / "report").mkdir()
    for name in ("table.md", "table.md.partial", "report.html.partial"):
        (sweep / "report" / name).symlink_to(tmp_path / "mine")
    reported(sweep, capsys)
    assert (tmp_path / "mine").read_text() == "mine" and not (sweep / "report" / "table.md").is_symlink()
