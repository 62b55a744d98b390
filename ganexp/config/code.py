"""A config is data: whatever would make Hydra call anything but its own plugins is refused before they are made."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hydra.core.override_parser.types import ChoiceSweep, Override
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from omegaconf import Container, DictConfig, ListConfig, OmegaConf

from ganexp.config.files import CODE, UsageError

PLUGINS = {"hydra.launcher._target_": Launcher, "hydra.sweeper._target_": Sweeper}
SAMPLER = "hydra.sweeper.sampler"
# What Hydra builds its plugins from.
BUILT = re.compile(r"hydra\.(launcher|sweeper|callbacks)\b")
# The resolvers that make settings of a string.
MAKERS = re.compile(r"oc\.(create|decode)\b")
ADVICE = "a config is data, and calls nothing but Hydra's own plugins; leave it out"


def refuse_word(override: Override) -> None:
    """Refuse an override that names code in its key or, however deep, in its value; raises UsageError."""
    text = str(override.input_line)
    named = {*re.split(r"[.@:/]", override.get_key_element().lstrip("+~")), *_keys(override.value())}
    for name in CODE:
        # A reference may make settings of a string.
        if name in named or ("${" in text and name in text):
            raise UsageError(f"{text}: {name} names code; {ADVICE}")


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, ChoiceSweep):
        value = value.list
    if isinstance(value, dict):
        yield from map(str, value)
        value = [*value.values()]
    for item in value if isinstance(value, list) else []:
        yield from _keys(item)


def refuse_code(config: DictConfig) -> None:
    """Refuse a composed config that names code other than Hydra's launchers and sweepers and Optuna's samplers; raises UsageError."""
    for path, node in _nodes(config, ""):
        key, value = path.rpartition(".")[2], node._value()
        if key in CODE and not _allowed(path, value):
            raise UsageError(f"{path}: {value} is code; {ADVICE}")
        if path.startswith("hydra.") and (key == "()" or (key == "class" and not str(value).startswith("logging."))):
            raise UsageError(f"{path}: {value} is code; {ADVICE}")
        if path == "hydra.sweeper.custom_search_space" and value is not None:
            raise UsageError(f"{path}: {value} is code; {ADVICE}")
        if BUILT.match(path) and node._is_interpolation() and _makes_settings(node):
            raise UsageError(f"{path}: {value} refers to settings, and code could be among them; write them here")


def _allowed(path: str, value: Any) -> bool:
    if value in ("???", None):
        return True
    if path in PLUGINS:
        known = Plugins.instance().discover(PLUGINS[path])
        return value in {f"{plugin.__module__}.{plugin.__name__}" for plugin in known}
    sampler = re.fullmatch(r"optuna\.samplers\.[A-Z]\w*", str(value))
    return (path == f"{SAMPLER}._target_" and sampler is not None) or (path == f"{SAMPLER}._partial_" and value is True)


def _makes_settings(node: Any) -> bool:
    if MAKERS.search(str(node._value())):
        return True
    try:
        found = node._maybe_dereference_node()
    except Exception:
        # What has no value makes nothing: a resolver of the reader's may raise what it likes.
        return False
    return isinstance(found, Container) or OmegaConf.is_config(found)


def _nodes(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every node below a node with its dotted path, references as they are written."""
    if node._is_none() or node._is_missing() or node._is_interpolation():
        return
    places = range(len(node)) if isinstance(node, ListConfig) else list(node.keys())
    for place in places:
        inner, here = node._get_node(place), f"{path}.{place}" if path else str(place)
        yield here, inner
        if isinstance(inner, Container):
            yield from _nodes(inner, here)
