"""Folders that are damaged, or somebody else's and hostile: a report tells them in a sentence, and does nothing that they ask for."""

from __future__ import annotations

import json
import os
import re

import pytest
from commands import ganexp
from pages import Page, reported
from sweep_folders import make, make_small_sweep

from ganexp.report.runs import read

IMAGE = "<img src=x onerror=alert(1)>"
DEEP = "[" * 100_000


@pytest.fixture
def sweep(tmp_path):
    """Four runs: see `make_small_sweep`."""
    make_small_sweep(tmp_path / "sweep")
    return tmp_path / "sweep"


def first(sweep):
    return next(sweep.glob("0_*"))


def change(sweep, **parts):
    path = first(sweep) / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | parts))


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"status": IMAGE}, "its status '<img src=x onerror=alert(1)>' is none of finished, diverged"),
        ({"status": "a" * 10**6}, "its status 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…' is none of"),
        ({"status": None}, "its status should be a string, but is null"),
        ({"settings": []}, "its settings should be an object, but is a list"),
        ({"settings": {"": 1}}, "something in it has no name"),
        ({"settings": {str(number): 1 for number in range(2000)}}, "its settings are 2,000"),
        ({"final": None}, "its final should be an object, but is null"),
        ({"final": {"grid/js": "good"}}, "its final grid/js should be a number, but is a string"),
        ({"final": {"grid/js": [1]}}, "its final grid/js should be a number, but is a list"),
        ({"final": {"grid/js": True}}, "its final grid/js should be a number, but is a truth value"),
        ({"steps": None}, "its steps should be a whole number, but is null"),
        ({"steps": 1.5}, "its steps should be a whole number, but is a fraction"),
        ({"step": "3"}, "its step should be a whole number, but is a string"),
        ({"versions": []}, "its versions should be an object, but is a list"),
        ({"versions": {"jax": 1}}, "its jax should be a string, but is a whole number"),
        ({"git_commit": 5}, "its git_commit should be a string, but is a whole number"),
        ({"device": "cpu"}, "its device should be an object, but is a string"),
        ({"device": {"count": "two"}}, "its count should be a whole number, but is a string"),
        ({"reason": {}}, "its reason should be a string, but is an object"),
        ({"seed": [0]}, "its seed should be a whole number, but is a list"),
    ],
)
def test_a_summary_with_a_part_of_another_kind_is_a_damaged_run(sweep, capsys, parts, reason):
    change(sweep, **parts)
    assert_damaged(sweep, capsys, f"run.json is damaged, {reason}")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it does not hold JSON"),
        (b"[1]", "run.json should hold a JSON object, but holds a list"),
        (DEEP.encode(), "it is nested more than 100 deep"),
        (b'{"status": "finished"}', "it has no steps"),
        (b'{"status": "\xff"}', "it is not UTF-8"),
        (b'{"final": NaN}', "NaN is no number of JSON"),
        (b'{"final": {"a": 1e999}}', "1e999 is out of range"),
        (b'{"steps": ' + b"9" * 5000 + b"}", "is out of range"),
        (b" " * 5 * 2**20, "run.json is too large"),
    ],
)
def test_a_summary_that_is_no_document_is_a_damaged_run(sweep, capsys, content, reason):
    (first(sweep) / "run.json").write_bytes(content)
    assert_damaged(sweep, capsys, reason)


@pytest.mark.parametrize("kind", ["folder", "pipe", "circle", "link", "secret", "locked"])
def test_a_summary_that_is_no_file_of_the_run_is_a_damaged_run(sweep, tmp_path, capsys, kind):
    path, other = first(sweep) / "run.json", tmp_path / "secret.json"
    path.rename(other)
    {
        "folder": path.mkdir,
        "pipe": lambda: os.mkfifo(path),
        "circle": lambda: path.symlink_to(path),
        "link": lambda: path.symlink_to(other),
        "secret": lambda: other.rename(path).chmod(0),
        "locked": lambda: other.rename(path).parent.chmod(0),
    }[kind]()
    reasons = {"pipe": "is not a file", "link": "is a link that leads out of its folder"}
    # To root, nothing is secret.
    if kind not in ("secret", "locked") or not os.access(path, os.R_OK):
        assert_damaged(sweep, capsys, f"run.json {reasons.get(kind, 'cannot be read')}")


