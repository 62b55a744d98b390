"""From the overrides of many runs to their jobs: composed once for each set of choices, and values set at their dotted paths."""

from __future__ import annotations

import copy
import dataclasses
import functools
import itertools
import re
from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from ganexp.component import SettingError
from ganexp.config.build import OPTIMIZERS, assemble, job, load, part
from ganexp.config.compose import overlaid, parsed
from ganexp.config.options import groups
from ganexp.config.overlay import complete
from ganexp.config.usage_errors import ERRORS, UsageError
from ganexp.job import Job

_groups = functools.cache(groups)


@dataclasses.dataclass(frozen=True)
class ComposedRun:
    """One run of a sweep: its overrides and its job; its config and what is written of it are made when they are asked for."""

    overrides: tuple[str, ...]
    job: Job
    choices: tuple[str, ...]
    values: tuple[str, ...]
    family: Family

    def config(self) -> DictConfig:
        """A new copy of the job's part of the composed config."""
        return self.family.config(self.values)

    def text(self) -> str:
        """The job's part of the composed config as OmegaConf writes it in YAML."""
        return self.family.text(self.values)


class Family:
    """The runs that choose the same: one composed config, and what became of each of its fields by the values set in it."""

    def __init__(self, config: DictConfig):
        self._choices = dict(config.hydra.runtime.choices)
        with open_dict(config):
            del config["hydra"]
        self._config = config
        self._names = [str(name) for name in config]
        self._refers = "${" in str(OmegaConf.to_container(config))
        self._parts, self._texts = functools.cache(self._built), functools.cache(self._written)

    def config(self, values: Sequence[str]) -> DictConfig:
        """A new copy of the config with the values; raises what OmegaConf raises."""
        return self._set(copy.deepcopy(self._config), values)

    def job(self, values: Sequence[str]) -> Job:
        """The job, which shares its parts with those that have them alike; raises SettingError and what OmegaConf raises."""
        own = self._by_fields(values)
        if own is None:
            return job(self.config(values))
        return assemble(lambda name: self._parts(_with(name), own.get(_with(name), ()))[name])

    def text(self, values: Sequence[str]) -> str:
        """The config in YAML."""
        own = self._by_fields(values)
        if own is None:
            return OmegaConf.to_yaml(self.config(values))
        return "".join(self._texts(_with(name), own.get(_with(name), ()))[name] for name in self._names)

    def _by_fields(self, values: Sequence[str]) -> dict[tuple[str, ...], tuple[str, ...]] | None:
        """The values by the fields that they are set in; None where one field refers to another, so that none can be made by itself."""
        if self._refers or any("$" in text for text in values):
            return None
        found: dict[tuple[str, ...], tuple[str, ...]] = {}
        for text in values:
            name = parsed(text).key_or_group.partition(".")[0]
            if name not in self._names:
                raise ValueError(name)
            found[_with(name)] = (*found.get(_with(name), ()), text)
        return found

    def _set(self, config: DictConfig, values: Sequence[str]) -> DictConfig:
        for text in values:
            override = parsed(text)
            OmegaConf.update(config, override.key_or_group, override.value(), merge=True)
        if "optimizer" in config:
            complete(config, self._choices)
        return config

    def _fields(self, names: Sequence[str], values: Sequence[str]) -> DictConfig:
        config = OmegaConf.masked_copy(self._config, list(names))
        OmegaConf.set_struct(config, True)
        return self._set(config, values)

    def _built(self, names: Sequence[str], values: Sequence[str]) -> dict[str, Any]:
        config = self._fields(names, values)
        return {name: part(config, name) for name in names}

    def _written(self, names: Sequence[str], values: Sequence[str]) -> dict[str, str]:
        content: Any = OmegaConf.to_container(self._fields(names, values))
        return {name: OmegaConf.to_yaml({name: content[name]}) for name in names}


def _with(name: str) -> tuple[str, ...]:
    """The fields that are made together with a field."""
    return OPTIMIZERS if name in OPTIMIZERS else (name,)


def load_many(runs: Sequence[Sequence[str]]) -> list[ComposedRun]:
    """What `load` makes of the overrides of each run; raises UsageError with the number of the run."""
    found = []
    for number, run in enumerate(runs):
        try:
            found.append(_composed(tuple(run)))
        except (UsageError, SettingError) as error:
            raise UsageError(f"run {number} ({' '.join(run)}): {error}") from None
    return found


def _composed(run: tuple[str, ...]) -> ComposedRun:
    try:
        choices, values = _split(run)
        family = _family(choices)
        return ComposedRun(run, family.job(values), choices, values, family)
    except (*ERRORS, RecursionError):
        # Out of the ordinary, or wrong: Hydra alone knows what comes of it, and what is to be said.
        config, made = load(run)
        return ComposedRun(run, made, run, (), Family(config))


@functools.lru_cache(maxsize=512)
def _family(choices: tuple[str, ...]) -> Family:
    return Family(overlaid(choices))


def _split(run: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The overrides that choose, add or remove, and those that set values; raises ValueError where they cannot be parted."""
    keys = [parsed(text).get_key_element().lstrip("+~") for text in run]
    sets = [_sets_value(text) for text in run]
    if {"steps", "epochs"} <= {*keys} or any(parsed(text).is_sweep_override() for text in run):
        raise ValueError("one run has one length, and one value of each setting")
    for (one, sets_one), (other, sets_other) in itertools.combinations(zip(keys, sets, strict=True), 2):
        inside = f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")
        if one == other or (inside and sets_one != sets_other):
            raise ValueError("their order has a meaning")
    choices = tuple(text for text, is_set in zip(run, sets, strict=True) if not is_set)
    return choices, tuple(text for text, is_set in zip(run, sets, strict=True) if is_set)


@functools.cache
def _sets_value(text: str) -> bool:
    """Whether an override sets a value that is there, as in NAME.NAME=VALUE."""
    key = parsed(text).get_key_element()
    return bool(re.fullmatch(r"(?!hydra\.)\w+(\.[\w-]+)*", key)) and key not in _groups()
