"""A file that is no option: one sentence with the file and the line where it is chosen, and the others go on as before."""

from __future__ import annotations

import re
import shutil

import pytest

from ganexp import cli
from ganexp.config import compose, options, overlay
from ganexp.config.build import load
from ganexp.config.files import UsageError
from ganexp.config.option_file import read
from ganexp.config.schema import BASES, classes

RING = "defaults:\n  - /schema/dataset/ring@_here_\n"
ADAM = "defaults:\n  - /schema/optimizer@_here_\nname: adam\n"
RECIPE = "# @package _global_\n"


@pytest.fixture
def conf(tmp_path, monkeypatch):
    """A copy of the folder of options, in which the command looks."""
    folder = tmp_path / "conf"
    shutil.copytree(options.conf_dir(), folder)
    for module in (options, compose):
        monkeypatch.setattr(module, "conf_dir", lambda: folder)
    monkeypatch.setattr(compose._Repository, "_read", {})
    _forget()
    yield folder
    _forget()


def _forget():
    for cached in (compose._groups, compose._options, compose.prepare, overlay.optimizers):
        cached.cache_clear()


BROKEN = [
    ("dataset", b"# caf\xe9\n" + RING.encode(), r"line 1: is not UTF-8; save it as UTF-8"),
    ("dataset", RING.encode() + b"n: 3 # \xe9\n", r"line 3: is not UTF-8"),
    ("dataset", b"\xef\xbb\xbf" + RING.encode(), r"line 1: begins with a byte order mark; save it as UTF-8 without one"),
    ("dataset", RING.encode("utf-16"), r"line 1: is not UTF-8"),
    ("dataset", RING + "n: 3\0\n", r"line 3: has a character that no text has"),
    ("dataset", RING + "\tn: 3\n", r"line 3: has a tab; YAML is indented with spaces"),
    ("dataset", RING + "n:\t3\n", r"line 3: has a tab"),
    ("dataset", RING + "n: 3\nstd: 0.1\nn: 4\n", r"line 5: n is there twice; leave one"),
    ("dataset", RING + "n: [1\n", r"line 4: is not YAML \(.+\)"),
    ("dataset", RING + "n: a: b\n", r"line 3: is not YAML \(.+\)"),
    ("dataset", RING + "---\nn: 3\n", r"line 3: is not YAML \(.+\)"),
    ("dataset", RING + "n: " + "[" * 5000 + "]" * 5000, r"line 1: is nested too deeply"),
    ("dataset", RING + "weights: &a [*a]\n", r"line 3: holds itself"),
    ("dataset", RING + "n: !!python/object/apply:os.system [id]\n", r"line 3: \S+os\.system is no kind of value"),
    ("dataset", RING + "on: 3\n", r"line 3: on is not the name of a setting"),
    ("dataset", "- 1\n", r"line 1: holds no settings; they are written NAME: VALUE"),
    ("dataset", "ring\n", r"line 1: holds no settings"),
    ("dataset", "", r"line 1: nothing says which settings there are; defaults must have - /schema/dataset/NAME@_here_"),
    ("dataset", "radius: 3\n", r"line 1: nothing says which settings there are"),
    ("dataset", "defaults:\n  - /schema/prior/normal@_here_\n", r"line 1: nothing says which settings there are"),
    ("dataset", "defaults:\n  - /schema/dataset/ring\n", r"line 2: must be - /schema/dataset/NAME@_here_"),
    ("dataset", "defaults:\n  - /schema/dataset/rinng@_here_\n", r"line 2: there is no schema 'rinng'; .* one of .*, ring, "),
    ("dataset", "defaults:\n  - rinng\n", r"line 2: there is no dataset 'rinng'; it is one of .*; did you mean ring\?"),
    ("dataset", "defaults:\n  - broken\n", r"line 2: holds itself"),
    ("dataset", RING + "_target_: os.system\n", r"line 3: _target_ names code"),
    ("dataset", RING + "n:\n  a: [{_partial_: true}]\n", r"line 4: _partial_ names code"),
    ("dataset", RING + "hydra:\n  launcher:\n    n_jobs: 3\n", r"line 4: hydra\.launcher is no part of an option"),
    ("dataset", RING + "radus: 3\n", r"line 3: dataset\.radus: there is no such setting; did you mean radius\?"),
    ("dataset", RING + "n: many\n", r"line 3: dataset\.n: it must be a whole number, such as 10000"),
    ("model/generator", "defaults:\n  - /schema/model@_here_\n", r"line 1: .* must have - /schema/net/NAME@_here_"),
    ("model", "defaults:\n  - generator: mlp\n", r"line 1: .* must have - /schema/model@_here_"),
    ("model", "defaults:\n  - /schema/model@_here_\n  - generator: mpl\n", r"line 3: there is no model/generator 'mpl'"),
    ("penalty", "defaults:\n  - /schema/penalty/r1@_here_\n", r"line 1: must be # @package penalty\.broken"),
    ("penalty", "# @package _group_\n", r"line 1: must be # @package penalty\.broken"),
    ("optimizer", "name: adam\n", r"line 1: .* must have - /schema/optimizer@_here_"),
    ("optimizer", "defaults: 3\nname: adam\n", r"line 1: defaults must be a list, with items such as - /schema/optimizer@_here_"),
    ("optimizer", ADAM + "learning_rate: fast\n", r"line 4: learning_rate must be a number, true, false or null"),
    ("optimizer", ADAM + "b1: {a: 1}\n", r"line 4: b1 must be a number, true, false or null"),
    ("optimizer", ADAM + "b1: 2020-01-01\n", r"line 4: b1 must be a number, true, false or null"),
    ("optimizer", ADAM + "_target_: os.system\n", r"line 4: _target_ names code"),
    ("experiment", "steps: 3\n", r"line 1: must be # @package _global_"),
    ("experiment", RECIPE + "stps: 3\n", r"line 2: stps: there is no such setting; did you mean steps\?"),
    ("experiment", RECIPE + "dataset:\n  radus: 3\n", r"line 3: dataset\.radus: there is no such setting"),
    ("experiment", RECIPE + "dataset: ring\n", r"line 2: dataset has options, of which defaults choose one, as in - override /dataset: NAME"),
    ("experiment", RECIPE + "steps: many\n", r"line 2: steps: it must be a whole number"),
    ("experiment", RECIPE + "1: 2\n", r"line 2: 1 is not the name of a setting"),
    ("experiment", RECIPE + "defaults:\n  - override /dataset: rinng\n", r"line 3: there is no dataset 'rinng'; .* did you mean ring\?"),
    ("experiment", RECIPE + "defaults:\n  - override /penalty: [r7]\n", r"line 3: there is no penalty 'r7'"),
    ("experiment", RECIPE + "defaults:\n  - override /datset: ring\n", r"line 3: there is no group datset; .* did you mean dataset\?"),
    ("experiment", RECIPE + "defaults:\n  - override /dataset: null\n", r"line 3: dataset cannot be empty"),
    ("experiment", RECIPE + "defaults:\n  - {a: b, c: d}\n", r"line 3: an item of defaults is one option"),
    ("experiment", RECIPE + "defaults:\n  - _self_\n  - _self_\n", r"line 4: _self_ is there twice"),
    ("experiment", RECIPE + "defaults:\n  - override /hydra/job_logging: default\n", r"line 3: hydra/job_logging is no part"),
    ("experiment", RECIPE + "hydra:\n  sweeper:\n    x: {_target_: os.system}\n", r"line 4: _target_ names code"),
    ("experiment", "# @package hydra.launcher\nn_jobs: 3\n", r"line 1: hydra\.launcher is no part of an option"),
]  # fmt: skip