def assert_damaged(sweep, capsys, reason):
    printed, page = reported(sweep, capsys, "--metric", "accuracy/real", "--format", "json")
    rows = json.loads(printed)["sections"][0]["rows"]
    runs = {os.path.basename(run["folder"]): run for row in rows for run in row["runs"]}
    damaged = runs.pop(first(sweep).name)
    assert damaged["state"] == "damaged" and reason in damaged["reason"] and len(damaged["reason"]) < 200
    assert [run["state"] for run in runs.values()] == ["finished"] * 3
    assert f"1 run of 4 damaged: {damaged['reason']} ({first(sweep).name})" in " ".join(Page(page).words)


def relisted(sweep, change):
    """The sweep with its own list changed."""
    path = sweep / "sweep.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(change(content)))


@pytest.mark.parametrize(
    "change",
    [
        lambda content: {"words": []},
        lambda content: {"runs": 5},
        lambda content: [content],
        lambda content: 5,
        lambda content: {"runs": [*content["runs"], *[{}] * 100_000]},
    ],
)
def test_a_list_of_runs_that_is_none_is_said_and_the_runs_are_found_without(sweep, capsys, change):
    relisted(sweep, change)
    printed, _ = reported(sweep, capsys)
    assert "4 runs, 2 settings, 4 finished" in printed
    assert re.search(r"sweep\.json is damaged, it .*: runs that never started are not counted", printed)


@pytest.mark.parametrize("content", [b"", DEEP.encode(), b"\xff", b'{"runs": NaN}'])
def test_a_list_of_runs_that_is_no_document_is_said_and_the_runs_are_found_without(sweep, capsys, content):
    (sweep / "sweep.json").write_bytes(content)
    printed, _ = reported(sweep, capsys)
    assert "4 runs, 2 settings, 4 finished" in printed and "sweep.json is damaged" in printed


def test_a_list_of_runs_may_say_more(sweep, capsys):
    more = {"settings": {"loss": "hinge"}, "job": {}}
    relisted(sweep, lambda known: known | {"shared": {}, "runs": [run | more for run in known["runs"]]})
    assert "4 runs, 2 settings, 4 finished" in reported(sweep, capsys)[0]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../other", "'../other' in sweep.json is not the name of a folder"),
        ("ABSOLUTE", "in sweep.json is not the name of a folder"),
        ("..", "'..' in sweep.json is not the name of a folder"),
        ("link", "'link' in sweep.json is a link that leads out of the sweep's folder"),
        ("a\0b", "'a\ufffdb' in sweep.json is not the name of a folder"),
        ("a\n" + IMAGE, "'a <img src=x onerror=alert(1)>' in sweep.json is not the name"),
        ("a" * 300, "…' in sweep.json is not the name of a folder"),
        (5, "sweep.json does not name its folder (run 4 of sweep.json)"),
        (["a"], "sweep.json does not name its folder (run 4 of sweep.json)"),
        (None, "sweep.json does not name its folder (run 4 of sweep.json)"),
    ],
)
def test_what_a_list_names_outside_of_its_folder_is_a_damaged_run_and_not_read(sweep, tmp_path, capsys, name, shown):
    make(tmp_path / "other", 0, ["loss=secret", "seed=0"], {"loss": "secret"}, {"grid/js": 0.0})
    other = (tmp_path / "other" / "0_loss=secret,seed=0").rename(tmp_path / "real")
    (tmp_path / "other").rmdir()
    other.rename(tmp_path / "other")
    (sweep / "link").symlink_to(tmp_path / "other")
    name = str(tmp_path / "other") if name == "ABSOLUTE" else name
    relisted(sweep, lambda known: known | {"runs": [*known["runs"], {"name": name, "overrides": ["loss=a", "seed=0"]}]})
    printed, page = reported(sweep, capsys)
    assert "5 runs, " in printed and "1 run of 5 damaged" in printed and shown in printed
    assert "secret" not in printed + page


def test_words_that_are_none_are_said(sweep, capsys):
    relisted(sweep, lambda known: known | {"runs": [run | {"overrides": [1, 2]} for run in known["runs"]]})
    printed, _ = reported(sweep, capsys)
    assert "4 runs, 2 settings, 4 finished" in printed
    assert f"what was typed is lost for 4 of its runs, such as {first(sweep).name}" in printed


