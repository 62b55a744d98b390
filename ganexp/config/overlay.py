"""Each player's optimizer in a config: an overlay of `optimizer`, in which `inherited` stands for what was not said of that player."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ganexp.config.files import UsageError
from ganexp.config.option_file import OPTIONAL, read
from ganexp.config.options import NETWORKS, PLAYER_OPTIMIZERS, file_of, options

COMMON = {"clip_norm": None, "clip_value": None, "weight_bound": None}
INHERITED = "inherited"


@functools.cache
def optimizers() -> dict[str, dict[str, Any]]:
    """The settings of each option of `optimizer`, with their defaults, but for options that cannot be read."""
    found = {}
    for name in options("optimizer"):
        try:
            content = read(file_of("optimizer", name), "optimizer")
        except UsageError:
            # Which is said where it is chosen.
            continue
        found[name] = {**COMMON, **{key: value for key, value in content.items() if key != "defaults"}}
    return found


def overlay(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What the choice of an option says of a player: the function, and which settings it has."""
    return {key: value if key == "name" else INHERITED for key, value in settings.items()}


def complete(config: DictConfig, choices: Mapping[str, Any]) -> None:
    """Give each player's optimizer, in place, what was not said of it: from `optimizer`, or else from its own option, of `choices`.

    That of a player whose network is not among `choices` is None, unless something was said of it.
    """
    shared: Any = OmegaConf.to_container(config.optimizer)
    for group, player in zip(NETWORKS, PLAYER_OPTIMIZERS, strict=True):
        own = config[player]
        if own is None:
            continue
        typed: Any = OmegaConf.to_container(own)
        said = {key: value for key, value in typed.items() if value != INHERITED}
        if group in OPTIONAL and choices.get(group) is None and said == {"name": shared.get("name")}:
            config[player] = None
            continue
        for key in [key for key, value in typed.items() if value == INHERITED]:
            value = shared[key] if key in shared else optimizers()[choices[player]][key]
            # A reference, and what is not set, is read where it stands: it may be relative, and a mistake is named there.
            own[key] = f"${{optimizer.{key}}}" if isinstance(value, str) else value
