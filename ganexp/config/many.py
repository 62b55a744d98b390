"""From the overrides of many runs to their jobs: composed once for each set of choices, and from there on by values."""

from __future__ import annotations

import copy
import dataclasses
import functools
import os
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra.core.config_loader import ConfigLoader
from omegaconf import Container, DictConfig, Node, OmegaConf, open_dict

from ganexp.component import SettingError
from ganexp.config.build import assemble, load, part
from ganexp.config.compose import overlaid, parsed, read_once, slug
from ganexp.config.mistakes import ERRORS, Mistake
from ganexp.config.options import PLAYER_OPTIMIZERS, groups
from ganexp.config.overlay import complete
from ganexp.config.schema import EXPERIMENT_FIELDS, JOB_FIELDS
from ganexp.job import Job

FIELDS = {"optimizer", "grid", *EXPERIMENT_FIELDS, *JOB_FIELDS}
REFERENCE = re.compile(r"\$\{(?:oc\.select:)?(\w+)[\w.]*(?:,[^${}]*)?\}")
_groups = functools.cache(groups)


@dataclasses.dataclass(frozen=True)
class Composed:
    """One run of a sweep: its overrides and its job; its config and what is written of it are made when they are asked for."""

    overrides: tuple[str, ...]
    job: Job
    choices: tuple[str, ...]
    values: tuple[str, ...]
    family: Family

    def config(self) -> DictConfig:
        """A new copy of the job's part of the composed config."""
        return self.family.config_with(self.values)

    def text(self) -> str:
        """The job's part of the composed config as OmegaConf writes it in YAML."""
        return self.family.text(self.values)


class Family:
    """The runs that choose the same: one composed config, and all that was made of it by the values that it depends on."""

    def __init__(self, config: DictConfig):
        self._choices = dict(config.hydra.runtime.choices)
        with open_dict(config):
            del config["hydra"]
        self._config = config
        self._made: dict[tuple[str, str, tuple[str, ...]], Any] = {}

    def config_with(self, values: Sequence[str]) -> DictConfig:
        """A new copy of the config with the values set as Hydra sets them; raises HydraException."""
        config = copy.deepcopy(self._config)
        _set(config, values)
        complete(config, self._choices)
        return config

    def job(self, values: Sequence[str]) -> Job:
        """The job, which shares its parts with those that have them alike; raises SettingError and what Hydra raises."""

        @functools.cache
        def config() -> DictConfig:
            return self.config_with(values)

        def built(name: str) -> Any:
            key = ("part", name, self._related(name, values))
            if key not in self._made:
                self._made[key] = part(config(), name)
            return self._made[key]

        return assemble(built)

    def text(self, values: Sequence[str]) -> str:
        """The config in YAML."""

        @functools.cache
        def content() -> Any:
            return OmegaConf.to_container(self.config_with(values))

        def written(name: str) -> str:
            key = ("written", name, self._related(name, values))
            if key not in self._made:
                # In a block, each entry of a mapping is written by itself.
                self._made[key] = OmegaConf.to_yaml({name: content()[name]})
            return str(self._made[key])

        return "".join(written(str(name)) for name in self._config)

    @functools.cached_property
    def reads(self) -> dict[str, set[str]] | None:
        """Each field with those that it refers to, also by way of others; None where that cannot be told."""
        try:
            reads = {str(name): {str(name), *_references(self._config._get_node(name))} for name in self._config}
        except ValueError:
            return None
        for name in PLAYER_OPTIMIZERS:
            reads[name].add("optimizer")
        for _ in reads:
            reads = {name: names.union(*(reads[other] for other in names)) for name, names in reads.items()}
        return reads

    def _related(self, name: str, values: Sequence[str]) -> tuple[str, ...]:
        # A value that refers to others may make any field depend on any other.
        if self.reads is None or any("$" in text for text in values):
            return tuple(values)
        return tuple(text for text in values if _field(text) in self.reads[name])


def load_many(runs: Sequence[Sequence[str]]) -> list[Composed]:
    """What `load` makes of the overrides of each run; raises Mistake with the number of the run."""
    found = []
    for number, run in enumerate(runs):
        try:
            found.append(_composed(tuple(run)))
        except (Mistake, SettingError) as error:
            raise Mistake(f"run {number} ({' '.join(run)}): {error}") from None
    return found


def _composed(run: tuple[str, ...]) -> Composed:
    try:
        choices, values = _split(run)
        family = _family(choices)
        if family.reads is None:
            raise ValueError(choices)
        return Composed(run, family.job(values), choices, values, family)
    except ERRORS:
        # Out of the ordinary, or wrong: Hydra alone knows what comes of it, and what is to be said.
        config, job = load(run)
        return Composed(run, job, run, (), Family(config))


@functools.lru_cache(maxsize=512)
def _family(choices: tuple[str, ...]) -> Family:
    return Family(overlaid(choices))


