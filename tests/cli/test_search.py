"""Searches: what is asked for is checked at its ends, trained in batches, gone on with by asking again; and other launchers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from commands import ganexp

from ganexp.cli.sweep_end import metric_of, objective
from ganexp.config.build import load
from ganexp.config.compose import conf_dir, prepare
from ganexp.config.multirun import installed
from ganexp.config.search import ends
from ganexp.config.usage_errors import UsageError
from ganexp.ranking import Ranking

SEARCHES = sorted((conf_dir() / "search").glob("*.yaml"))
NETS = tuple(f"model.{player}.{size}" for player in ("generator", "discriminator") for size in ("width=4", "depth=1"))
QUICK = (
    *NETS,
    "batch_size=8",
    "eval_samples=50",
    "final_samples=200",
    "steps=20",
    "eval_every=0",
    "image_every=0",
    "optimizer=sgd",
)
RATES = "optimizer.learning_rate=tag(log,interval(1e-3,1e-1))"
SEARCH = (*QUICK, RATES, "hydra/sweeper=optuna", "hydra.sweeper.n_trials=5", "hydra.sweeper.n_jobs=3")

pytestmark = pytest.mark.usefixtures("one_cache")


def summary(folder: Path) -> dict:
    return json.loads((folder / "run.json").read_text())


def begun(folder: Path) -> list[dict]:
    return json.loads((folder / "sweep.json").read_text())["runs"]


def losses(folder: Path) -> list[bytes]:
    """What each run of a sweep recorded, in their order."""
    return [(folder / run["name"] / "metrics.csv").read_bytes() for run in begun(folder)]


def sentence(capsys, *words: str) -> str:
    """What is said of a mistake, which is one sentence and status 2."""
    capsys.readouterr()
    assert ganexp(*words) == 2
    out, said = capsys.readouterr()
    assert (out, said.count("\n")) == ("", 1), said
    return said


@pytest.fixture(autouse=True)
def somewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("interval(0.1,2)", ["0.1", "2.0"]),
        ("tag(log,interval(1e-5,1e-2))", ["1e-05", "0.01"]),
        ("int(interval(1,5))", ["1", "5"]),
        ("range(1,5)", ["1", "5"]),
        ("choice(a,b,c)", ["a", "b", "c"]),
        ("3,1,2", ["3", "1", "2"]),
        ("0.5", ["0.5"]),
    ],
)
def test_a_space_is_checked_at_both_ends_and_at_every_choice(text, found):
    assert ends("setting", text) == found


@pytest.mark.parametrize(
    "text",
    ["interval(2,1)", "interval(1,1)", "tag(log,interval(0,1))", "range(3,1)", "glob(*)", "interval(1", "x(1,2)"],
)
def test_what_cannot_be_drawn_from_is_refused(text):
    with pytest.raises(UsageError, match="setting="):
        ends("setting", text)


@pytest.mark.parametrize(
    "words",
    [
        (*QUICK, "dataset=ring"),
        (*QUICK, "dataset=curve"),
        ("experiment=dirac", "steps=5", "eval_samples=50", "final_samples=200", "eval_every=0", "image_every=0"),
        pytest.param(
            (*QUICK, "dataset=binarized_mnist", "dataset.source=bundled", "dataset.examples=300"),
            marks=pytest.mark.slow,  # The classifier is compiled.
        ),
    ],
    ids=["ring", "curve", "dirac", "digits"],
)
def test_the_main_metric_is_known_before_a_run(words):
    assert ganexp(*words, "out=run") == 0
    _, job = load(words)
    told = summary(Path("run"))
    assert metric_of(job) == Ranking(told["better"]).main(told["final"])


@pytest.mark.parametrize(
    ("metric", "worst"), [("grid/js", float("inf")), ("modes/covered", float("-inf"))], ids=lambda case: str(case)
)
def test_a_run_without_its_metric_is_worse_than_any(metric, worst):
    _, job = load([f"sweep.metric={metric}"])
    finals = {"status": "finished", "final": {metric: 0.25}}
    assert objective(job, finals) == 0.25
    assert objective(job, finals | {"status": "diverged"}) == worst
    assert objective(job, finals | {"final": {metric: float("nan")}}) == worst
    assert objective(job, {}) == worst


@pytest.mark.parametrize("path", SEARCHES, ids=lambda path: path.stem)
def test_the_spaces_of_a_search_are_settings_of_its_recipe(path):
    content = yaml.safe_load(path.read_text())
    assert {*content} == {"n_trials", "n_jobs", "params"}, "a search is spaces, and says nothing of the runs but those"
    command = path.read_text().splitlines()[1].removeprefix("# ganexp -m ").split()
    assert f"search={path.stem}" in command
    recipe = [word for word in command if not word.startswith("search=")]
    values = {key: ends(key, text) for key, text in content["params"].items()}
    for place in (0, -1):
        load([*recipe, *(f"{key}={found[place]}" for key, found in values.items())])


def test_a_search_needs_many_runs(capsys):
    assert "add -m" in sentence(capsys, "search=adam")


def test_an_interval_is_not_for_a_grid_and_the_way_out_is_named(capsys):
    assert "hydra/sweeper=optuna" in sentence(capsys, "-m", "optimizer.learning_rate=interval(1e-4,1e-2)")


@pytest.mark.parametrize("name", ["joblib", "submitit_local", "submitit_slurm", "ray"])
def test_a_launcher_that_is_not_installed_is_named_with_its_extra(name, capsys):
    prepare()
    if name in installed("hydra/launcher"):
        pytest.skip(f"hydra/launcher={name} is installed")
    extra = name.partition("_")[0]
    assert f"ganexp[{extra}]" in sentence(capsys, "-m", "seed=0,1", f"hydra/launcher={name}")


def test_other_launchers_and_sweepers_that_do_not_exist_are_refused(capsys):
    assert "jax" in sentence(capsys, "-m", "seed=0,1", "hydra/launcher=nothing")
    assert "basic" in sentence(capsys, "-m", "seed=0,1", "hydra/sweeper=nothing")


def test_a_search_without_optuna_says_what_to_install(capsys):
    if "optuna" in installed("hydra/sweeper"):
        pytest.skip("Optuna is installed")
    assert "ganexp[optuna]" in sentence(capsys, "-m", "search=adam")


@pytest.mark.parametrize(
    "launcher",
    # Their worker processes start as whole runs do.
    ["basic", pytest.param("joblib", marks=pytest.mark.slow), pytest.param("submitit_local", marks=pytest.mark.slow)],
)
def test_another_launcher_leaves_the_same_runs(launcher, tmp_path):
    if launcher != "basic":
        pytest.importorskip(launcher.partition("_")[0], reason=f"hydra/launcher={launcher} is an extra")
        pytest.importorskip(f"hydra_plugins.hydra_{launcher.partition('_')[0]}_launcher")
    swept = ("-m", *QUICK, "optimizer.learning_rate=0.01,1e30", "seed=0,1")
    assert ganexp(*swept, "out=jax") == 3
    assert ganexp(*swept, f"hydra/launcher={launcher}", "out=other") == 3
    names = [run["name"] for run in begun(Path("jax"))]
    assert names == [run["name"] for run in begun(Path("other"))]
    assert [path.name for path in sorted(Path("jax").glob("*/.hydra/*"))] == [
        path.name for path in sorted(Path("other").glob("*/.hydra/*"))
    ]
    for name in names:
        own, others = (summary(Path(folder) / name) for folder in ("jax", "other"))
        assert (own["status"], own["step"], own["settings"]) == (others["status"], others["step"], others["settings"])
    if launcher == "basic":
        # A worker process takes more points for its last evaluation than these tests do.
        assert losses(Path("jax")) == losses(Path("other"))


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A finished search of five runs in batches of three."""
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper", reason="searches need the extra optuna")
    folder = tmp_path_factory.mktemp("search") / "whole"
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder.parent)
        assert ganexp("-m", *SEARCH, "out=whole") == 0
    return folder


