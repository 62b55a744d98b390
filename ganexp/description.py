"""Components as flat settings by dotted path, and back: what run folders keep of what made them."""

from __future__ import annotations

import dataclasses
import os
import typing
from collections.abc import Mapping
from typing import Any

from ganexp.component import Component, SettingError, hints_of, is_component, kinds, option_name, part_of
from ganexp.spelling import did_you_mean


def describe(tree: Component, path: str = "", places: bool = True) -> dict[str, Any]:
    """Every setting of a component by its dotted path, and of every chosen part its option name; plain values.

    Paths of `places` are absolute; without them, what is left is what decides the numbers.
    """
    described: dict[str, Any] = {}
    cls: Any = type(tree)
    hints = hints_of(cls)
    located = {field.name for field in dataclasses.fields(cls) if field.metadata.get("place")}
    unrecorded = {field.name: field.default for field in dataclasses.fields(cls) if field.metadata.get("unrecorded")}
    for name, kind in kinds(cls).items():
        value, here = getattr(tree, name), _joined(path, name)
        if name in located:
            if places:
                described[here] = None if value is None else os.path.abspath(value)
        elif kind == "mixed":
            # Mixed settings stand beside the fields, as in the config.
            described |= {f"{path}.{key}": item for key, item in value.items()}
        elif name in unrecorded and value == unrecorded[name]:
            continue
        elif kind != "child" or value is None:
            described[here] = list(value) if isinstance(value, tuple) else value
        else:
            parts = {f"{here}.{key}": part for key, part in value.items()} if isinstance(value, dict) else {here: value}
            for place, part in parts.items():
                if type(part) is not (part_of(hints[name]) or hints[name]):
                    described[place] = option_name(type(part))
                described |= describe(part, place, places)
    return described


def rebuild(cls: Any, described: Mapping[str, Any], path: str = "") -> Any:
    """The component of class `cls` that `describe` described: its inverse; raises SettingError where there is none."""
    values: dict[str, Any] = {}
    unrecorded = {field.name for field in dataclasses.fields(cls) if field.metadata.get("unrecorded")}
    for name, kind in kinds(cls).items():
        here, hint = _joined(path, name), hints_of(cls)[name]
        if name in unrecorded and not any(key == here or key.startswith(f"{here}.") for key in described):
            continue
        if kind == "mixed":
            beside = (key.removeprefix(f"{path}.") for key in described if key.startswith(f"{path}."))
            values[name] = {
                key: described[f"{path}.{key}"] for key in beside if "." not in key and key not in kinds(cls)
            }
        elif kind != "child":
            if here not in described:
                raise SettingError(here, "is not set")
            values[name] = described[here]
        elif is_component(hint) or part_of(hint):
            # What has no options, such as an optimizer, has no name of its own.
            absent = part_of(hint) and name not in unrecorded and described.get(here, "") is None
            values[name] = None if absent else _rebuilt(part_of(hint) or hint, described, here)
        else:
            inside = (key.removeprefix(f"{here}.") for key in described if key.startswith(f"{here}."))
            base = typing.get_args(hint)[1]
            values[name] = {key: _rebuilt(base, described, f"{here}.{key}") for key in inside if "." not in key}
    try:
        return cls(**values)
    except SettingError as error:
        raise error.inside(path) from None


def _rebuilt(base: Any, described: Mapping[str, Any], path: str) -> Any:
    known = {option_name(cls): cls for cls in below(base)}
    if not known:
        return rebuild(base, described, path)
    if path not in described:
        raise SettingError(path, "is not set")
    if described[path] not in known:
        raise SettingError(path, f"there is no {described[path]!r}{did_you_mean(str(described[path]), known)}")
    return rebuild(known[described[path]], described, path)


def below(base: Any) -> list[Any]:
    """Every class below `base`, in the order of their definition."""
    children: list[type] = base.__subclasses__()
    return [cls for child in children for cls in (child, *below(child))]


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
