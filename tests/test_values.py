"""Values of settings: which types and bounds are taken, and the sentence for the others."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import numpy as np
import pytest
from heating import Cold, Heat

from ganexp.component import (
    Component,
    SettingError,
    arrays,
    component,
    setting,
)
from ganexp.experiment import Stream


@component
class Typed(Component):
    """A field of each type that a setting may have."""

    number: float = 1.0
    absent: float | None = None
    levels: list[float] = setting([1.0])
    weights: list[float] | None = None
    count: int = 1
    width: int | None = None
    name: str = "a"
    place: str | None = None
    flag: bool = False
    part: Heat = dataclasses.field(default_factory=Heat)
    parts: dict[str, Heat] = dataclasses.field(default_factory=dict)
    mixed: dict[str, Any] = setting({})


KINDS = {
    "number": "a number", "absent": "a number", "levels": "a list", "weights": "a list", "count": "a whole number",
    "width": "a whole number", "name": "a string", "place": "a string", "flag": "true or false",
}  # fmt: skip


FIT = {
    "number": (1, 1.5),
    "absent": (1, 1.5),
    "count": (1,),
    "width": (1,),
    "name": ("x",),
    "place": ("x",),
    "flag": (True,),
}


VALUES = [1, 1.5, True, "x", b"x", [], [1.0], [[1.0]], (), {}, {"a": 1}, {1, 2}, object(), Heat(), 1j]


@pytest.mark.parametrize("field", KINDS)
@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_every_value_is_of_its_declared_type(field, value):
    lists = isinstance(value, (list, tuple)) and value in ([], [1.0], ())
    fits = lists if field in ("levels", "weights") else any(value is known or value == known for known in FIT[field])
    if fits and (isinstance(value, bool) == (field == "flag")):
        Typed(**{field: value})
        return
    with pytest.raises(SettingError, match=rf"^{field}: .* is not (a number|{KINDS[field]})") as error:
        Typed(**{field: value})
    assert len(error.value.problem) < 200


@pytest.mark.parametrize("field", ["number", "levels", "count", "name", "flag", "part", "parts", "mixed"])
def test_only_what_may_be_absent_may_be_null(field):
    with pytest.raises(SettingError, match=rf"^{field}: null "):
        Typed(**{field: None})
    assert Typed(absent=None, weights=None, width=None, place=None).width is None


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"levels": [1.0, None]}, "levels: null is not a number"),
        ({"levels": [[1.0]]}, r"levels: \[1\.0\] is not a number; give one, or several with -m and without brackets"),
        ({"number": [0.1, 0.2]}, r"number: \[0\.1, 0\.2\] is not a number; give one, or several with -m and without brackets"),
        ({"part": Cold()}, "part: cold cannot stand for heat here"),
        ({"part": 3}, "part: 3 cannot stand for heat here"),
        ({"parts": {"a": Cold()}}, r"parts\.a: cold cannot stand for heat here"),
        ({"parts": {"a": {"warmth": 1.0}}}, r"parts\.a: \{'warmth': 1\.0\} cannot stand for heat here"),
        ({"parts": [Heat()]}, "parts: .* is not settings by name"),
        ({"mixed": {1: 2}}, r"mixed: \{1: 2\} is not settings by name"),
        ({"number": 10**400}, r"number: 1000*\.\.\. is not a finite number \(32-bit floats reach 3\.4e38\)"),
        ({"levels": [-(10**400)]}, r"levels: -1000*\.\.\. is not a finite number"),
        ({"count": 2**63}, "count: 9223372036854775808 is out of range; whole numbers have 64 bits here"),
        ({"count": -(10**400)}, r"count: -1000*\.\.\. is out of range"),
        ({"place": "a\0b"}, r"place: 'a\\x00b' is not UTF-8, or has a NUL in it"),
        ({"place": "a\udcff"}, r"place: 'a\\udcff' is not UTF-8"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_of_another_type_is_refused_in_a_sentence(change, sentence):
    with pytest.raises(SettingError, match=f"^{sentence}"):
        Typed(**change)


def test_numbers_of_numpy_are_kept_as_pythons():
    part = Typed(number=np.float32(0.5), count=np.int64(3), levels=[np.int32(2)])
    assert (type(part.number), type(part.count), type(part.levels[0])) == (float, int, float)


@pytest.mark.parametrize("value", [0, -1, 1.0, 2.5, True, "3"])
def test_counts_are_whole_numbers_in_range(value):
    with pytest.raises(SettingError, match=r"^count: "):
        Heat(count=value)


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**32 - 1])
def test_every_seed_of_32_bits_is_taken_and_is_its_own(composed, seed):
    experiment = dataclasses.replace(composed(), seed=seed)
    assert int(arrays(experiment).seed) == seed
    expected = jax.random.fold_in(jax.random.key(np.uint32(seed)), int(Stream.TRAINING))
    np.testing.assert_array_equal(
        jax.random.key_data(arrays(experiment).key(Stream.TRAINING)), jax.random.key_data(expected)
    )


@pytest.mark.parametrize("seed", [2**32, -1, 2**40, 0.5, 1.0, True, "1"])
def test_other_seeds_are_refused(composed, seed):
    with pytest.raises(SettingError, match=r"^seed: "):
        dataclasses.replace(composed(), seed=seed)


def test_a_seed_that_numpy_drew_is_a_seed(composed):
    experiment = dataclasses.replace(composed(), seed=np.int64(2**32 - 1))
    assert arrays(experiment).seed.dtype == np.uint32
    assert int(arrays(experiment).seed) == 2**32 - 1