def chosen(group, name="broken"):
    return f"{group}=[{name}]" if group == "penalty" else f"{group}={name}"


@pytest.mark.parametrize(("group", "content", "sentence"), BROKEN, ids=[sentence for _, _, sentence in BROKEN])
def test_choosing_it_is_one_sentence_with_the_file_and_the_line(conf, group, content, sentence):
    path = conf / group / "broken.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError) as raised:
        load([chosen(group)])
    assert re.match(re.escape(f"{path}, ") + sentence, str(raised.value))
    assert "\n" not in str(raised.value)
    if group == "optimizer":
        with pytest.raises(UsageError, match=sentence):
            load(["generator_optimizer=broken"])
        # Every command reads these files.
        load(["generator_optimizer=sgd"])


@pytest.mark.parametrize("kind", ["folder", "link to nothing", "link to itself"])
def test_what_is_no_file_is_said_where_it_is_chosen(conf, kind):
    path = conf / "dataset" / "broken.yaml"
    if kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("nowhere" if kind == "link to nothing" else path.name)
    with pytest.raises(UsageError, match=rf"^{re.escape(str(path))}: cannot be read \(.+\)$"):
        load(["dataset=broken"])
    load(["dataset=grid"])


def test_lists_note_what_cannot_be_chosen_and_show_the_others(conf, capsys):
    (conf / "dataset" / "broken.yaml").write_bytes(b"# caf\xe9\n" + RING.encode())
    (conf / "optimizer" / "broken.yaml").write_text("name: adam\n", encoding="utf-8")
    (conf / "dataset" / "folder.yaml").mkdir()
    with pytest.raises(SystemExit) as ended:
        cli.main(["list"])
    out, said = capsys.readouterr()
    assert (ended.value.code, said) == (0, "")
    assert re.search(r"^  broken +cannot be chosen: line 1: is not UTF-8; save it as UTF-8$", out, re.MULTILINE)
    assert re.search(r"^  broken +cannot be chosen: line 1: nothing says which settings", out, re.MULTILINE)
    assert re.search(r"^  folder +cannot be chosen: cannot be read \(Is a directory\)$", out, re.MULTILINE)
    assert re.search(r"^  ring +n Gaussians around a circle", out, re.MULTILINE)
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0


def test_lines_may_end_as_windows_ends_them(conf):
    (conf / "dataset" / "mine.yaml").write_bytes((RING + "n: 3\n").replace("\n", "\r\n").encode())
    assert load(["dataset=mine"])[1].experiment.dataset.n == 3


def test_an_option_may_extend_another_of_its_group(conf):
    (conf / "dataset" / "mine.yaml").write_text("defaults:\n  - ring\nn: 3\n", encoding="utf-8")
    assert load(["dataset=mine"])[1].experiment.dataset.n == 3


def test_what_a_file_warns_of_is_a_mistake(conf):
    (conf / "dataset" / "mine.yaml").write_text(f"{RING}n: ${{oc.deprecated:batch_size}}\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"^dataset\.n: oc\.deprecated gives no value here; write \$\{batch_size\}$"):
        load(["dataset=mine"])


def test_every_file_of_the_package_is_an_option():
    for path in sorted(options.conf_dir().rglob("*.yaml")):
        group = path.parent.relative_to(options.conf_dir()).as_posix().removeprefix(".")
        base = BASES.get("net" if group in ("model/generator", "model/discriminator") else group)
        assert isinstance(read(path, group, classes(base) if base else None), dict)
