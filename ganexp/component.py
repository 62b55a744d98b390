"""Components: one dataclass that is at once the config schema, the object and a JAX pytree.

Fields fall into four kinds, read off their annotations:

* *numbers*: `float`, `float | None`, `list[float]` and settings marked `leaf=True`. They are the pytree's leaves: one may
  sweep, schedule or edit them, and another value compiles nothing new. `None` means absent, and is another program.
* *children*: components, `component | None`, and `dict[str, component]`.
* *mixed*: `dict[str, Any]`, whose floats are leaves and whose other values are static.
* everything else is *static*: names, widths, counts. Another value is another program.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import re
import types
import typing
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, dataclass_transform

import jax
import numpy as np

from ganexp.spelling import did_you_mean
from ganexp.values import READ, shown, within
from ganexp.values import SettingError as SettingError

T = TypeVar("T")


def setting(
    default: Any = dataclasses.MISSING,
    *,
    above: float | None = None,
    least: float | None = None,
    below: float | None = None,
    most: float | None = None,
    options: Iterable[str] | None = None,
    leaf: bool = False,
    place: bool = False,
    unrecorded: bool = False,
) -> Any:
    """A field with bounds (`above` < value < `below`, `least` <= value <= `most`) or `options`; lists are checked item by item.

    A `leaf` is a number of the pytree though it is whole; a `place` says where something lies, and makes no number; what is
    `unrecorded` is so while it has its default, so that the records of runs without it are as they always were.
    """
    bounds = {"above": above, "least": least, "below": below, "most": most}
    metadata = {
        "bounds": {name: bound for name, bound in bounds.items() if bound is not None},
        "options": None if options is None else tuple(options),
        "leaf": leaf,
        "place": place,
        "unrecorded": unrecorded,
    }
    if isinstance(default, (list, dict)):
        return dataclasses.field(default_factory=lambda: copy.copy(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@dataclass_transform()
def component(cls: type[T]) -> type[T]:
    """Make `cls` a component: a dataclass whose values are checked when a person builds it, and a pytree of its numbers."""
    cls = dataclasses.dataclass(eq=False, repr=True)(cls)
    jax.tree_util.register_pytree_with_keys(cls, _flatten, functools.partial(_unflatten, cls))
    return cls


def is_component(kind: Any) -> bool:
    """Whether `kind` is a class made by `component` (or a base of such)."""
    return isinstance(kind, type) and dataclasses.is_dataclass(kind)


def part_of(hint: Any) -> Any:
    """The class of a child that may be absent, `component | None`; None for any other annotation."""
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else ()
    return next((option for option in options if is_component(option)), None)


def kinds(cls: Any) -> dict[str, str]:
    """Each field's kind: number, child, mixed or static."""
    return _kinds(cls)


@functools.cache
def _kinds(cls: Any) -> dict[str, str]:
    return {field.name: _kind(hints_of(cls)[field.name], field) for field in dataclasses.fields(cls)}


@functools.cache
def hints_of(cls: Any) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _kind(hint: Any, field: dataclasses.Field[Any]) -> str:
    if field.metadata.get("leaf") or hint in (float, float | None, list[float], list[float] | None):
        return "number"
    if is_component(hint) or part_of(hint):
        return "child"
    if typing.get_origin(hint) is dict:
        return "child" if is_component(typing.get_args(hint)[1]) else "mixed"
    return "static"


def _check(self: Any) -> None:
    # Runs for `Ring(radius=2)` but never when JAX rebuilds an object around tracers: see `_unflatten`.
    cls: Any = type(self)
    hints = hints_of(cls)
    for field in dataclasses.fields(self):
        setattr(self, field.name, _checked(field, getattr(self, field.name), hints[field.name]))
    self.check()


def _checked(field: dataclasses.Field[Any], value: Any, hint: Any) -> Any:
    """A field's value as it is kept, lists as tuples; raises SettingError where it is not what the annotation says."""
    if isinstance(hint, types.UnionType):
        if value is None:
            return None
        hint = next(option for option in typing.get_args(hint) if option is not types.NoneType)
    if typing.get_origin(hint) is dict:
        return _mapping(field.name, value, typing.get_args(hint)[1])
    if typing.get_origin(hint) is list:
        if not isinstance(value, (list, tuple)):
            raise SettingError(field.name, f"{shown(value)} is not a list, such as [1,2]")
        return tuple(_single(field, item, typing.get_args(hint)[0]) for item in value)
    return _child(field.name, value, hint) if is_component(hint) else _single(field, value, hint)


