"""A config is data: no word and no composed config has Hydra call anything but its own plugins."""

from __future__ import annotations

import importlib.util

import pytest
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf, open_dict

from ganexp.config import compose
from ganexp.config.code import refuse_code, refuse_word
from ganexp.config.files import CODE, UsageError

INSTALLED = [
    (f"hydra/{group}={name}", plugin)
    for group, name, plugin in (
        ("launcher", "basic", "hydra"),
        ("launcher", "joblib", "hydra_plugins.hydra_joblib_launcher"),
        ("launcher", "submitit_local", "hydra_plugins.hydra_submitit_launcher"),
        ("launcher", "submitit_slurm", "hydra_plugins.hydra_submitit_launcher"),
        ("sweeper", "basic", "hydra"),
        ("sweeper", "optuna", "hydra_plugins.hydra_optuna_sweeper"),
    )
]


def composed(*words):
    with compose.hydra():
        return compose._composed(words)


@pytest.mark.parametrize("name", CODE)
@pytest.mark.parametrize(
    "word",
    ["{}=os.system", "+dataset.{}=1", "+hydra.launcher.{}=1", "+optimizer.x={{{}:1}}", "+hydra.sweeper.x=[1,{{a:{{{}:1}}}}]",
     "+hydra.launcher.x={{{}:1}},{{a:1}}", "+hydra.launcher.x='${{oc.decode:\"{{{}: 1}}\"}}'"],
)  # fmt: skip
def test_words_that_name_code_are_refused(name, word):
    (override,) = OverridesParser.create().parse_overrides([word.format(name)])
    with pytest.raises(UsageError, match=rf"{name} names code; a config is data"):
        refuse_word(override)


@pytest.mark.parametrize(
    "word", ["out='{_target_: x}'", "seed=3", "+dataset.target=1", "dataset.weights=[1,2]", "~seed"]
)
def test_other_words_are_not(word):
    (override,) = OverridesParser.create().parse_overrides([word])
    refuse_word(override)


@pytest.mark.parametrize(("word", "plugin"), INSTALLED, ids=[word for word, _ in INSTALLED])
def test_hydras_own_plugins_may_be_called(word, plugin):
    if importlib.util.find_spec("hydra_plugins") is None or importlib.util.find_spec(plugin) is None:
        pytest.skip(f"{plugin} is not installed")
    refuse_code(composed(word))


@pytest.mark.parametrize("sampler", ["tpe", "random", "grid", "cmaes"])
def test_samplers_of_optuna_may_be_called(sampler):
    pytest.importorskip("optuna")
    refuse_code(composed("hydra/sweeper=optuna", f"hydra/sweeper/sampler={sampler}"))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("dataset._target_", "os.system"),
        ("optimizer.x._target_", "hydra_plugins.ganexp.launcher.JaxLauncher"),
        ("hydra.launcher._target_", "os.system"),
        ("hydra.launcher._target_", "hydra._internal.core_plugins.bash_completion.os.system"),
        ("hydra.launcher._target_", "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"),
        ("hydra.launcher.x._target_", "hydra_plugins.ganexp.launcher.JaxLauncher"),
        ("hydra.launcher._args_", [1]),
        ("hydra.sweeper.sampler._target_", "optuna.samplers._base.os.system"),
        ("hydra.sweeper.sampler._partial_", False),
        ("hydra.sweeper.custom_search_space", "os.system"),
        ("hydra.callbacks.x._target_", "os.system"),
        ("hydra.job_logging.handlers.x.()", "os.system"),
        ("hydra.job_logging.handlers.x.class", "subprocess.Popen"),
    ],
)
def test_a_config_that_calls_anything_else_is_refused(path, value):
    config = composed()
    with open_dict(config):
        OmegaConf.update(config, path, value, force_add=True)
    with pytest.raises(UsageError, match=r"is code; a config is data") as raised:
        refuse_code(config)
    assert str(raised.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    "value", ["${oc.decode:'{_target_: os.system}'}", "${oc.create:${oc.env:HOME}}", "${dataset}", "${..sweeper}"]
)
def test_what_hydra_builds_its_plugins_from_refers_to_no_settings(value):
    config = composed()
    with open_dict(config):
        config.hydra.launcher.x = value
    with pytest.raises(UsageError, match=r"^hydra\.launcher\.x: .* refers to settings, and code could be among them"):
        refuse_code(config)


def test_a_run_whose_config_names_code_is_not_composed(monkeypatch):
    # A schema that Hydra's store has from elsewhere is no file and no word.
    store = ConfigStore.instance()
    node = {"_target_": "os.system"}
    compose.prepare()
    store.store(group="hydra/launcher", name="stranger", node=node, package="hydra.launcher")
    with pytest.raises(UsageError, match=r"^hydra\.launcher\._target_: os\.system is code"):
        compose.compose(["hydra/launcher=stranger"])
