"""One component in front of Optax: each option is Optax's own function, with its own settings and defaults."""

from __future__ import annotations

import inspect
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import yaml

from ganexp.component import SettingError
from ganexp.config.compose import compose
from ganexp.optimizers import Optimizer, functions

CONF = Path(__file__).resolve().parent.parent / "conf" / "optimizer"
OPTIONS = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(CONF.glob("*.yaml"))}
COMMON = {"defaults", "name", "learning_rate", "clip_norm", "clip_value", "weight_bound"}
# Functions, arrays and types: nothing a config can hold.
NO_SETTING = {
    "key", "seed", "mask", "weight_decay_mask", "trust_ratio_mask", "mu_dtype", "dtype_momentum", "accumulator_dtype",
}  # fmt: skip
# Where an option differs from Optax on purpose: the option named after it, and what GANs want.
ON_PURPOSE = {("momentum", "momentum"): 0.9, ("adam", "b1"): 0.5}

PARAMS = {"kernel": jnp.array([[1.0, -0.8, 0.1], [0.6, 1.5, -2.0]]), "bias": jnp.array([0.7, -1.1])}
GRADS = [jax.tree.map(lambda leaf, step=step: jnp.sin(3 * leaf + step), PARAMS) for step in range(3)]


def changed(optimizer, grads):
    """The change that one update by `grads` makes."""
    params, _ = optimizer.apply(grads, optimizer.init(PARAMS, jax.random.key(0)), PARAMS)
    return jax.tree.map(lambda new, old: np.asarray(new - old), params, PARAMS)


def norm(tree):
    return float(np.sqrt(sum((np.asarray(leaf, float) ** 2).sum() for leaf in jax.tree.leaves(tree))))


@pytest.mark.parametrize("name", OPTIONS)
def test_options_step_as_optax_does(composed, name):
    values = {key: value for key, value in OPTIONS[name].items() if key not in COMMON}
    if name == "noisy_sgd":
        values["key"] = jax.random.key(0)
    reference = getattr(optax, OPTIONS[name]["name"])(OPTIONS[name]["learning_rate"], **values)
    ours = composed(f"optimizer={name}").discriminator_optimizer
    expected, state = PARAMS, reference.init(PARAMS)
    params, own = PARAMS, ours.init(PARAMS, jax.random.key(0))
    for grads in GRADS:
        changes, state = reference.update(grads, state, expected)
        expected = optax.apply_updates(expected, changes)
        params, own = ours.apply(grads, own, params)
    jax.tree.map(np.testing.assert_array_equal, params, expected)
    assert norm(jax.tree.map(lambda new, old: new - old, params, PARAMS)) > 0


@pytest.mark.parametrize("name", OPTIONS)
def test_options_list_exactly_optaxs_settings_with_its_defaults(name):
    content = OPTIONS[name]
    parameters = inspect.signature(getattr(optax, content["name"])).parameters
    known = {key: each.default for key, each in parameters.items() if key not in NO_SETTING | {"learning_rate"}}
    listed = {key: value for key, value in content.items() if key not in COMMON}
    assert set(listed) == set(known)
    for key, default in known.items():
        assert listed[key] == ON_PURPOSE.get((name, key), default), key
        assert type(listed[key]) is type(ON_PURPOSE.get((name, key), default)), key
    assert content["learning_rate"] > 0


def test_every_optimizer_of_optax_has_an_option():
    assert {content["name"] for content in OPTIONS.values()} == set(functions())


@pytest.mark.parametrize("name", ["lbfgs", "polyak_sgd", "scale_by_adam", "chain", "__doc__", "Adam", ""])
def test_what_needs_more_than_gradients_is_refused(name):
    assert name not in functions()
    with pytest.raises(
        SettingError, match=rf"^name: Optax has no first-order optimizer '{name}'; it has .*adam, .*sgd"
    ):
        Optimizer(name, 0.1)