def test_a_search_trains_batches_and_finds_the_best(searched):
    known = json.loads((searched / "sweep.json").read_text())
    assert (len(known["runs"]), known["batches"]) == (5, [0, 3])
    scores = [summary(searched / run["name"])["final"]["grid/js"] for run in known["runs"]]
    found = yaml.safe_load((searched / "optimization_results.yaml").read_text())
    assert found["best_value"] == min(scores)
    best = known["runs"][scores.index(min(scores))]["overrides"]
    assert f"optimizer.learning_rate={found['best_params']['optimizer.learning_rate']}" in best


def test_a_search_can_be_repeated_one_run_at_a_time(searched):
    assert ganexp("-m", *SEARCH, "hydra/launcher=basic", "out=again") == 0
    assert begun(Path("again")) == begun(searched)
    assert losses(Path("again")) == losses(searched)


def test_an_interrupted_search_goes_on_as_if_it_had_not_been(searched, tmp_path, capfd):
    left = tmp_path / "left"
    shutil.copytree(searched, left)
    known = json.loads((left / "sweep.json").read_text())
    for run in known["runs"][3:]:
        shutil.rmtree(left / run["name"])
    (left / known["runs"][1]["name"] / "run.json").unlink()
    (left / "optimization_results.yaml").unlink()
    (left / "sweep.json").write_text(json.dumps(known | {"runs": known["runs"][:3], "batches": [0]}))
    assert ganexp("resume", "left") == 0
    assert (left / "sweep.json").read_bytes() == (searched / "sweep.json").read_bytes()
    assert losses(left) == losses(searched)
    assert (left / "optimization_results.yaml").read_bytes() == (searched / "optimization_results.yaml").read_bytes()
    out, said = capfd.readouterr()
    assert "best: " in out
    assert "\x1b" not in said and "A new study" not in said