def _mapping(name: str, value: Any, hint: Any) -> Any:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise SettingError(name, f"{shown(value)} is not settings by name")
    return {key: _child(f"{name}.{key}", part, hint) for key, part in value.items()} if is_component(hint) else value


def _child(name: str, value: Any, hint: Any) -> Any:
    if not isinstance(value, hint):
        said = option_name(type(value)) if isinstance(value, Component) else shown(value)
        raise SettingError(name, f"{said} cannot stand for {option_name(hint)} here")
    return value


def _single(field: dataclasses.Field[Any], value: Any, hint: Any) -> Any:
    name, options = field.name, field.metadata.get("options")
    if hint in READ:
        value = READ[hint](name, value)
    if options is not None and value not in options:
        raise SettingError(
            name, f"{shown(value)} is not one of {', '.join(options)}{did_you_mean(str(value), options)}"
        )
    within(name, value, field.metadata.get("bounds", {}))
    return value


class Component:
    """Base of all components; `check` refuses values that only make sense, or not, together."""

    def __post_init__(self) -> None:
        _check(self)

    def check(self) -> None:
        """Raise `SettingError` where the values contradict each other."""


def _flatten(self: Any) -> tuple[list[tuple[Any, Any]], Any]:
    children, static = [], []
    for name, kind in kinds(type(self)).items():
        value = getattr(self, name)
        if kind == "static":
            static.append((name, value))
            continue
        if kind == "mixed":
            fixed = tuple((key, value[key]) for key in sorted(value) if not _traced(value[key]))
            static.append((name, fixed))
            value = {key: item for key, item in value.items() if _traced(item)}
        elif isinstance(value, dict):
            # JAX sorts a dictionary's keys, and forgets the order in which parts work on what the others leave.
            static.append((name, tuple(value)))
        children.append((jax.tree_util.GetAttrKey(name), value))
    # The class is part of the static data: in jax 0.10.2 two different registered classes with as many leaves compare equal.
    return children, (type(self), tuple(static))


def _traced(value: Any) -> bool:
    return not isinstance(value, (bool, int, str, type(None)))


def _unflatten(cls: type, static: Any, children: Iterable[Any]) -> Any:
    # JAX rebuilds components around tracers and placeholders: no constructor, no checks.
    self: Any = object.__new__(cls)
    self.__dict__.update(static[1])
    names = [name for name, kind in kinds(cls).items() if kind != "static"]
    for name, value in zip(names, children, strict=True):
        if kinds(cls)[name] == "mixed" and isinstance(value, dict):
            value = {**dict(self.__dict__[name]), **value}
        elif isinstance(value, dict):
            value = {key: value[key] for key in self.__dict__[name]}
        self.__dict__[name] = value
    return self


def arrays(tree: T) -> T:
    """`tree` with its numbers as arrays, float32 and (the seed) uint32, so that every value is the same trace."""
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.uint32 if _whole(leaf) else np.float32), tree)


def _whole(leaf: Any) -> bool:
    return np.issubdtype(np.result_type(leaf), np.integer)


def numbers(tree: Any) -> dict[str, Any]:
    """Every number of `tree` by its dotted path, such as `loss.real_weight` or `penalty.r1.weight`."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {".".join(_part(key) for key in path): leaf for path, leaf in leaves}


def _part(key: Any) -> str:
    return str(getattr(key, "name", getattr(key, "key", getattr(key, "idx", key))))


def with_number(tree: T, path: str, change: Callable[[Any], Any]) -> T:
    """`tree` with the number at the dotted `path` replaced by `change(number)`; nothing is checked, so it may be traced."""
    head, _, rest = path.partition(".")
    if isinstance(tree, dict):
        part = with_number(tree[head], rest, change) if rest else change(tree[head])
        return {**tree, head: part}  # type: ignore[return-value]
    new = copy.copy(tree)
    value = getattr(tree, head)
    setattr(new, head, with_number(value, rest, change) if rest else change(value))
    return new


def option_name(cls: type) -> str:
    """`LeastSquares` -> `least_squares`: a component's name in the config, and that of its file."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()