def test_an_unknown_setting_is_refused_with_the_nearest_and_all_that_are_known():
    with pytest.raises(SettingError) as error:
        Optimizer("sgd", 0.1, settings={"momentun": 0.9})
    assert error.value.setting == "momentun"
    for said in ("sgd has no such setting", "did you mean momentum?", "learning_rate, momentum, nesterov", "clip_norm"):
        assert said in error.value.problem
    for name in NO_SETTING:
        with pytest.raises(SettingError, match=rf"^{name}: adamw has no such setting"):
            Optimizer("adamw", 0.1, settings={name: 1.0})


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("adam", {"b1": 1.0}), ("adam", {"b2": -0.1}), ("adam", {"eps": -1e-8}), ("adam", {"b1": "x"}),
        ("adam", {"b1": True}), ("adam", {"nesterov": 1}), ("adam", {"b1": None}), ("adam", {"b1": float("nan")}),
        ("adam", {"eps": float("inf")}), ("adam", {"eps": 1e39}), ("rmsprop", {"decay": 1.0}), ("adadelta", {"rho": 1.5}),
        ("adafactor", {"min_dim_size_to_factor": 2.5}), ("adafactor", {"min_dim_size_to_factor": float("inf")}),
        ("adafactor", {"min_dim_size_to_factor": float("nan")}), ("adafactor", {"min_dim_size_to_factor": 10**30}),
        ("adam", {"eps": 10**400}), ("adam", {"b1": [0.5]}), ("adam", {"b1": {}}), ("adam", {"nesterov": None}),
        ("sgd", {"momentum": []}), ("sgd", {"momentum": [0.5, 0.9]}), ("sgd", {"momentum": "0.5"}),
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused(name, settings):
    with pytest.raises(SettingError, match=rf"^{next(iter(settings))}: "):
        Optimizer(name, 0.1, settings=settings)


def test_a_share_below_one_only_in_64_bits_is_refused():
    # As a 32-bit float it is 1, and Adam would divide by 1 - 1.
    with pytest.raises(SettingError, match=r"^b2: "):
        Optimizer("adam", 0.1, settings={"b2": 1 - 1e-9})


@pytest.mark.parametrize("field", ["learning_rate", "clip_norm", "clip_value", "weight_bound"])
@pytest.mark.parametrize("value", [[], [0.1, 0.2], {}, "0.1", True, 10**400], ids=lambda value: type(value).__name__)
def test_numbers_that_every_optimizer_has_are_numbers(field, value):
    with pytest.raises(SettingError, match=rf"^{field}: "):
        Optimizer(**({"name": "sgd", "learning_rate": 0.1} | {field: value}))


@pytest.mark.parametrize("name", [None, 3, ["sgd"], {}])
def test_the_name_is_a_text(name):
    with pytest.raises(SettingError, match=r"^name: .* is not a string"):
        Optimizer(name, 0.1)


def test_settings_have_names():
    with pytest.raises(SettingError, match=r"^settings: \{1: 2\} is not settings by name"):
        Optimizer("sgd", 0.1, settings={1: 2})


@pytest.mark.parametrize("settings", [{"momentum": None}, {"momentum": 0}, {"momentum": 0.5, "nesterov": True}])
def test_settings_that_optax_takes_are_taken(settings):
    optimizer = Optimizer("sgd", 0.1, settings=dict(settings))
    assert optimizer.settings == settings
    assert np.isfinite(norm(changed(optimizer, GRADS[0])))


def test_a_rate_must_be_a_number_unless_optax_has_one():
    with pytest.raises(SettingError, match=r"^learning_rate: adam needs a number"):
        Optimizer("adam", None)
    with pytest.raises(SettingError, match=r"^learning_rate: "):
        Optimizer("adam", -0.1)
    assert norm(changed(Optimizer("adafactor", None), GRADS[0])) > 0
    assert norm(changed(Optimizer("sgd", 0.0), GRADS[0])) == 0


