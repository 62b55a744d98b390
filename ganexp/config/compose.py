"""From what is typed to the composed config."""

from __future__ import annotations

import contextlib
import copy
import functools
import os
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from hydra import compose as hydra_compose
from hydra import initialize_config_dir

# No public way leads between the reading of a file and its composition, where an option is checked and kept.
from hydra._internal.config_repository import ConfigRepository
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig, OmegaConf

from ganexp.config.code import refuse_code
from ganexp.config.option_file import SCHEMAS, read
from ganexp.config.options import PLAYER_OPTIMIZERS, conf_dir, file_of, folder_of, groups, options
from ganexp.config.overlay import COMMON, complete, optimizers, overlay
from ganexp.config.schema import BASES, EXPERIMENT_FIELDS, JOB_FIELDS, classes, register
from ganexp.config.usage_errors import (
    ERRORS,
    LISTS,
    OPTIONAL,
    UsageError,
    check_option,
    explain,
    keys,
    parse,
    unknown_key,
)
from ganexp.spelling import did_you_mean

ROOT = "config"
Config = DictConfig  # as those know it who need not know OmegaConf


@functools.cache
def prepare() -> None:
    """Put the schemas, and each player's optimizers, into Hydra's store; once per process."""
    register()
    store = ConfigStore.instance()
    store.store(group="schema", name="optimizer", node=COMMON)
    OmegaConf.register_new_resolver("slug", slug, replace=True)
    for name, settings in optimizers().items():
        for group in PLAYER_OPTIMIZERS:
            store.store(group=group, name=name, node=overlay(settings))


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


def grammatical(text: str) -> bool:
    """Whether an override is in Hydra's grammar."""
    try:
        parsed(text)
    except HydraException:
        return False
    return True


class _Repository(ConfigRepository):
    """Hydra's, but each file is read once, and a composition does not copy all of it: no config here adds to the search path."""

    _read: ClassVar[dict[str, ConfigResult | None]] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> _Repository:
        return self

    def load_config(self, config_path: str) -> ConfigResult | None:
        if config_path not in self._read:
            _refuse_bad(config_path)
            self._read[config_path] = super().load_config(config_path)
        return copy.deepcopy(self._read[config_path])


def _refuse_bad(config_path: str) -> None:
    """Refuse a file that is no option; raises UsageError."""
    group, _, name = config_path.rpartition("/")
    path, kind = file_of(group, name), SCHEMAS.get(folder_of(group))
    if os.path.lexists(path):
        read(path, folder_of(group), classes(BASES[kind]) if kind else None)


def offer(group: str, name: str, node: Any) -> None:
    """Give a group of Hydra's an option that is no file, in place of one of that name."""
    ConfigStore.instance().store(group=group, name=name, node=node)
    _Repository._read.pop(f"{group}/{name}", None)


@contextlib.contextmanager
def hydra() -> Iterator[ConfigLoader]:
    """Hydra with the options of ganexp, while the body runs; what it composes with."""
    prepare()
    there = GlobalHydra.instance()
    before = there.hydra
    there.clear()
    try:
        with initialize_config_dir(str(conf_dir()), version_base="1.3", job_name="ganexp"):
            loader: Any = there.config_loader()
            loader.repository = _Repository(loader.config_search_path)
            yield loader
    finally:
        there.hydra = before


def shell_completion(what: str) -> None:
    """Install, uninstall or answer what a shell asks, as Hydra does it; prints."""
    with hydra():
        driver: Any = GlobalHydra.instance().hydra
        driver.shell_completion(ROOT, [what])


def compose(overrides: Sequence[str]) -> DictConfig:
    """The config of one run, with Hydra's own under `hydra`; raises UsageError."""
    config = overlaid(overrides)
    complete(config, config.hydra.runtime.choices)
    return config


def overlaid(overrides: Sequence[str]) -> DictConfig:
    """The same as Hydra composes it: of each player's optimizer only what was said of it; raises UsageError."""
    with hydra():
        typed = parse(overrides, OverridesParser.create(), sweeps=False)
        check(typed)
        for override in typed:
            if override.get_key_element() == "search" and override.value() is not None:
                raise UsageError(f"{override.input_line}: a search is many runs; add -m")
        return _compose(overrides)


def literal(text: str) -> str:
    """A text in quotes, so that Hydra's grammar, and OmegaConf after it, read it as it stands."""
    # Backslashes mean something before a quote, at the end, and before what refers to another setting; nowhere else.
    plain = re.sub(r"(\\*)\$\{", r"\1\1\\${", text)
    return "'" + re.sub(r"(\\*)'", r"\1\1\\'", re.sub(r"(\\+)$", r"\1\1", plain)) + "'"


