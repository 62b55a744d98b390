"""From what is typed to the composed config."""

from __future__ import annotations

import contextlib
import copy
import functools
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository
from hydra._internal.hydra import Hydra
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig, OmegaConf

from ganexp.config.mistakes import ERRORS, LISTS, OPTIONAL, Mistake, check_option, explain, keys, parse, unknown_key
from ganexp.config.options import conf_dir, groups, options
from ganexp.config.schema import EXPERIMENT_FIELDS, JOB_FIELDS, register
from ganexp.types import PLAYERS

ROOT = "config"
OPTIMIZER_COMMON = {"clip_norm": None, "clip_value": None, "weight_bound": None}


@functools.cache
def prepare() -> None:
    """Put the schemas, and each player's optimizers, into Hydra's store; once per process."""
    register()
    store = ConfigStore.instance()
    store.store(group="schema", name="optimizer", node=OPTIMIZER_COMMON)
    OmegaConf.register_new_resolver("slug", slug, replace=True)
    for path in sorted((conf_dir() / "optimizer").glob("*.yaml")):
        content = yaml.load(path.read_text(), Loader=_Loader)
        del content["defaults"]
        values = {**OPTIMIZER_COMMON, **content}
        for player in PLAYERS:
            store.store(group=f"{player}_optimizer", name=path.stem, node=_inherit(values))


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML 1.1 with numbers such as 1e-3, which PyYAML alone takes for strings."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$"), list("-+0123456789.")
)


def _inherit(values: dict[str, Any]) -> dict[str, Any]:
    # A player's optimizer takes from `optimizer` every setting of the same name, unless the player's own is given.
    def reference(name: str) -> str:
        return f"${{oc.select:optimizer.{name},{json.dumps(values[name])}}}"

    return {name: value if name == "name" else reference(name) for name, value in values.items()}


def slug(text: str, limit: int = 120) -> str:
    """`text` as a part of a folder's name: letters, digits and `=._,+-`, at most `limit` characters.

    Of `optimizer.learning_rate=0.1` the last word of the key is left, where no other key ends alike: TensorBoard shows 29 letters.
    """
    keys = re.findall(r"(?:^|,)([\w.@/]+)=", text)
    last = [re.split(r"[./]", key)[-1] for key in keys]
    for key, word in zip(keys, last, strict=True):
        if last.count(word) == 1:
            text = re.sub(rf"(^|,){re.escape(key)}=", rf"\1{word}=", text, count=1)
    return re.sub(r"[^A-Za-z0-9=._,+-]+", "-", text).strip("-.")[:limit].rstrip("-.,=") or "default"


# The runs of a sweep repeat each other's words, and each costs milliseconds: ANTLR's, and those of reading the folder.
_groups, _options = functools.cache(groups), functools.cache(options)


@functools.cache
def parsed(text: str) -> Override:
    """One override by Hydra's grammar, not to be changed; raises OverrideParseException."""
    (override,) = OverridesParser.create().parse_overrides([text])
    return override


class _Repository(ConfigRepository):
    """Hydra's, but each file is read once, and a composition does not copy all of it: no config here adds to the search path."""

    _read: ClassVar[dict[str, ConfigResult | None]] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> _Repository:
        return self

    def load_config(self, config_path: str) -> ConfigResult | None:
        if config_path not in self._read:
            self._read[config_path] = super().load_config(config_path)
        return copy.deepcopy(self._read[config_path])


def read_once(loader: ConfigLoader) -> None:
    """Let what `loader` composes cost a third less."""
    assert isinstance(loader, ConfigLoaderImpl)
    loader.repository = _Repository(loader.config_search_path)


@contextlib.contextmanager
def _hydra() -> Iterator[Hydra]:
    prepare()
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3", job_name="ganexp"):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        read_once(hydra.config_loader)
        yield hydra


