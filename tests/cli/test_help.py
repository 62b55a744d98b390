"""Help, lists and versions: at once, without JAX and Hydra."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typed import here, python

import ganexp
from ganexp.config.options import groups, job_settings, options

pytestmark = pytest.mark.usefixtures("one_cache")


def test_help_names_every_group_and_setting_and_needs_neither_jax_nor_hydra():
    done = python(
        "import sys\n"
        "from ganexp.cli import main\n"
        "try: main(['--help'])\n"
        "finally: print('IMPORTED', {'jax', 'hydra', 'omegaconf', 'flax', 'numpy'} & {*sys.modules}, file=sys.stderr)"
    )
    assert (done.returncode, done.stderr) == (0, "IMPORTED set()\n")
    for group in groups():
        assert re.search(rf"^  {group} ", done.stdout, re.MULTILINE), group
    for name, (default, _) in job_settings().items():
        assert f"  {name}={default}" in done.stdout
    typed = yaml.safe_load((Path(ganexp.__file__).parent.parent / "conf" / "config.yaml").read_text())
    assert {name.partition(".")[0] for name in job_settings()} == {*typed} - {"defaults", "hydra"}
    assert {name.partition(".")[2] for name in job_settings() if "." in name} == {*typed["sweep"]}
    assert max(map(len, done.stdout.splitlines())) <= 110


def test_the_options_of_a_group_are_listed_with_a_line_about_each(capsys):
    assert here("list") == 0
    everything = capsys.readouterr().out
    for group in groups():
        assert here("list", group) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == f"{group}:"
        assert [line.split()[0] for line in lines[1:] if not line.startswith("   ")] == list(options(group))
        assert all(options(group).values()), f"an option of {group} has no first line that describes it"
        assert "\n".join(lines) in everything


def test_an_unknown_group_is_refused(capsys):
    assert here("list", "los") == 2
    assert "did you mean loss?" in capsys.readouterr().err


def test_version(capsys):
    assert here("--version") == 0
    assert capsys.readouterr().out == f"ganexp {ganexp.__version__}\n"


def test_a_reader_that_goes_away_is_no_error():
    program = Path(sys.executable).with_name("ganexp")
    for words in ("list", "--cfg all"):
        pipe = f"set -o pipefail; {program} {words} | head -n 1"
        done = subprocess.run(["bash", "-c", pipe], capture_output=True, text=True, timeout=120, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.count("\n") == 1