def _split(run: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The overrides that choose, and those that set values; raises ValueError where some do neither, or clash."""
    words = [_sort(text) for text in run]
    keys = [key for key, _ in words]
    if len({*keys}) != len(keys) or {"steps", "epochs"} <= {*keys}:
        raise ValueError("clash")
    choices = tuple(text for text, (_, chooses) in zip(run, words, strict=True) if chooses)
    return choices, tuple(text for text, (_, chooses) in zip(run, words, strict=True) if not chooses)


@functools.cache
def _sort(text: str) -> tuple[str, bool]:
    """The key of an override, and whether it is a choice; raises ValueError where it is neither a choice nor a value."""
    override = parsed(text)
    key = override.get_key_element().lstrip("+~")
    _references(text.partition("=")[2])
    if override.is_sweep_override():
        raise ValueError(text)
    if key.partition("@")[0] in _groups() or re.match(r"hydra[/.]", key):
        return key, True
    if not re.fullmatch(r"\w+(\.[\w-]+)*", key) or _field(text) not in FIELDS:
        raise ValueError(text)
    return key, False


@functools.cache
def _field(text: str) -> str:
    return parsed(text).key_or_group.partition(".")[0]


def _set(config: DictConfig, values: Sequence[str]) -> None:
    ConfigLoaderImpl._apply_overrides_to_config([parsed(text) for text in values], config)


def _references(content: Any) -> set[str]:
    """The fields that a part of the config refers to; raises ValueError where a reference is not a plain one."""
    if isinstance(content, Node):
        content = OmegaConf.to_container(content) if isinstance(content, Container) else content._value()
    found = {text: REFERENCE.fullmatch(text) for text in _leaves(content) if "$" in text}
    for text, reference in found.items():
        if reference is None or reference[1] not in FIELDS:
            raise ValueError(text)
    return {reference[1] for reference in found.values() if reference}


def _leaves(content: Any) -> list[str]:
    if isinstance(content, dict):
        content = list(content.values())
    if isinstance(content, list):
        return [text for item in content for text in _leaves(item)]
    return [content] if isinstance(content, str) else []


def folder_name(number: int, overrides: Sequence[str], excluded: Collection[str]) -> str:
    """The name of a run's folder in that of its sweep: `hydra.sweep.subdir` of conf/config.yaml, without composing; `excluded` are
    the keys that are not in it."""
    own = [parsed(text) for text in _own(overrides)]
    return f"{number}_{slug(get_overrides_dirname(own, list(excluded), item_sep=',', kv_sep='='))}"


def swept_of(runs: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    """Each run's own settings by name, from the overrides of all: those that are not the same for all."""
    typed = [{parsed(text).get_key_element().lstrip("+"): text for text in run} for run in runs]
    texts: dict[str, set[str]] = {}
    for run in typed:
        for key, text in run.items():
            texts.setdefault(key, set()).add(text)
    differing = [key for key, found in texts.items() if len(found) > 1 or any(key not in run for run in typed)]
    return [{key: parsed(run[key]).value() for key in differing if key in run} for run in typed]


class Launched:
    """Hydra's part of the configs of a sweep's runs, as its own launchers get it from `loader` and leave it in .hydra/."""

    def __init__(self, loader: ConfigLoader, master: DictConfig):
        read_once(loader)
        self._loader, self._master = loader, master
        self._loaded = functools.cache(self._load)
        self._written = functools.cache(self._write)

    def config(self, run: Composed, number: int) -> DictConfig:
        """The whole config of one run, the `number`-th of the sweep."""
        config = copy.deepcopy(self._loaded(_own(run.choices)))
        _set(config, run.values)
        with open_dict(config):
            for place, settings in self._differing(run, number).items():
                for key, value in settings.items():
                    config.hydra[place][key] = value
        return config

    def text(self, run: Composed, number: int, folder: Path) -> str:
        """Hydra's part of the config of a run that lies in `folder`, in YAML: the content of .hydra/hydra.yaml."""
        differing = {**self._differing(run, number), "runtime": {"output_dir": os.path.abspath(folder)}}
        written = dict(self._written(_own(run.choices)))
        for place, settings in differing.items():
            written[place] = written[place] | _entries(place, settings)
        return "hydra:\n" + "".join(text for entries in written.values() for text in entries.values())

    def _differing(self, run: Composed, number: int) -> dict[str, dict[str, Any]]:
        """What no other run of the same choices has, by its place in Hydra's part."""
        names = self._loaded(_own(run.choices)).hydra.job.config.override_dirname
        own = _own(run.overrides)
        dirname = get_overrides_dirname([parsed(text) for text in own], **names)
        return {
            "overrides": {"task": list(own)},
            "job": {"override_dirname": dirname, "id": str(number), "num": number},
        }

    def _load(self, choices: tuple[str, ...]) -> DictConfig:
        return self._loader.load_sweep_config(self._master, list(choices))

    def _write(self, choices: tuple[str, ...]) -> dict[str, dict[str, str]]:
        content: Any = OmegaConf.to_container(self._loaded(choices).hydra)
        return {place: _entries(place, settings) for place, settings in content.items()}


def _own(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(text for text in texts if not parsed(text).is_hydra_override())


def _entries(place: str, settings: Any) -> dict[str, str]:
    """One entry of Hydra's part in YAML, indented as it stands there: its head, and what is in it by key."""
    if not isinstance(settings, dict) or not settings:
        return {"": OmegaConf.to_yaml({"hydra": {place: settings}}).split("\n", 1)[1]}
    inside = {key: OmegaConf.to_yaml({"hydra": {place: {key: value}}}) for key, value in settings.items()}
    return {"": f"  {place}:\n", **{key: text.split("\n", 2)[2] for key, text in inside.items()}}