def compose(overrides: Sequence[str]) -> DictConfig:
    """The config of one run, with Hydra's own under `hydra`; raises Mistake."""
    with _hydra():
        typed = parse(overrides, OverridesParser.create(), sweeps=False)
        check(typed)
        for override in typed:
            if override.get_key_element() == "search" and override.value() is not None:
                raise Mistake(f"{override.input_line}: a search is many runs; add -m")
        return _compose(overrides)


def expand(overrides: Sequence[str]) -> list[list[str]]:
    """The overrides of each run of a sweep, as Hydra's own sweeper orders them; raises Mistake."""
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

    with _hydra() as hydra:
        typed = parse(overrides, OverridesParser.create(config_loader=hydra.config_loader), sweeps=True)
        if any(override.is_sweep_override() and override.get_key_element() == "out" for override in typed):
            raise Mistake("out: a sweep has one folder, with a folder for each run in it; give one name")
        check([override for override in typed if not override.is_sweep_override()])
        for override in typed:
            if override.is_interval_sweep():
                key = override.get_key_element()
                raise Mistake(
                    f"{override.input_line}: every value of an interval cannot be run; give the values, as in {key}=A,B,C, "
                    "or search it: add hydra/sweeper=optuna"
                )
        if not any(override.is_sweep_override() for override in typed):
            raise Mistake("-m: nothing is swept; give a setting several values, as in seed=0,1,2, or leave out -m")
        jobs = [job for batch in BasicSweeper.split_arguments(typed, None) for job in batch]
        if not jobs:
            raise Mistake(f"{' '.join(overrides)}: a setting has no values, so that there are no runs")
        for job in jobs:
            check([parsed(text) for text in job])
        return jobs


def option(words: Sequence[str], group: str, usual: str) -> str:
    """What `words` choose from one of Hydra's own groups, such as `hydra/launcher`; `usual` where they do not."""
    found = [word.partition("=")[2] for word in words if word.partition("=")[0].lstrip("+") == group]
    return found[-1] if found else usual


def check(overrides: Sequence[Override]) -> None:
    """Refuse choices that do not exist, and lengths given twice; raises Mistake."""
    known = _groups()
    if {"steps", "epochs"} <= {override.get_key_element() for override in overrides}:
        raise Mistake("steps and epochs: both say how long the run is; give one of them")
    for override in overrides:
        key = override.get_key_element().lstrip("+~")
        text = override.input_line or key
        if re.match(r"hydra\b(?!/(launcher|sweeper)|\.(launcher|sweeper)\.)", key):
            raise Mistake(
                f"{text}: where a run lies and what it prints is not Hydra's here; set the folder with out=FOLDER"
            )
        if key.partition("@")[0] not in known:
            continue
        if override.is_delete() and key not in (*LISTS, *OPTIONAL):
            raise Mistake(f"{text}: a run cannot do without a {key}; choose one with {key}=NAME")
        if not override.is_delete():
            check_option(key.partition("@")[0], override.value(), _options(key.partition("@")[0]), text)


def _compose(overrides: Sequence[str]) -> DictConfig:
    try:
        config = hydra_compose(ROOT, list(overrides), return_hydra_config=True)
    except ERRORS as error:
        raise explain(error, _known(overrides)) from None
    strangers = [str(key) for key in config if str(key) not in (*EXPERIMENT_FIELDS, *JOB_FIELDS, "optimizer", "hydra")]
    if strangers:
        raise unknown_key(strangers[0], _known(overrides))
    return config


def _known(overrides: Sequence[str]) -> list[str]:
    """The keys of the config that the choices among the overrides make, without the values."""
    chosen = [text for text in overrides if text.partition("=")[0].lstrip("+").partition("@")[0] in groups()]
    try:
        return keys(hydra_compose(ROOT, chosen))
    except ERRORS:
        return keys(hydra_compose(ROOT, []))


def without_hydra(config: DictConfig) -> DictConfig:
    """The job's part of a composed config."""
    return OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
