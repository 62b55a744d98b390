"""The command: what it prints, its exit status, and the folder it leaves."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import jax
import pytest
import yaml
from short_runs import LOOKS, columns, command, summary
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from typed import here, python

import ganexp
from ganexp.cli import display
from ganexp.component import arrays
from ganexp.config.build import load
from ganexp.ranking import Ranking
from ganexp.runner.pace import Progress
from ganexp.training import init

NETS = tuple(f"model.{player}.{size}" for player in ("generator", "discriminator") for size in ("width=8", "depth=2"))


TINY = (*NETS, *LOOKS, "batch_size=16")


TERMS = {"loss/discriminator/adversarial", "loss/discriminator/r1"}


COMMON = {
    "loss/discriminator",
    "loss/generator",
    "sliced_wasserstein",
    "accuracy/real",
    "accuracy/fake",
    "score/real",
    "score/fake",
    "gradient/generator",
    "gradient/discriminator",
}


PLANE = {"grid/kl", "grid/js", "grid/kl/floor", "grid/js/floor", "sliced_wasserstein/floor"}


MODES = {"modes/covered", "modes/high_quality", "modes/kl", "modes/kl/floor"}


KINDS = {
    "ring": (TINY, COMMON | TERMS | PLANE | MODES),
    "curve": ((*TINY, "dataset=curve"), COMMON | TERMS | PLANE | {"curve/distance", "curve/coverage"}),
    # All real points are the same: the floor is exactly zero, and none is shown.
    "dirac": ((*LOOKS, "dataset=dirac", "batch_size=4"), COMMON | TERMS | {"dirac/theta", "dirac/psi"}),
}


pytestmark = pytest.mark.usefixtures("one_cache")


def test_cfg_job_prints_the_composed_config_and_starts_no_backend(tmp_path):
    done = python(
        "import os, sys\n"
        f"os.chdir({str(tmp_path)!r})\n"
        "from ganexp.cli import main\n"
        "try: main(['--cfg', 'job', 'seed=3', 'dataset.radius=1.5'])\n"
        "finally:\n"
        "    from jax._src import xla_bridge\n"
        "    print('BACKENDS', xla_bridge._backends, file=sys.stderr)"
    )
    assert (done.returncode, done.stderr) == (0, "BACKENDS {}\n")
    config = yaml.safe_load(done.stdout)
    assert (config["seed"], config["dataset"]["radius"]) == (3, 1.5)
    assert "hydra" not in config
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_says_the_sizes_and_makes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    overrides = (
        *LOOKS,
        "batch_size=16",
        "model.generator.depth=3",
        "model.discriminator.features=2",
        "prior.dimension=5",
    )
    assert here("--dry-run", *overrides, "out=made") == 0
    said = capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
    state = init(arrays(load(overrides)[1].experiment))
    for name, player in state.players.items():
        count = sum(leaf.size for leaf in jax.tree.leaves(player.params))
        assert re.search(rf"^{name}: .*\b{count:,} parameters$", said, re.MULTILINE)
    assert "steps: 60" in said
    assert "folder: made\n" in said
    assert "model.generator.depth = 3" in said


@pytest.fixture(scope="module", params=KINDS)
def finished(request, tmp_path_factory) -> tuple[str, Path, str]:
    """A kind of run, its folder, and what it printed."""
    folder = tmp_path_factory.mktemp("runs") / request.param
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_COMPILATION_CACHE_DIR", str(jax.config.jax_compilation_cache_dir))
        done = command(*KINDS[request.param][0], f"out={folder}")
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    return request.param, folder, done.stdout


def test_the_folder_holds_what_the_contract_says(finished):
    kind, folder, _ = finished
    names = {path.name for path in folder.iterdir() if "tfevents" not in path.name}
    assert names == {".hydra", "checkpoints", "frames.bin", "images", "metrics.csv", "run.json"}
    assert len(list(folder.glob("events.out.tfevents.*"))) == 1
    assert {path.name for path in (folder / ".hydra").iterdir()} == {"config.yaml", "hydra.yaml", "overrides.yaml"}
    assert yaml.safe_load((folder / ".hydra" / "overrides.yaml").read_text()) == [*KINDS[kind][0], f"out={folder}"]
    assert sorted(path.stem for path in (folder / "checkpoints").iterdir()) == [f"{n:010d}" for n in (20, 40, 60)]
    for picture in {path.stem.rpartition("_")[0] for path in (folder / "images").iterdir()}:
        assert [(folder / "images" / f"{picture}_{step:010d}.png").exists() for step in (0, 30, 60)] == [True] * 3
    rows = (folder / "metrics.csv").read_text().splitlines()
    assert columns(folder)[0] == "step"
    assert [int(row.partition(",")[0]) for row in rows[1:]] == [0, 10, 20, 30, 40, 50, 60]


def test_run_json_says_what_the_run_was_and_how_it_ended(finished):
    _, folder, _ = finished
    told = summary(folder)
    assert (told["status"], told["seed"], told["step"]) == ("finished", 0, 60)
    assert {"python", "jax", "jaxlib", "flax", "optax", "ganexp"} <= {*told["versions"]}
    assert told["versions"]["jax"] == jax.__version__
    assert told["versions"]["ganexp"] == ganexp.__version__
    assert "git_commit" in told
    assert told["device"]["platform"] == "cpu"
    seconds = told["wall_seconds"]
    assert {"start", "compile", "train", "metrics", "records"} <= {*seconds}
    assert all(value >= 0 for value in seconds.values())
    # Records are written while the device works: each part is one of the total, and their sum may be more.
    assert all(value <= seconds["total"] + 1e-6 for value in seconds.values())


def test_the_names_other_programs_rely_on_are_everywhere(finished):
    kind, folder, _ = finished
    expected = KINDS[kind][1]
    seen = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    final, scalars = {*summary(folder)["final"]}, {*seen.Tags()["scalars"]}
    # For the HParams page: a few that stand for the run, because each is a chart of one point.
    last = {tag for tag in scalars if tag.startswith("final/")}
    assert last == {f"final/{tag}" for tag in (*Ranking(summary(folder)["better"]).headline(final), "failed")}
    assert 2 <= len(last) <= 5
    for place, tags in (("metrics.csv", {*columns(folder)}), ("run.json", final), ("TensorBoard", scalars - last)):
        assert expected <= tags, f"{place} lacks {expected - tags}"
        others = {tag for tag in tags - expected - {"step"} if not tag.startswith("schedule/")}
        assert not others, f"{place} has {others}, which nobody documented"
    assert {"config/text_summary", "config"} & {*seen.Tags()["tensors"]}
    assert "custom_scalars__config__" in seen.Tags()["tensors"]


def test_the_end_shows_the_metrics_their_floors_and_what_to_type_next(finished):
    kind, folder, said = finished
    for tag in KINDS[kind][1]:
        assert (re.search(rf"^{tag} ", said, re.MULTILINE) is None) == tag.endswith("/floor"), tag
    assert f"tensorboard --logdir {folder}" in said


def test_a_folder_with_a_run_is_left_alone(finished, capsys):
    _, folder, _ = finished
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert here(*TINY, f"out={folder}") == 2
    assert f"ganexp resume {folder}" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_without_out_a_run_lies_under_outputs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert here(*KINDS["dirac"][0]) == 0
    runs = [path.parent.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("run.json")]
    assert len(runs) == 2
    for folder in runs:
        assert re.fullmatch(r"outputs/\d{4}-\d\d-\d\d/\d\d-\d\d-\d\d(-\d+)?", folder)


def test_run_json_says_running_while_it_runs(tmp_path, monkeypatch):
    seen = []

    @contextlib.contextmanager
    def progress(*arguments: object) -> Iterator[Callable[[Progress], None]]:
        yield lambda told: seen.append((told.step, summary(tmp_path / "run")["status"]))

    monkeypatch.setattr(display, "progress", progress)
    assert here(*KINDS["dirac"][0], f"out={tmp_path / 'run'}") == 0
    assert [step for step, _ in seen] == [10, 20, 30, 40, 50, 60]
    assert {status for _, status in seen} == {"running"}


def test_a_run_that_fails_says_so(tmp_path, monkeypatch, capsys):
    @contextlib.contextmanager
    def progress(*arguments: object) -> Iterator[Callable[[Progress], None]]:
        yield lambda told: 1 / 0

    monkeypatch.setattr(display, "progress", progress)
    assert here(*KINDS["dirac"][0], f"out={tmp_path / 'run'}") == 1
    told = summary(tmp_path / "run")
    assert (told["status"], told["reason"]) == ("failed", "ZeroDivisionError: division by zero")
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"ganexp: {tmp_path / 'run'}: failed: ZeroDivisionError: division by zero")
    assert "Traceback" in (tmp_path / "run" / "error.txt").read_text()
    monkeypatch.undo()
    assert here("resume", str(tmp_path / "run")) == 0
    assert not (tmp_path / "run" / "error.txt").exists()


def test_a_divergence_exits_3_and_says_where_and_why(tmp_path, capsys):
    chosen = ("optimizer=sgd", "optimizer.learning_rate=1e30", "penalty=[]", "schedule=[]")
    assert here(*TINY, *chosen, f"out={tmp_path / 'run'}") == 3
    told = summary(tmp_path / "run")
    assert told["status"] == "diverged"
    step = int(re.search(r"at step (\d+) ", told["reason"])[1])
    assert 1 <= step <= 10
    said = capsys.readouterr()
    assert f"ganexp: diverged: {told['reason']}" in said.err
    assert "Traceback" not in said.err
    assert here("resume", str(tmp_path / "run")) == 2
    assert "diverged" in capsys.readouterr().err


def test_a_cache_folder_that_cannot_be_written_is_done_without(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/x")
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    done = command(*KINDS["dirac"][0], "out=run", cwd=tmp_path)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"run"}
