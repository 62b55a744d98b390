"""What the value of a setting may be, by its declared type; every refusal is a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

LONGEST = 60  # letters of a value that a sentence shows


class SettingError(ValueError):
    """A setting that cannot be used: `setting` is its dotted path, `problem` says what is wrong and what is allowed."""

    def __init__(self, setting: str, problem: str):
        super().__init__(f"{setting}: {problem}" if setting else problem)
        self.setting, self.problem = setting, problem

    def inside(self, parent: str) -> SettingError:
        """The same mistake, with `parent` put before its path."""
        return SettingError(".".join(part for part in (parent, self.setting) if part), self.problem)


def number(name: str, value: Any) -> Any:
    """`value` as a float that 32 bits hold, arrays as they are; raises SettingError."""
    if isinstance(value, jax.Array | np.ndarray):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise SettingError(name, f"{shown(value)} is not a number{_one(value)}")
    try:
        found = float(value)
    except OverflowError:
        found = np.inf
    if not abs(found) <= float(np.finfo(np.float32).max):
        raise SettingError(name, f"{shown(value)} is not a finite number (32-bit floats reach 3.4e38)")
    return found


def whole(name: str, value: Any) -> int:
    """`value` as a whole number that 64 bits hold; raises SettingError."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise SettingError(name, f"{shown(value)} is not a whole number{_one(value)}")
    if not -(2**63) <= value < 2**63:
        raise SettingError(name, f"{shown(value)} is out of range; whole numbers have 64 bits here")
    return int(value)


def flag(name: str, value: Any) -> bool:
    """`value` where it is true or false; raises SettingError."""
    if not isinstance(value, bool):
        raise SettingError(name, f"{shown(value)} is not true or false{_one(value)}")
    return value


def text(name: str, value: Any) -> str:
    """`value` where it is a string; raises SettingError."""
    if not isinstance(value, str):
        raise SettingError(name, f"{shown(value)} is not a string{_one(value)}")
    if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        # Which no file can be named, and no record hold.
        raise SettingError(name, f"{shown(value)} is not UTF-8, or has a NUL in it")
    return value


READ: Mapping[Any, Callable[[str, Any], Any]] = {float: number, int: whole, bool: flag, str: text}


def _one(value: Any) -> str:
    return "; give one, or several with -m and without brackets" if isinstance(value, (list, tuple)) else ""


def shown(value: Any) -> str:
    """A value as a sentence shows it, and as it is typed: at most 60 letters of it."""
    said = str(value).lower() if isinstance(value, bool) else "null" if value is None else repr(value)
    return said if len(said) <= LONGEST else f"{said[: LONGEST - 3]}..."


def within(name: str, value: Any, bounds: Mapping[str, float]) -> None:
    """Refuse a number that is not within `bounds` as a 32-bit float sees it; raises SettingError."""
    if not bounds or isinstance(value, jax.Array | np.ndarray):
        return
    seen = np.float32(value) if isinstance(value, float) else value
    tests = {
        "above": (lambda bound: seen > np.float32(bound), "above"),
        "least": (lambda bound: seen >= bound, "at least"),
        "below": (lambda bound: seen < np.float32(bound), "below"),
        "most": (lambda bound: seen <= bound, "at most"),
    }
    if not all(tests[kind][0](bound) for kind, bound in bounds.items()):
        allowed = " and ".join(f"{tests[kind][1]} {bound:g}" if abs(bound) < 1e6 else f"{tests[kind][1]} {bound}"
                               for kind, bound in bounds.items())  # fmt: skip
        tiny = " (a 32-bit float reads it as 0)" if isinstance(value, float) and value != 0 and seen == 0 else ""
        raise SettingError(name, f"{value} is out of range{tiny}; it must be {allowed}")