def test_a_run_that_is_a_file_or_a_circle_is_a_damaged_one(sweep, capsys):
    (sweep / "4_file").write_text("")
    (sweep / "5_circle").symlink_to("5_circle")
    more = [{"name": name, "overrides": ["loss=hinge", "seed=7"]} for name in ("4_file", "5_circle", "6_missing")]
    relisted(sweep, lambda known: known | {"runs": known["runs"] + more})
    printed, _ = reported(sweep, capsys)
    assert "2 runs of 7 damaged: is not a folder (4_file, 5_circle)" in printed
    assert "1 run of 7 not started: 6_missing" in printed


OVERRIDES = {
    b"- a\t- b\n\t- c": "it does not hold YAML",
    b"- !!python/object/apply:os.system [touch /tmp/hostile]\n": "it does not hold a list of words",
    b"loss: hinge\n": "it does not hold a list of words",
    b"[" * 10_000: "it does not hold YAML",
    b"- \xff\n": "it does not hold YAML",
    b'- "\\U80000000"\n': "it does not hold YAML",
    b"- &a [x, x]\n- [*a, *a, *a]\n": "it does not hold a list of words",
    b"- x=1\n" * 2000: "it does not hold a list of words",
    b"#" * 2**17: "is too large",
    None: "cannot be read",
}


@pytest.mark.parametrize(("content", "reason"), OVERRIDES.items(), ids=map(str, range(len(OVERRIDES))))
def test_a_run_whose_record_of_what_was_typed_is_damaged_is_named(sweep, capsys, content, reason):
    (sweep / "sweep.json").unlink()
    path = first(sweep) / ".hydra" / "overrides.yaml"
    path.unlink()
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    printed, _ = reported(sweep, capsys)
    assert "4 runs, 2 settings, 4 finished" in printed
    assert re.search(rf"overrides\.yaml .*{reason}.* in {first(sweep).name}; the final metrics do not come", printed)


def test_dates_and_tags_in_what_was_typed_are_texts(sweep):
    (sweep / "sweep.json").unlink()
    (first(sweep) / ".hydra" / "overrides.yaml").write_text("- 2024-99-99\n- !!int loss=hinge\n- seed=0\n")
    run = read([sweep]).runs[0]
    assert run.typed == {"2024-99-99": "", "loss": "hinge"} and run.flaw == ""


@pytest.mark.parametrize(
    ("content", "flaw"),
    [
        (b'"step","grid/js"\n300,0.5\n', "is damaged in its first line"),
        (b"", "is damaged in its first line"),
        (b"\xff\xfe", "is damaged in its first line"),
        (b"step,grid/js\n300,0.", "is torn in its last row"),
        ("folder", "cannot be read (Is a directory)"),
        ("pipe", "is not a file"),
        ("link", "is a link that leads out of its folder"),
        (None, "is missing"),
    ],
)
def test_a_run_whose_table_is_damaged_is_named(sweep, capsys, content, flaw):
    path = first(sweep) / "metrics.csv"
    path.unlink()
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        {"folder": path.mkdir, "pipe": lambda: os.mkfifo(path), "link": lambda: path.symlink_to("/etc/passwd")}[
            content
        ]()
    printed, _ = reported(sweep, capsys)
    assert "4 runs, 2 settings, 4 finished" in printed
    assert f"metrics.csv {flaw} in {first(sweep).name}" in printed


def test_a_folder_that_cannot_be_read_or_holds_nothing_is_refused_in_a_sentence(tmp_path, capsys):
    (tmp_path / "a" / "sweep.json").mkdir(parents=True)
    assert ganexp("report", str(tmp_path / "a")) == 2
    assert "sweep.json cannot be read" in (told := capsys.readouterr().err) and told.count("\n") == 1
    (tmp_path / "circle").symlink_to("circle")
    assert ganexp("report", str(tmp_path / "circle")) == 2
    assert "is not a folder" in (told := capsys.readouterr().err) and told.count("\n") == 1


def test_folders_that_lie_very_deep_are_left_alone(sweep, capsys):
    deep = sweep.joinpath(*"d" * 40)
    deep.parent.mkdir(parents=True)
    first(sweep).rename(deep)
    assert "1 run of 4 not started" in reported(sweep, capsys)[0]
