"""What `ganexp report` reads out of run folders and says of them, and what it leaves behind."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import statistics
import subprocess
import sys

import numpy as np
import pytest
from pages import BROWSER, Page, assert_strict, played
from rich.console import Console
from sweep_folders import LOSSES, RATES, SCORES, SEEDS, make, make_sweep, section_of

from ganexp.cli import report
from ganexp.cli.exit_codes import FINISHED
from ganexp.cli.guard import guarded
from ganexp.records.pictures import png_bytes, write_png
from ganexp.records.summary import write_summary
from ganexp.report.runs import ReportError, read
from ganexp.report.settings import where
from ganexp.report.summary import summarize
from ganexp.report.table import FORMATS, print_summary
from ganexp.report.wall import wall


@pytest.fixture
def sweep(tmp_path):
    """36 runs: see `make_sweep`."""
    make_sweep(tmp_path / "sweep")
    return tmp_path / "sweep"


def test_a_row_has_the_median_and_the_quartiles_over_its_seeds(sweep):
    section = section_of(sweep)
    assert section.columns == ("loss", "optimizer.learning_rate")
    assert [row.setting for row in section.rows] == list(itertools.product(LOSSES, RATES))
    for row, (i, j) in zip(section.rows, itertools.product(range(2), range(3)), strict=True):
        scores = [float(score) for score in SCORES[i, j, :2] if (i, j) == (0, 2)] or list(SCORES[i, j])
        found = row.spread("grid/js")
        assert found.n == len(row.finished) == len(scores)
        assert found.median == pytest.approx(statistics.median(scores))
        if len(scores) > 2:
            quarters = statistics.quantiles(scores, n=4, method="inclusive")
            assert (found.low, found.high) == pytest.approx((quarters[0], quarters[2]))
    assert [row.failures for row in section.rows] == ["", "", "4 diverged", "", "", ""]
    assert section.floor("grid/js") == 0.01 and section.floor("modes/covered") is None


@pytest.mark.parametrize(
    ("runs", "columns"),
    [
        # A choice that brings many settings is one column, named as typed.
        ([(["model=a"], {"model.depth": 2, "model.width": 9}), (["model=b"], {"model.depth": 3})], ("model",)),
        ([(["experiment=a"], {"loss": "hinge", "batch_size": 8}), (["experiment=b"], {"batch_size": 9})], ("experiment",)),
        # What both players share is one setting.
        ([([], {"optimizer.learning_rate": 1e-3}), ([], {"optimizer.learning_rate": 1e-2})], ("optimizer.learning_rate",)),
        # Where nobody knows what was typed, a choice stands for the settings that come with it.
        ([([], {"loss": "hinge", "loss.margin": 1.0}), ([], {"loss": "wasserstein"})], ("loss",)),
        ([([], {"loss": "hinge", "loss.margin": 1.0}), ([], {"loss": "hinge", "loss.margin": 2.0})], ("loss.margin",)),
        # The players apart are two settings.
        ([([], {f"{player}_optimizer.b1": 0.5 for player in ("generator", "discriminator", "reconstructor")}),
          ([], {f"{player}_optimizer.b1": 0.9 for player in ("generator", "discriminator", "reconstructor")})], ("optimizer.b1",)),
        ([([], {f"{player}_optimizer.b1": 0.5 for player in ("generator", "discriminator", "reconstructor")}),
          ([], {"generator_optimizer.b1": 0.5, "discriminator_optimizer.b1": 0.5, "reconstructor_optimizer.b1": 0.9})],
         ("reconstructor_optimizer.b1",)),
        ([([], {"generator_optimizer.b1": 0.0, "discriminator_optimizer.b1": 0.5}),
          ([], {"generator_optimizer.b1": 0.0, "discriminator_optimizer.b1": 0.9})], ("discriminator_optimizer.b1",)),
        # What is typed and changes nothing is no setting, and what changes without being typed is one.
        ([(["penalty=[r1]"], {"batch_size": 8}), (["log_every=7"], {"batch_size": 9})], ("batch_size",)),
        ([(["loss=minimax"], {}), ([], {})], ()),
    ],
)  # fmt: skip
def test_columns_are_the_settings_that_differ_as_they_were_typed(tmp_path, runs, columns):
    for number, (words, settings) in enumerate(runs):
        make(tmp_path, number, [*words, "seed=0"], dict(settings), {"grid/js": 0.1})
    assert section_of(tmp_path).columns == columns


def test_a_setting_that_only_some_runs_have_is_empty_elsewhere(tmp_path):
    for number, margin in enumerate((None, 1.0, 2.0)):
        loss = {"loss": "minimax"} if margin is None else {"loss": "hinge", "loss.margin": margin}
        words = [f"{key}={value}" for key, value in loss.items()]
        make(tmp_path, number, [*words, "seed=0"], loss, {"grid/js": 0.1})
    section = section_of(tmp_path)
    assert section.columns == ("loss", "loss.margin")
    assert [row.setting for row in section.rows] == [("hinge", 1.0), ("hinge", 2.0), ("minimax", "")]


def test_what_is_missing_torn_or_unfinished_is_said_and_stands_in_its_row(sweep):
    listed = json.loads((sweep / "sweep.json").read_text())
    new = ["loss=minimax", "optimizer.learning_rate=0.1", "seed=0"]
    listed["runs"].append({"name": "36_new", "overrides": new})
    (sweep / "sweep.json").write_text(json.dumps(listed))
    first, second, third, fourth = sorted(sweep.glob("[0-3]_*"))
    (first / "run.json").write_bytes((first / "run.json").read_bytes()[:200])
    write_summary(second, json.loads((second / "run.json").read_text()) | {"status": "running", "step": 120})
    (third / "metrics.csv").write_text("step,grid/js\n300,0.")
    summary = json.loads((fourth / "run.json").read_text())
    del summary["final"]["grid/js"]
    write_summary(fourth, summary)
    summary = summarize(read([sweep]))
    (section,) = summary.sections
    assert section.rows[0].failures == "1 unfinished, 1 damaged"
    assert section.rows[-1].setting == ("minimax", 0.1) and section.rows[-1].failures == "1 not started"
    notes = "\n".join([*section.notes, *summary.notes])
    for said in (
        r"4 runs of 37 diverged: a loss was not finite at step 2 and the like \(14_",
        r"1 run of 37 unfinished: still running, or killed, at step 120 of 300 \(1_",
        r"1 run of 37 damaged: run\.json is damaged, it does not hold JSON .*\(0_",
        r"1 run of 37 not started: 36_new",
        r"grid/js: 1 finished run of 30 did not measure it: 3_",
        r"metrics\.csv is torn in its last row in 2_",
    ):
        assert re.search(said, notes), f"{said}\n{notes}"


def test_runs_of_different_data_sets_are_reported_apart(sweep, tmp_path):
    for seed in range(2):
        words = [f"seed={seed}", "dataset=grid"]
        make(tmp_path / "other", seed, words, {"dataset": "grid"}, {"grid/js": 0.4, "modes/covered": 20})
    summary = summarize(read([sweep, tmp_path / "other", sweep]))
    assert [(section.dataset, len(section.runs)) for section in summary.sections] == [("ring", 36), ("grid", 2)]
    assert "2 data sets, whose numbers do not compare: 36 on ring, 2 on grid" in summary.notes[0]


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ("loss=hinge", 18),
        ("loss=hinge,minimax", 36),
        ("optimizer.learning_rate=1e-3,0.01", 24),
        ("optimizer.learning_rate<1e-3", 12),
        ("optimizer.learning_rate>=1e-3", 24),
        ("seed<=1", 12),
        ("loss.margin=", 18),
    ],
)
def test_conditions_choose_runs(sweep, condition, count):
    assert len(where(read([sweep]).runs, [condition])) == count


def test_grouping_by_other_settings_pools_the_rest(sweep):
    section = section_of(sweep, by=["seed"], conditions=["loss=minimax"])
    assert [row.setting for row in section.rows] == [(seed,) for seed in SEEDS]
    assert [row.spread("grid/js").median for row in section.rows] == pytest.approx(list(np.median(SCORES[1], axis=0)))


def test_every_format_says_the_same(sweep):
    summary = summarize(read([sweep]))
    rows = list(csv.DictReader(io.StringIO(FORMATS["csv"](summary))))
    objects = json.loads(FORMATS["json"](summary))["sections"][0]["rows"]
    for found, row, plain in zip(summary.sections[0].rows, rows, objects, strict=True):
        assert float(row["grid/js/median"]) == plain["metrics"]["grid/js"]["median"] == found.spread("grid/js").median
        assert (row["loss"], float(row["optimizer.learning_rate"])) == tuple(plain["setting"].values())
        assert int(row["finished"]) == plain["metrics"]["grid/js"]["n"] and (row["best"] == "True") == plain["best"]
    assert sum(row["best"] == "True" for row in rows) == 1 and rows[2]["diverged"] == "4"
    markdown, latex = FORMATS["markdown"](summary), FORMATS["latex"](summary)
    best = f"{summary.sections[0].best.spread('grid/js').median:.4g} ["
    assert [best in line for line in markdown.splitlines() if line.startswith("| *")] == [True]
    assert r"\toprule" in latex and r"optimizer.learning\_rate" in latex and best in latex
    buffer = io.StringIO()
    print_summary(summary, Console(file=buffer, width=80))
    assert best in buffer.getvalue() and "too wide for this terminal: modes/covered" in buffer.getvalue()


def test_the_wall_shows_the_last_picture_of_the_median_run(sweep):
    shown = wall(section_of(sweep))
    assert {shown.across, shown.down} == {"loss", "optimizer.learning_rate"} and len(shown.cells) == 6
    key = tuple({"loss": "minimax", "optimizer.learning_rate": 1e-3}[name] for name in (shown.across, shown.down))
    seed = int(np.argsort(SCORES[1, 1])[2])
    assert shown.cells[key].run.seed == seed
    assert shown.cells[key].picture.name == "samples_0000000300.png"
    assert shown.cells[key].picture.parts[-3].startswith(f"{24 + seed}_")


def test_the_command_leaves_a_page_that_needs_nothing_else(sweep, capsys):
    sweep = sweep.rename(sweep.with_name("<b>&"))
    assert report.command([str(sweep)]) == FINISHED
    printed = capsys.readouterr().out
    assert "4 diverged" in printed and "report.html" in printed
    names = {path.name for path in (sweep / "report").iterdir()}
    assert {
        "report.html", "table.csv", "table.md", "wall.png", "best_of_k.png", "intervals.png", "intervals.csv",
        "sensitivity_optimizer.learning_rate_grid_js.png",
    } <= names  # fmt: skip
    text = (sweep / "report" / "report.html").read_text()
    page = Page(text)
    assert_strict(page)
    names = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    used = re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', text)
    assert len(names) == len(set(names)) and {first or second for first, second in used} == set(names)
    assert sum(attributes.get("src", "").startswith("data:image/png") for _, attributes in page.tags) == 6
    assert "<b>&" not in text and "{{" not in text and "ganexp 0.1.0" in text
    first = text
    assert report.command([str(sweep), "--format", "json"]) == FINISHED
    assert json.loads(capsys.readouterr().out)["sections"][0]["main"] == "grid/js"
    assert (sweep / "report" / "report.html").read_text() == first


@pytest.mark.skipif(BROWSER is None, reason="sorting a table takes Chromium")
def test_a_table_is_sorted_by_a_click_on_its_head(sweep, tmp_path, capsys):
    assert report.command([str(sweep), "--out", str(tmp_path / "out")]) == FINISHED
    script = """
      const heads = [...document.querySelector("table").tHead.rows[0].cells];
      const shown = () => [...document.querySelector("table").tBodies[0].rows].map(
        (row) => [...row.cells].slice(1, 3).map((cell) => cell.textContent.trim()));
      const colors = [...document.querySelectorAll("figure svg path")].map((path) => getComputedStyle(path).stroke);
      said.colors = [...new Set(colors)];
      for (const number of [2, 2, 4]) { heads[number].firstChild.click(); (said[number] ??= []).push(shown()); }
    """
    said = played((tmp_path / "out" / "report.html").read_text(), script, tmp_path)
    rates = [f"{rate:g}" for rate in RATES for _ in LOSSES]
    assert [rate for _, rate in said["2"][0]] == rates and [rate for _, rate in said["2"][1]] == rates[::-1]
    rows = section_of(sweep).rows
    ranked = sorted(rows, key=lambda row: row.spread("grid/js").median)
    assert said["4"][0] == [[loss, f"{rate:g}"] for loss, rate in (row.setting for row in ranked)]
    # The figures have the page's colors.
    assert {"rgb(0, 114, 178)", "rgb(213, 94, 0)"} <= set(said["colors"])


def test_a_metric_without_a_best_end_and_two_swept_numbers(tmp_path, capsys):
    for number, (rate, weight) in enumerate(itertools.product((1e-3, 1e-2), (0.0, 0.1, 10.0))):
        words = [f"optimizer.learning_rate={rate}", f"penalty.r1.weight={weight}", "seed=0"]
        settings = {"optimizer.learning_rate": rate, "penalty.r1.weight": weight}
        make(tmp_path / "a", number, words, settings, {"grid/js": rate + weight / 9, "accuracy/real": 0.5})
    out = tmp_path / "out"
    assert report.command([str(tmp_path / "a"), "--metric", "accuracy/real", "--out", str(out)]) == FINISHED
    assert "best by" not in capsys.readouterr().out and sorted(path.name for path in out.iterdir()) == [
        "report.html", "table.csv", "table.md",
    ]  # fmt: skip
    assert report.command([str(tmp_path / "a"), "--out", str(out)]) == FINISHED
    (drawn,) = [path.name for path in out.glob("map_*.png")]
    assert "optimizer.learning_rate" in drawn and "penalty.r1.weight" in drawn


def test_settings_drawn_at_random_are_shown_without_a_grid(tmp_path, capsys):
    random = np.random.default_rng(0)
    home, seeds = tmp_path / "random", range(40)
    for seed, rate, weight in zip(seeds, random.uniform(0, 1, 40), random.uniform(0, 1, 40), strict=True):
        words = [f"optimizer.learning_rate={rate}", f"batch_size={weight}", f"seed={seed}"]
        settings = {"optimizer.learning_rate": float(rate), "batch_size": float(weight)}
        folder = make(home, seed, words, settings, {"grid/js": float(rate)})
        write_png(folder / "images" / "samples_0000000300.png", png_bytes(np.full((20, 30, 3), seed, np.uint8)))
    section = section_of(home)
    assert section.importance["optimizer.learning_rate"] > 0.8 and section.importance["batch_size"] < 0.5
    shown = wall(section)
    assert shown.columns == list(range(1, 13)) and shown.cells[1, ""].row is section.best
    assert report.command([str(home)]) == FINISHED
    assert "differences between settings may be chance" in capsys.readouterr().out
    names = {path.name for path in (home / "report").iterdir()}
    assert "best_of_k.png" in names and "intervals.png" not in names and any(name.startswith("map_") for name in names)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "report needs the folder"),
        (["EMPTY"], "holds no run"),
        (["missing"], "missing: is not a folder"),
        (["SWEEP", "--by", "optimizer.learning_rat"], "did you mean optimizer.learning_rate?"),
        (["SWEEP", "--metric", "grid/j"], "did you mean grid/js?"),
        (["SWEEP", "--where", "los=hinge"], "did you mean loss?"),
        (["SWEEP", "--where", "loss=hing"], "no run has loss=hing; there are hinge, minimax; did you mean hinge?"),
        (["SWEEP", "--where", "seed>9"], "no run is left of 36"),
        (["SWEEP", "--where", "seed>x"], "'x' is not a number"),
        (["SWEEP", "--where", "seed"], "is not KEY=VALUE"),
        (["SWEEP", "--format", "word"], "invalid choice: 'word'"),
    ],
)
def test_mistakes_are_one_sentence_and_write_nothing(sweep, tmp_path, capsys, words, sentence):
    (tmp_path / "empty").mkdir()
    places = {"EMPTY": str(tmp_path / "empty"), "SWEEP": str(sweep)}
    before = sorted(tmp_path.rglob("*"))
    assert guarded(lambda: report.command([places.get(word, word) for word in words])) == 2
    told = capsys.readouterr()
    assert told.out == "" and told.err.count("\n") == 1 and sentence in told.err
    assert sorted(tmp_path.rglob("*")) == before


def test_reading_needs_no_jax():
    code = "import sys, ganexp.report.page, ganexp.cli.report; assert not {'jax', 'matplotlib', 'jinja2'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_folder_with_no_run_is_refused_even_among_others(sweep, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReportError, match="empty: holds no run"):
        read([sweep, tmp_path / "empty"])
