"""A mistake is one sentence on stderr, exit status 2, and nothing done.

The sentences are golden: `usage_errors.txt` holds them as `ARGUMENTS => SENTENCE`. After a change of the texts
`GANEXP_WRITE_USAGE_ERRORS=1 pytest tests/test_usage_errors.py` writes them anew; read the diff. A new mistake is a new line
with its arguments and ` => `.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import jax.monitoring
import jaxtyping
import pytest

from ganexp import cli, size
from ganexp.cli import single
from ganexp.cli.together import Together

GOLDEN = Path(__file__).with_name("usage_errors.txt")
WRITES = bool(os.environ.get("GANEXP_WRITE_USAGE_ERRORS"))
COMPILATION = "/jax/core/compile/backend_compile_duration"
# What a sentence has that Hydra, OmegaConf or Python wrote.
DEBRIS = (
    "full_key", "object_type", "reference_type", "Traceback", "search path", "DictConfig", "ListConfig", "Error", "Exception",
    "NoneType", "subclass", "Interpolation", "raised while", "expecting",
)  # fmt: skip


def golden() -> list[tuple[str, str]]:
    lines = GOLDEN.read_text(encoding="utf-8").splitlines()
    return [tuple(line.split(" => ", 1)) for line in lines if line and not line.startswith("#")]


@pytest.fixture(scope="module", autouse=True)
def written():
    """What was seen, by arguments; written back where that is asked for."""
    seen: dict[str, str] = {}
    yield seen
    if WRITES:
        lines = GOLDEN.read_text(encoding="utf-8").splitlines()
        replaced = [f"{key} => {seen[key]}" if (key := line.split(" => ", 1)[0]) in seen else line for line in lines]
        GOLDEN.write_text("\n".join(replaced) + "\n", encoding="utf-8")


@pytest.fixture
def somewhere(tmp_path, monkeypatch) -> Path:
    """A current directory with a file, a folder that holds a run without its settings, and one that holds a sweep."""
    for folder in ("run", "sweep"):
        (tmp_path / folder).mkdir()
    (tmp_path / "run" / "run.json").write_text(json.dumps({"status": "finished"}), encoding="utf-8")
    (tmp_path / "sweep" / "multirun.yaml").touch()
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def compilations():
    heard: list[str] = []

    def listen(event: str, duration: float, **about: object) -> None:
        if event == COMPILATION:
            heard.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    jax.jit(lambda x: x * 3 + 17)(1.0)
    assert heard, "compilations are not heard any more: has JAX renamed the event?"
    return heard


@pytest.fixture(scope="module", autouse=True)
def unchecked_types():
    """Types are checked in tests only (conftest.py), and before the sentence about a wrong type could be said."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", before)


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize(("typed", "sentence"), golden(), ids=[typed for typed, _ in golden()])
def test_a_mistake_is_one_sentence_and_nothing_is_done(
    typed, sentence, somewhere, compilations, written, monkeypatch, capsys
):
    def no_training(*arguments: object, **options: object) -> NoReturn:
        pytest.fail(f"{typed} was accepted, and training began")

    monkeypatch.setattr(single, "train", no_training)
    monkeypatch.setattr(Together, "train_all", no_training)
    monkeypatch.setattr(size, "memory", lambda: 16 * 2**30)
    monkeypatch.setattr(sys, "argv", ["ganexp"])
    before, compiled = tree(somewhere), len(compilations)
    with pytest.raises(SystemExit) as ended:
        cli.main(shlex.split(typed))
    out, said = capsys.readouterr()
    assert ended.value.code == 2
    assert (out, said.count("\n"), said[-1:]) == ("", 1, "\n"), said
    assert tree(somewhere) == before
    assert len(compilations) == compiled
    written[typed] = said.rstrip("\n")
    if not WRITES:
        assert said.rstrip("\n") == sentence


def test_the_sentences_are_sentences():
    for typed, sentence in golden():
        assert sentence.startswith("ganexp: "), typed
        for debris in DEBRIS:
            assert debris not in sentence, typed


@pytest.mark.parametrize("typed", ["dataset.std=-1", "loss=hing out=made", "seed=1,2", "resume nothing", "+foo=1"])
def test_the_command_itself_says_the_same(typed, somewhere, tmp_path):
    command = [shutil.which("ganexp", path=str(Path(sys.executable).parent)) or "ganexp", *shlex.split(typed)]
    before = tree(somewhere)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ganexp: ")
    assert done.stderr.count("\n") == 1
    assert tree(somewhere) == before
