"""Components are schema, object and pytree at once: what is a number, what is another program, what is refused."""

from __future__ import annotations

import copy
import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from heating import Cold, Heat

from ganexp.component import (
    Component,
    SettingError,
    arrays,
    component,
    numbers,
    option_name,
    setting,
    with_number,
)
from ganexp.datasets import Curve, Grid, Ring
from ganexp.description import describe, rebuild
from ganexp.nets import Mlp
from ganexp.optimizers import Optimizer
from ganexp.spelling import did_you_mean

structure = jax.tree.structure


@component
class House(Component):
    """A component of components."""

    room: Heat
    cellars: dict[str, Heat]


def test_other_numbers_are_the_same_structure():
    assert structure(Heat(warmth=1.0)) == structure(Heat(warmth=2.0, levels=[5.0, 6.0]))
    assert hash(structure(Heat(warmth=1.0))) == hash(structure(Heat(warmth=2.0)))


@pytest.mark.parametrize(
    "other",
    [Heat(count=4), Heat(share=0.5), Heat(levels=[1.0]), Heat(mixed={"a": 1.0}), Heat(mixed={"flag": True}), Cold()],
    ids=["static", "none", "length", "number more", "static more", "class"],
)
def test_everything_else_is_another_structure(other):
    assert structure(Heat()) != structure(other)


def test_the_order_of_parts_is_kept_and_another_order_is_another_structure():
    one, other = (House(Heat(), {name: Heat() for name in names}) for names in ("ba", "ab"))
    assert structure(one) != structure(other)
    rebuilt = jax.tree.map(lambda leaf: 2 * leaf, one), with_number(one, "cellars.a.warmth", lambda warmth: 2 * warmth)
    assert [[*house.cellars] for house in (*rebuilt, arrays(other))] == [["b", "a"], ["b", "a"], ["a", "b"]]
    assert jax.jit(lambda house: [*house.cellars].index("b") + 0 * house.room.warmth)(one) == 0


def test_a_program_is_compiled_again_for_another_class_but_not_for_another_number():
    seen = []

    @jax.jit
    def name(part):
        seen.append(type(part).__name__)
        return part.warmth * (1 if isinstance(part, Heat) else -1)

    values = [float(name(arrays(part))) for part in (Heat(warmth=2.0), Cold(warmth=3.0), Heat(warmth=4.0))]
    assert values == [2.0, -3.0, 4.0]
    assert seen == ["Heat", "Cold"]


def test_optimizers_with_as_many_numbers_do_not_group():
    adam = Optimizer("adam", 0.1, settings={"b1": 0.9})
    sgd = Optimizer("sgd", 0.1, settings={"momentum": 0.9})
    adamax = Optimizer("adamax", 0.1, settings={"b1": 0.9})
    assert len({structure(part) for part in (adam, sgd, adamax)}) == 3
    assert structure(adam) == structure(Optimizer("adam", 0.2, settings={"b1": 0.5}))


def test_rebuilding_runs_no_constructor_and_no_check():
    outside = jax.tree.map(lambda leaf: -leaf, Heat(warmth=1.0))
    assert outside.warmth == -1.0
    marked = jax.tree.map(lambda leaf: object(), Heat())
    assert structure(marked) == structure(Heat())
    lanes = jax.vmap(lambda part: part.warmth + part.levels[0])(Heat(jnp.arange(3.0), levels=[jnp.ones(3)]))
    np.testing.assert_array_equal(lanes, [1, 2, 3])


def test_rebuilding_gives_back_every_setting():
    part = Heat(2.0, 0.25, [3.0, 4.0, 5.0], 7, {"b": 0.5, "flag": True, "n": 2, "none": None})
    leaves, tree = jax.tree.flatten(part)
    assert sorted(leaves) == [0.25, 0.5, 2.0, 3.0, 4.0, 5.0]
    assert vars(jax.tree.unflatten(tree, leaves)) == vars(part)
    assert vars(copy.copy(part)) == vars(part)


def test_absent_and_present_numbers_are_different_programs():
    assert structure(Mlp(dropout=None)) != structure(Mlp(dropout=0.0))
    assert structure(Mlp(dropout=0.0)) == structure(Mlp(dropout=0.5))


def test_a_list_of_numbers_is_a_tuple_of_leaves():
    part = Heat(levels=[1, 2, 3])
    assert part.levels == (1.0, 2.0, 3.0)
    assert [type(level) for level in part.levels] == [float] * 3
    assert numbers(part)["levels.2"] == 3.0


def test_default_lists_and_dicts_are_not_shared():
    one, two = Heat(), Heat()
    one.mixed["x"] = 1.0
    assert two.mixed == {}


def test_numbers_become_arrays_of_32_bits(composed):
    experiment = dataclasses.replace(composed(), seed=2**32 - 1)
    made = arrays(experiment)
    assert {leaf.dtype for path, leaf in numbers(made).items() if path != "seed"} == {np.dtype(np.float32)}
    assert made.seed.dtype == np.uint32
    assert int(made.seed) == 2**32 - 1


def test_arrays_twice_is_arrays_once(composed):
    once = arrays(dataclasses.replace(composed(), seed=2**32 - 1))
    assert arrays(once).seed.dtype == np.uint32
    assert int(arrays(once).seed) == 2**32 - 1


