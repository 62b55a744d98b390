"""From the composed config to the job."""

from __future__ import annotations

import dataclasses
import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ganexp.component import SettingError, is_component
from ganexp.config.compose import compose
from ganexp.config.schema import BASES, EXPERIMENT_FIELDS, JOB_FIELDS
from ganexp.config.usage_errors import SeveralValuesError, UsageError, explain, keys
from ganexp.experiment import ROLES, Experiment
from ganexp.job import Job
from ganexp.optimizers import Optimizer
from ganexp.size import refuse
from ganexp.spelling import did_you_mean
from ganexp.values import shown

OPTIMIZERS = ("optimizer", *(f"{role}_optimizer" for role in ROLES))
OPTIMIZER_FIELDS = ("name", "learning_rate", "clip_norm", "clip_value", "weight_bound")


def job(config: DictConfig) -> Job:
    """The job a composed config describes; raises SettingError, with the path of what is wrong."""
    with warnings.catch_warnings():
        # What a resolver only warns of is a mistake too.
        warnings.simplefilter("error", UserWarning)
        return assemble(functools.partial(part, config))


def assemble(built: Callable[[str], Any]) -> Job:
    """The job whose fields, and those of its experiment, are `built(name)`; raises SettingError."""
    # First by itself: a mistake in `optimizer` is then named there, and not in the players that inherit it.
    built("optimizer")
    experiment = _make(Experiment, {name: built(name) for name in EXPERIMENT_FIELDS}, "")
    return _make(Job, {"experiment": experiment, **{name: built(name) for name in JOB_FIELDS}}, "")


def part(config: DictConfig, name: str) -> Any:
    """What a composed config says of one field of the experiment or of the job; raises SettingError."""
    if name in OPTIMIZERS:
        return _optimizer(config, name)
    return _built(config[name], name)


def _optimizer(config: DictConfig, name: str) -> Optimizer | None:
    node = config[name]
    if node is None and name != "optimizer":
        return None
    if not isinstance(node, DictConfig):
        raise SettingError(name, f"{shown(node)} is not an optimizer; choose one with {name}=NAME")
    values = OmegaConf.to_container(node, resolve=True, throw_on_missing=True)
    assert isinstance(values, dict)
    own = {key: values.pop(key) for key in OPTIMIZER_FIELDS if key in values}
    return _make(Optimizer, {**own, "settings": values}, name)


def _built(node: Any, path: str) -> Any:
    """The object a config node describes: a component where its schema is one."""
    if isinstance(node, ListConfig):
        return [_built(item, path) for item in node]
    if not isinstance(node, DictConfig):
        return node
    cls: Any = OmegaConf.get_type(node)
    group = next((group for group, base in BASES.items() if cls is base), None)
    if group is not None:
        name = path.rpartition(".")[2]
        raise SettingError(path, f"has settings but was not chosen; add {group}=[{name}], or leave them out")
    values = {str(key): _built(_value(node, key, path), f"{path}.{key!s}") for key in node}
    return _make(cls, values, path) if is_component(cls) else values


def _value(node: DictConfig, key: Any, path: str) -> Any:
    if OmegaConf.is_missing(node, key):
        raise SettingError(f"{path}.{key}", "is not set")
    return node[key]


def _make(cls: type, values: dict[str, Any], path: str) -> Any:
    known = {field.name: field for field in dataclasses.fields(cls)}
    for name in values:
        if name not in known:
            near = did_you_mean(name, known) or (f"; {path} has {', '.join(known)}" if known else f"; {path} has none")
            raise SettingError(f"{path}.{name}", f"there is no such setting{near}")
    for name, field in known.items():
        if name not in values and field.default is field.default_factory is dataclasses.MISSING:
            raise SettingError(f"{path}.{name}", "is not set")
    try:
        return cls(**values)
    except SettingError as error:
        raise error.inside(path) from None


def load(overrides: Sequence[str]) -> tuple[DictConfig, Job]:
    """The composed config of one run, and its job; raises UsageError or SettingError."""
    try:
        config = compose(overrides)
    except SeveralValuesError as error:
        advice = f", or brackets for a list: {error.key}=[...]" if _accepted(error.bracketed) else ""
        raise UsageError(f"{error}{advice}") from None
    try:
        found = job(config)
    except (OmegaConfBaseException, RecursionError) as error:
        raise explain(error, keys(config), overrides) from None
    refuse(found)
    return config, found


def _accepted(overrides: Sequence[str]) -> bool:
    try:
        load(overrides)
    except (UsageError, SettingError):
        return False
    return True
