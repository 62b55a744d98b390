"""What the environment says to the libraries: it changes no number and no picture, and what cannot be is one sentence."""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import types
from pathlib import Path

import jax
import pytest
from commands import NETS, ganexp

from ganexp import cache
from ganexp.cli import environment
from ganexp.paths import cache_home

COMMAND = str(Path(sys.executable).with_name("ganexp"))
pytestmark = pytest.mark.exact
SHORT = (
    *NETS,
    "steps=30",
    "log_every=10",
    "eval_every=30",
    "image_every=30",
    "eval_samples=500",
    "final_samples=500",
    "batch_size=16",
)
# Each of these would stop a run, or change its numbers or its pictures.
HOSTILE = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "MPLCONFIGDIR": "/dev/null",
    "JAX_ENABLE_X64": "1",
    "JAX_DEBUG_NANS": "1",
    "JAX_DISABLE_JIT": "1",
    "JAX_DEFAULT_PRNG_IMPL": "rbg",
    "JAX_THREEFRY_PARTITIONABLE": "0",
    "JAX_RANDOM_SEED_OFFSET": "7",
    "JAX_NUMPY_DTYPE_PROMOTION": "strict",
    "JAX_NUMPY_RANK_PROMOTION": "raise",
    "JAX_LOGGING_LEVEL": "none such",
}
STYLE = "lines.linewidth: 9\nfont.family: serif\naxes.facecolor: red\nnot a line\nno.such.key: 1\n"


@pytest.fixture
def environ(monkeypatch):
    """An environment of the test's own, with what any has."""
    own = {"PATH": "/usr/bin", "HOME": "/home/nobody"}
    monkeypatch.setattr(os, "environ", own)
    return own


def contents(folder: Path) -> dict[str, str]:
    """The digests of a run's pictures and numbers by name."""
    paths = [folder / "metrics.csv", *sorted((folder / "images").iterdir())]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_a_run_has_the_same_numbers_and_pictures_in_a_hostile_environment(tmp_path, one_cache):
    assert ganexp(*SHORT, f"out={tmp_path / 'plain'}") == 0
    (tmp_path / "matplotlibrc").write_text(STYLE, encoding="utf-8")
    done = subprocess.run(
        [COMMAND, *SHORT, "out=hostile"], cwd=tmp_path, env=os.environ | HOSTILE, capture_output=True, timeout=120, check=False
    )  # fmt: skip
    said = done.stderr.decode()
    assert done.returncode == 0, said
    assert contents(tmp_path / "hostile") == contents(tmp_path / "plain")
    notes = [line for line in said.splitlines() if not line.startswith("step ")]
    assert len(notes) == 3
    assert notes[0] == "ganexp: note: JAX_DEBUG_NANS is ignored: debug=divergence says what stopped being finite"
    assert "ganexp: note: JAX_ENABLE_X64 is ignored: training is in 32 bits" in notes


def test_what_changes_a_number_is_taken_out_and_named_once(environ):
    environ |= HOSTILE | {
        "FLAX_LAZY_RNG": "no such",
        "JAX_PLATFORMS": "cpu",
        "JAX_DEBUG_INFS": "1",
        "XDG_CACHE_HOME": "here",
    }
    notes = environment.pin()
    assert {name for name in environ if name.startswith(("JAX", "FLAX"))} == {"JAX_PLATFORMS"}
    assert not {"MPLBACKEND", "XDG_CACHE_HOME"} & environ.keys()
    assert "XDG_CACHE_HOME is ignored: it must be an absolute path" in notes
    assert "JAX_DEBUG_INFS, JAX_DEBUG_NANS are ignored: debug=divergence says what stopped being finite" in notes
    assert any("FLAX_LAZY_RNG, JAX_DEFAULT_PRNG_IMPL, JAX_DISABLE_JIT" in note for note in notes)
    assert environment.pin() == []


def test_what_is_off_is_not_spoken_of(environ):
    environ |= {"JAX_ENABLE_X64": "False", "JAX_DEBUG_NANS": "0", "JAX_DISABLE_JIT": "", "XDG_CACHE_HOME": ""}
    assert environment.pin() == []