@pytest.mark.parametrize("value", [1e-50, 0.0, -1.0, 1e39, -1e39, float("nan"), float("inf"), "1", True])
def test_numbers_out_of_range_are_refused_as_a_32_bit_float_sees_them(value):
    with pytest.raises(SettingError, match=r"^warmth: "):
        Heat(warmth=value)


def test_the_bound_is_the_one_a_32_bit_float_sees():
    # The nearest 32-bit float to this share is 1.
    with pytest.raises(SettingError, match="at least 0 and below 1"):
        Heat(share=1 - 1e-9)
    assert Heat(share=1 - 1e-6).share == 1 - 1e-6
    assert Heat(warmth=1e-40).warmth == 1e-40
    assert Heat(warmth=3.4e38).warmth == 3.4e38


def test_lists_are_checked_item_by_item():
    with pytest.raises(SettingError, match=r"^levels: nan is not a finite number"):
        Heat(levels=[1.0, float("nan")])
    with pytest.raises(SettingError, match=r"^weights: -1.0 is out of range"):
        Ring(weights=[1.0] * 7 + [-1.0])


def test_options_name_the_nearest():
    with pytest.raises(SettingError, match=r"^activation: 'rellu' is not one of relu, .*; did you mean relu\?$"):
        Mlp(activation="rellu")
    with pytest.raises(SettingError, match=r"'xyzzy' is not one of none, standard, range$"):
        Curve(normalization="xyzzy")


def test_contradictions_are_refused():
    with pytest.raises(SettingError, match=r"^weights: 3 weights for 25 modes"):
        Grid(weights=[1.0, 1.0, 1.0])
    with pytest.raises(SettingError, match=r"^low: 5.0 must be below high, which is 5.0$"):
        Curve(low=5.0, high=5.0)


def test_a_mistake_knows_where_it_stands():
    error = SettingError("warmth", "is wrong").inside("room").inside("")
    assert (error.setting, error.problem, str(error)) == ("room.warmth", "is wrong", "room.warmth: is wrong")


def test_numbers_are_named_by_their_path():
    house = House(Heat(mixed={"b": 0.5, "n": 2}), {"left": Heat(warmth=9.0), "right": Heat(share=0.1)})
    assert numbers(house) == {
        "room.warmth": 1.0, "room.levels.0": 1.0, "room.levels.1": 2.0, "room.mixed.b": 0.5,
        "cellars.left.warmth": 9.0, "cellars.left.levels.0": 1.0, "cellars.left.levels.1": 2.0,
        "cellars.right.warmth": 1.0, "cellars.right.share": 0.1, "cellars.right.levels.0": 1.0,
        "cellars.right.levels.1": 2.0,
    }  # fmt: skip


@pytest.mark.parametrize("path", ["room.warmth", "room.mixed.b", "cellars.left.warmth", "cellars.right.share"])
def test_one_number_is_replaced_and_no_other(path):
    house = House(Heat(mixed={"b": 0.5, "n": 2}), {"left": Heat(), "right": Heat(share=0.1)})
    before = numbers(house)
    new = with_number(house, path, lambda number: number + 100)
    assert numbers(new) == {**before, path: before[path] + 100}
    assert numbers(house) == before
    assert structure(new) == structure(house)


def test_describing_names_every_setting_and_every_chosen_part(composed):
    described = describe(
        composed(
            "loss=least_squares",
            "penalty=[r1]",
            "penalty.r1.weight=3",
            "dataset=ring",
            "batch_size=64",
            "optimizer=momentum",
        )
    )
    assert described["loss"] == "least_squares"
    assert described["loss.read"] == "logits"
    assert described["penalty.r1"] == "r1"
    assert described["penalty.r1.weight"] == 3.0
    assert described["dataset.weights"] is None
    assert described["generator_optimizer.momentum"] == 0.9
    assert described["generator_optimizer.nesterov"] is False
    assert described["batch_size"] == 64
    assert all(isinstance(value, (str, int, float, list, type(None))) for value in described.values())


def test_what_is_unrecorded_comes_back_and_leaves_no_record_of_its_default():
    @component
    class Cellar(Component):
        heat: Heat | None = setting(None, unrecorded=True)
        kind: str = setting("dry", options=("dry", "wet"), unrecorded=True)
        depth: int = 2

    assert describe(Cellar()) == {"depth": 2}
    for cellar in (Cellar(), Cellar(kind="wet"), Cellar(heat=Heat(warmth=3.0), depth=4)):
        described = describe(cellar)
        assert described.get("kind", "dry") == cellar.kind
        assert described.get("heat.warmth") == (cellar.heat and cellar.heat.warmth)
        assert describe(rebuild(Cellar, described)) == described


def test_option_names_are_those_of_files():
    assert [option_name(cls) for cls in (Mlp, Ring, Optimizer)] == ["mlp", "ring", "optimizer"]
    assert option_name(type("GanlabGaussians2D", (), {})) == "ganlab_gaussians2_d"
    assert option_name(type("R1", (), {})) == "r1"


def test_the_nearest_word_is_offered_only_when_it_is_near():
    assert did_you_mean("radios", ["std", "radius", "n"]) == "; did you mean radius?"
    assert did_you_mean("color", ["std", "radius", "n"]) == ""