@pytest.mark.parametrize("factor", [0.01, 1.0, 100.0])
def test_clip_norm_bounds_the_norm_of_all_gradients_together(factor):
    grads = jax.tree.map(lambda leaf: factor * leaf, GRADS[0])
    change = changed(Optimizer("sgd", 1.0, clip_norm=0.5), grads)
    np.testing.assert_allclose(norm(change), min(norm(grads), 0.5), rtol=1e-4)
    shrunk = min(1, 0.5 / norm(grads))
    for one, two in zip(jax.tree.leaves(change), jax.tree.leaves(grads), strict=True):
        np.testing.assert_allclose(one, -shrunk * two, rtol=1e-4, atol=1e-6)


def test_clip_value_bounds_each_gradient_and_comes_before_the_norm():
    change = changed(Optimizer("sgd", 1.0, clip_value=0.3), GRADS[0])
    for one, two in zip(jax.tree.leaves(change), jax.tree.leaves(GRADS[0]), strict=True):
        np.testing.assert_allclose(one, -np.clip(two, -0.3, 0.3), atol=1e-6)
    both = changed(Optimizer("sgd", 1.0, clip_value=0.3, clip_norm=0.1), GRADS[0])
    ratio = 0.1 / norm(jax.tree.map(lambda leaf: np.clip(leaf, -0.3, 0.3), GRADS[0]))
    for one, two in zip(jax.tree.leaves(both), jax.tree.leaves(GRADS[0]), strict=True):
        np.testing.assert_allclose(one, -ratio * np.clip(two, -0.3, 0.3), atol=1e-6)


def test_weight_bound_puts_weights_back_after_the_update():
    free, bound = Optimizer("sgd", 0.1), Optimizer("sgd", 0.1, weight_bound=0.65)
    loose, _ = free.apply(GRADS[0], free.init(PARAMS, jax.random.key(0)), PARAMS)
    kept, _ = bound.apply(GRADS[0], bound.init(PARAMS, jax.random.key(0)), PARAMS)
    jax.tree.map(lambda one, two: np.testing.assert_array_equal(one, np.clip(two, -0.65, 0.65)), kept, loose)
    assert max(float(abs(leaf).max()) for leaf in jax.tree.leaves(loose)) > 0.65


@pytest.mark.parametrize("name", ["clip_norm", "clip_value", "weight_bound"])
def test_bounds_are_above_zero(name):
    with pytest.raises(SettingError, match=rf"^{name}: "):
        Optimizer("sgd", 0.1, **{name: 0.0})


def test_players_inherit_what_is_not_said_of_them(composed):
    experiment = composed(
        "optimizer=adam", "optimizer.learning_rate=0.003", "optimizer.clip_norm=2", "generator_optimizer.b1=0.25",
        "discriminator_optimizer=sgd",
    )  # fmt: skip
    generator, discriminator = experiment.generator_optimizer, experiment.discriminator_optimizer
    assert (generator.name, generator.learning_rate, generator.clip_norm) == ("adam", 0.003, 2.0)
    assert generator.settings["b1"] == 0.25
    assert (discriminator.name, discriminator.learning_rate, discriminator.clip_norm) == ("sgd", 0.003, 2.0)
    assert discriminator.settings == {"momentum": None, "nesterov": False}


def test_a_reference_in_what_is_inherited_is_read_where_it_stands(composed):
    experiment = composed("optimizer.learning_rate=${.b1}", "optimizer.b1=0.25", "generator_optimizer.b1=0.75")
    assert experiment.generator_optimizer.learning_rate == experiment.discriminator_optimizer.learning_rate == 0.25
    assert experiment.generator_optimizer.settings["b1"] == 0.75


def test_what_is_removed_of_a_player_is_not_inherited(composed):
    experiment = composed("optimizer.b2=0.5", "~generator_optimizer.b2")
    assert "b2" not in experiment.generator_optimizer.settings
    assert experiment.discriminator_optimizer.settings["b2"] == 0.5


def test_a_composed_config_holds_the_values_of_both_players():
    config = compose(["optimizer=sgd", "optimizer.clip_norm=2", "discriminator_optimizer=momentum"])
    assert config.generator_optimizer == config.optimizer
    assert config.discriminator_optimizer.clip_norm == 2
    assert config.discriminator_optimizer.momentum is None