@pytest.mark.parametrize(
    "name, value, what",
    [
        ("JAX_NUM_CPU_DEVICES", "many", "must be a whole number from 1"),
        ("JAX_NUM_CPU_DEVICES", "0", "must be a whole number from 1"),
        ("JAX_ENABLE_COMPILATION_CACHE", "perhaps", "must be true or false"),
        ("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "a second", "must be a number of seconds"),
        ("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "1e3", "must be a whole number"),
        ("XLA_FLAGS", "--no_such_flag", "Unknown flag in XLA_FLAGS: --no_such_flag"),
        ("XLA_FLAGS", "--xla_cpu_enable_fast_math=perhaps", "Couldn't interpret value perhaps"),
        ("XLA_FLAGS", "nowhere", 'Could not open file "nowhere"'),
    ],
)
def test_what_a_library_would_stop_at_is_one_sentence(monkeypatch, name, value, what):
    monkeypatch.setenv(name, value)
    said = environment.refusal(device=False)
    assert said.startswith(f"{name}={value}: ")
    assert what in said
    assert "unset" in said
    assert "\n" not in said


def test_values_that_libraries_take_are_left_to_them(monkeypatch):
    kept = {
        "JAX_NUM_CPU_DEVICES": "2",
        "JAX_ENABLE_COMPILATION_CACHE": "True",
        "JAX_PLATFORMS": "",
        "JAX_LOG_COMPILES": "",
    }
    for name, value in (kept | {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}).items():
        monkeypatch.setenv(name, value)
    assert environment.pin() == []
    assert environment.refusal(device=True) is None
    assert os.environ["JAX_NUM_CPU_DEVICES"] == "2"


def test_a_platform_that_is_missing_is_one_sentence_in_a_dry_run_too():
    words = [COMMAND, "--dry-run"]
    done = subprocess.run(
        words, env=os.environ | {"JAX_PLATFORMS": "abacus"}, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ganexp: JAX_PLATFORMS=abacus: JAX finds no such device on this machine (")
    assert done.stderr.endswith("; set JAX_PLATFORMS=cpu, or unset it\n")
    assert done.stderr.count("\n") == 1


def test_a_platform_of_which_jax_says_nothing_is_refused_too(monkeypatch):
    def devices():
        raise AssertionError

    monkeypatch.setattr(jax, "devices", devices)
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    said = environment.refusal(device=True)
    assert said == "JAX_PLATFORMS=cuda: JAX finds no such device on this machine; set JAX_PLATFORMS=cpu, or unset it"
    assert environment.refusal(device=False) is None, "a config can be printed anywhere"


def test_a_style_that_is_not_text_and_a_machine_without_room_for_files_are_refused(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert environment.refusal_of_pictures() is None
    (tmp_path / "matplotlibrc").write_bytes(b"\xff\xfe")
    assert "matplotlibrc in this folder cannot be read (it is not text)" in environment.refusal_of_pictures()
    assert ganexp("report", "somewhere") == 2
    (tmp_path / "matplotlibrc").unlink()
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(tmp_path / "nowhere")])
    assert environment.refusal_of_pictures().endswith("set TMPDIR to one")


def test_more_files_may_be_open_than_a_shell_allows():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (128, before[1]))
        environment.settle()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 128
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_another_system_is_told_what_to_do(monkeypatch, capsys):
    monkeypatch.setattr(sys, "platform", "win32")
    assert ganexp("--version") == 2
    assert capsys.readouterr().err == "ganexp: runs on Linux and macOS; on Windows install and start it inside WSL\n"


def test_the_start_imports_nothing_that_another_system_lacks():
    code = "import sys, ganexp.cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert not {"fcntl", "resource", "pwd", "jax", "numpy", "matplotlib"} & {*done.stdout.split()}


# The cache folder


@pytest.mark.parametrize(
    "variables, place",
    [
        ({"XDG_CACHE_HOME": "/cache"}, "/cache/ganexp"),
        ({"XDG_CACHE_HOME": ""}, "/home/nobody/.cache/ganexp"),
        ({"XDG_CACHE_HOME": "cache"}, "/home/nobody/.cache/ganexp"),
        ({"HOME": "/"}, "/.cache/ganexp"),
        ({"HOME": ""}, None),
        ({"HOME": "here"}, None),
    ],
)
def test_the_cache_is_in_an_absolute_folder_or_nowhere(environ, variables, place):
    environ |= variables
    assert cache_home() == (None if place is None else Path(place))


def test_a_user_without_a_name_has_no_cache(environ, monkeypatch):
    del environ["HOME"]
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # As it is where the user is not in /etc/passwd.
    assert cache_home() is None
    environment.pin()
    assert environ["MPLCONFIGDIR"] == os.devnull


@pytest.fixture
def enabled(monkeypatch):
    """`cache.enable` in an environment without a folder for JAX; returns where it keeps programs then."""
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    names = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    before = {name: getattr(jax.config, name) for name in names}

    def enable() -> str | None:
        cache._note.cache_clear()
        cache.enable()
        return jax.config.jax_compilation_cache_dir

    yield enable
    for name, value in before.items():
        jax.config.update(name, value)


def test_programs_are_kept_where_one_can_write(enabled, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert enabled() == str(tmp_path / "ganexp" / "jax")
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "own"))
    assert enabled() == str(tmp_path / "own")
    assert capsys.readouterr().err == ""


def test_without_a_place_for_programs_there_is_a_note(enabled, monkeypatch, tmp_path, capsys):
    (tmp_path / "file").touch()
    for variable, value, why in [
        ("XDG_CACHE_HOME", tmp_path / "file", f"{tmp_path}/file/ganexp/jax: Not a directory"),
        ("JAX_COMPILATION_CACHE_DIR", tmp_path / "file", f"{tmp_path}/file: File exists"),
    ]:
        monkeypatch.setenv(variable, str(value))
        assert enabled() is None
        said = capsys.readouterr().err
        assert f"compiled programs are not kept for the next run ({why}); set {variable} to a folder" in said
        assert said.count("\n") == 1
        monkeypatch.delenv(variable)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: types.SimpleNamespace(free=10**6))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert enabled() is None
    assert "MB are free on its disk" in capsys.readouterr().err
    monkeypatch.setattr(cache, "cache_home", lambda: None)
    assert enabled() is None
    assert "(you have no home folder)" in capsys.readouterr().err


@pytest.mark.parametrize(
    "noted", ["", "{", "7", "null", "[[1, 2]]", '{"NAME": "fast"}', '{"NAME": NaN}', '{"NAME": -1.0}', "\xff", None]
)
def test_paces_that_are_damaged_are_none(tiny, monkeypatch, tmp_path, noted):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = tmp_path / "ganexp" / "paces.json"
    path.parent.mkdir()
    if noted is None:
        path.mkdir()
    else:
        path.write_text(noted.replace("NAME", cache.signature(tiny)), encoding="latin-1")
    assert cache.pace(tiny) is None
    cache.remember_pace(tiny, 70.0)
    assert cache.pace(tiny) == (None if noted is None else 70.0)


def test_a_pace_that_cannot_be_noted_ends_nothing(tiny, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    cache.remember_pace(tiny, 70.0)
    assert cache.pace(tiny) is None
    monkeypatch.setattr(cache, "cache_home", lambda: None)
    cache.remember_pace(tiny, 70.0)
    assert cache.pace(tiny) is None