def test_diverged_runs_are_the_worst_of_a_search(searched):
    words = (*QUICK, "optimizer.learning_rate=choice(0.01,1e30)", "hydra/sweeper=optuna", "hydra.sweeper.n_trials=4")
    assert ganexp("-m", *words, "hydra/sweeper/sampler=random", "sweep.metric=modes/covered", "out=worst") == 3
    assert {summary(path.parent)["status"] for path in Path("worst").glob("*/run.json")} == {"finished", "diverged"}
    found = yaml.safe_load(Path("worst/optimization_results.yaml").read_text())
    assert found["best_params"] == {"optimizer.learning_rate": 0.01}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("search=adam", "optimizer.b1=interval(0,0.9)"), "optimizer.b1 is given twice"),
        (("search=adam", "optimizer=sgd"), "optimizer.b1: there is no such setting"),
        (("search=adam,ganlab",), "one value"),
        (("search=nothing",), "adam"),
        (("search=adam", "hydra.sweeper.direction=maximize"), "lower is better"),
        (("search=adam", "sweep.metric=modes/covered", "hydra.sweeper.direction=minimize"), "higher is better"),
        (("search=adam", "hydra.sweeper.n_jobs=0"), "at least 1"),
        (("search=adam", "hydra.sweeper.nothing=1"), "n_trials"),
        (("search=adam", "hydra/sweeper/sampler=nothing"), "tpe"),
        (("search=adam", "hydra/sweeper/sampler=grid"), "leave out hydra/sweeper=optuna"),
        (("search=adam", "hydra/sweeper=basic"), "leave it out"),
        (("search=adam", "hydra.sweeper.storage=sqlite:///x.db"), "leave it out"),
        (("search=adam", "profile=true"), "hydra/launcher=basic"),
        (("hydra/sweeper=optuna",), "nothing has a space"),
        (("hydra/sweeper=optuna", "optimizer.b1=interval(0,1.5)"), "at 1.5: optimizer.b1: 1.5 is out of range"),
        (("hydra/sweeper=optuna", "batch_size=interval(1,9)"), "batch_size=1.0: it must be a whole number"),
        (("hydra/sweeper=optuna", "nothing=interval(0,1)"), "nothing: there is no such setting"),
    ],
    ids=lambda case: " ".join(case) if isinstance(case, tuple) else "",
)
def test_a_search_that_cannot_be_is_refused_before_anything_is_written(searched, tmp_path, words, said, capsys):
    assert said in sentence(capsys, "-m", *words)
    assert not list(tmp_path.iterdir())


def test_a_dry_run_says_what_would_be_searched(searched, tmp_path, capsys):
    assert ganexp("-m", "search=adam", "optimizer.b1=0.5", "--dry-run") == 0
    told = capsys.readouterr().out
    for text in (
        "optimizer.learning_rate = tag(log, interval(1e-5, 1e-2))",
        "32 trials",
        "8 at a time",
        "minimize grid/js",
    ):
        assert text in told
    assert "optimizer.b1 =" not in told
    assert not list(tmp_path.iterdir())