def option(words: Sequence[str], group: str, usual: str) -> str:
    """What `words` choose from one of Hydra's own groups, such as `hydra/launcher`; `usual` where they do not."""
    found = [word.partition("=")[2] for word in words if word.partition("=")[0].lstrip("+") == group]
    return found[-1] if found else usual


def check(overrides: Sequence[Override]) -> None:
    """Refuse choices that do not exist, or stand in no place, and lengths given twice; raises UsageError."""
    if {"steps", "epochs"} <= {override.get_key_element() for override in overrides}:
        raise UsageError("steps and epochs: both say how long the run is; give one of them")
    for override in overrides:
        key = override.get_key_element().lstrip("+~")
        text = override.input_line or key
        if re.match(r"hydra\b(?!/(launcher|sweeper)\b|\.(launcher|sweeper)\.)", key):
            raise UsageError(
                f"{text}: where a run lies and what it prints is not Hydra's here; set the folder with out=FOLDER"
            )
        parent, _, last = key.rpartition(".")
        if last.isdecimal() and parent and parent not in _groups():
            raise UsageError(f"{text}: a list is set as a whole, as in {parent}=[1,2]")
        if "/" in key or "@" in key or key in _groups():
            _check_choice(override, key, text)


def _check_choice(override: Override, key: str, text: str) -> None:
    known, (group, at, place) = _groups(), key.partition("@")
    own = group not in known and group.startswith("hydra/")
    if not own and group not in known:
        raise UsageError(f"{text}: there is no group {group}; there are {', '.join(known)}{did_you_mean(group, known)}")
    if at and not (group in LISTS and text.startswith("+") and re.fullmatch(rf"{group}\.\w+", place)):
        second = f", or +{group}@{group}.ANOTHER=NAME for a second one" if group in LISTS else ""
        raise UsageError(f"{text}: an option has one place here; write {group}=NAME{second}")
    if text.startswith("++") or (own and text.startswith("+")):
        raise UsageError(f"{text}: write {group}=NAME, without a +")
    if own:
        if override.is_delete() or not isinstance(override.value(), str):
            raise UsageError(f"{text}: {group} takes one name, as in {group}=NAME")
    elif not override.is_delete():
        check_option(group, override.value(), _options(group), text)
    elif group in LISTS:
        raise UsageError(f"{text}: write {group}=[] for none")
    elif group not in OPTIONAL or "=" in text:
        raise UsageError(
            f"{text}: {'leave it out' if group in OPTIONAL else f'a run needs its {group}; choose one with {group}=NAME'}"
        )


def _compose(overrides: Sequence[str]) -> DictConfig:
    try:
        config = _composed(overrides)
    except Exception as error:
        # Of odd words Hydra's own code raises anything.
        raise explain(error, _known(overrides), _blamed(error, overrides)) from None
    strangers = [
        str(key) for key in config if str(key) not in (*EXPERIMENT_FIELDS, *JOB_FIELDS, "optimizer", "grid", "hydra")
    ]
    if strangers:
        raise unknown_key(strangers[0], _known(overrides))
    refuse_code(config)
    return config


def _composed(overrides: Sequence[str]) -> DictConfig:
    with warnings.catch_warnings():
        # What Hydra only warns of is a mistake too.
        warnings.simplefilter("error", UserWarning)
        return hydra_compose(ROOT, list(overrides), return_hydra_config=True)


def _blamed(error: Exception, overrides: Sequence[str]) -> Sequence[str]:
    """The words that an error of Python's own comes from."""
    if isinstance(error, ERRORS):
        return overrides
    for text in overrides:
        try:
            _composed([text])
        except Exception:
            return [text]
    return overrides


def _known(overrides: Sequence[str]) -> list[str]:
    """The keys of the config that the choices among the overrides make, without the values."""
    chosen = [text for text in overrides if text.partition("=")[0].lstrip("+").partition("@")[0] in groups()]
    try:
        config = _composed(chosen)
    except Exception:
        config = _composed([])
    # Of Hydra's own those that a person may set.
    return [key for key in keys(config) if not re.match(r"hydra$|hydra\.(?!(launcher|sweeper)\b)|.*\._", key)]


def text(config: Config, part: str) -> str:
    """A composed config in YAML: that of the `job`, that of `hydra`, or `all` of it."""
    names = [str(key) for key in config if part == "all" or (key == "hydra") == (part == "hydra")]
    return OmegaConf.to_yaml(OmegaConf.masked_copy(config, names))
