"""Schedules against NumPy, and through `Experiment.at`, which applies them."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganexp.component import SettingError, arrays, numbers
from ganexp.schedules import Cosine, Exponential, Linear, Stepwise

STEPS = np.array([0, 1, 99, 100, 101, 150, 200, 299, 300, 301, 1000, 2**31 - 1])
BASE = 0.8
PART = np.clip((STEPS - 100) / 200, 0, 1)

ORACLES = {
    "linear": (Linear(final=0.2, begin=100, length=200), BASE - 0.6 * PART),
    "linear, up": (Linear(final=2.0, begin=100, length=200), np.interp(STEPS, [100, 300], [BASE, 2.0])),
    "cosine": (Cosine(final=0.2, begin=100, length=200), 0.5 + 0.3 * np.cos(np.pi * PART)),
    "exponential": (
        Exponential(rate=0.5, begin=100, length=200),
        BASE * np.exp2(-np.minimum(np.maximum(STEPS - 100, 0) / 200, 1000)),
    ),
    "exponential, floor": (
        Exponential(rate=0.1, begin=0, length=100, least=0.05),
        np.array([max(BASE * 0.1 ** min(step / 100, 300), 0.05) for step in STEPS]),
    ),
    "stepwise": (
        Stepwise(begins=[100, 300], values=[0.3, 0.1]), np.select([STEPS < 100, STEPS < 300], [BASE, 0.3], 0.1),
    ),
}  # fmt: skip

at = jax.jit(lambda experiment, step: experiment.at(step))


@pytest.mark.parametrize("name", ORACLES)
def test_schedules_follow_their_formula(name):
    schedule, expected = ORACLES[name]
    values = jax.vmap(lambda step: schedule.value(jnp.float32(BASE), step))(jnp.asarray(STEPS, jnp.float32))
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", ORACLES)
def test_schedules_begin_at_the_configs_value(name):
    schedule, _ = ORACLES[name]
    assert schedule.value(jnp.float32(BASE), jnp.float32(0)) == np.float32(BASE)


def test_a_schedule_moves_both_players_learning_rates(composed):
    experiment = composed(
        "optimizer=adam", "optimizer.learning_rate=0.1", "discriminator_optimizer.learning_rate=0.4", "schedule=[linear]",
        "schedule.linear.setting=optimizer.learning_rate", "schedule.linear.final=0", "schedule.linear.length=100",
    )  # fmt: skip
    for step, share in ((0, 1), (25, 0.75), (100, 0), (5000, 0)):
        now = at(arrays(experiment), step)
        np.testing.assert_allclose(now.generator_optimizer.learning_rate, 0.1 * share, rtol=1e-5, atol=1e-9)
        np.testing.assert_allclose(now.discriminator_optimizer.learning_rate, 0.4 * share, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize(
    ("setting", "moved"),
    [
        ("generator_optimizer.learning_rate", {"generator_optimizer.learning_rate"}),
        ("optimizer.b1", {"generator_optimizer.settings.b1", "discriminator_optimizer.settings.b1"}),
        ("loss.real_weight", {"loss.real_weight"}),
        ("dataset.std", {"dataset.std"}),
        ("penalty.r1.weight", {"penalty.r1.weight"}),
        ("model.generator.dropout", {"model.generator.dropout"}),
    ],
)
def test_a_schedule_moves_the_number_it_names_and_no_other(composed, setting, moved):
    experiment = arrays(
        composed(
            "dataset=ring", "optimizer=adam", "penalty=[r1]", "penalty.r1.weight=1", "model.generator.dropout=0.5",
            "schedule=[linear]", f"schedule.linear.setting={setting}", "schedule.linear.final=0.25",
            "schedule.linear.length=10",
        )
    )  # fmt: skip
    before, after = numbers(experiment), numbers(at(experiment, 10))
    assert {path for path in before if before[path] != after[path]} == moved
    assert {float(after[path]) for path in moved} == {0.25}
    assert jax.tree.structure(experiment) == jax.tree.structure(at(experiment, 10))


@pytest.mark.parametrize(
    ("overrides", "offer"),
    [
        (["schedule.linear.setting=optimizer.learning_rat"], "learning_rate?"),
        (["dataset=ring", "schedule.linear.setting=dataset.radios"], "did you mean dataset.radius?"),
        (["schedule.linear.setting=loss.real_wait"], "did you mean loss.real_weight?"),
        (["schedule.linear.setting=seed"], "cannot be scheduled; only float settings can"),
        (["schedule.linear.setting=batch_size"], "cannot be scheduled; only float settings can"),
        (
            ["model.generator.dropout=null", "schedule.linear.setting=model.generator.dropout"],
            "cannot be scheduled; only float settings can",
        ),
    ],
)
def test_a_schedule_of_what_is_no_number_is_refused_with_the_nearest(composed, overrides, offer):
    with pytest.raises(SettingError) as error:
        composed("schedule=[linear]", *overrides)
    assert error.value.setting == "schedule.linear.setting"
    assert offer in error.value.problem


@pytest.mark.parametrize("other", ["optimizer.learning_rate", "generator_optimizer.learning_rate"])
def test_two_schedules_of_one_number_are_refused(composed, other):
    with pytest.raises(
        SettingError, match=r"^schedule\.\w+\.setting: generator_optimizer.learning_rate already follows"
    ):
        composed("schedule=[linear,cosine]", f"schedule.cosine.setting={other}")


def test_two_schedules_of_two_numbers_are_applied_together(composed):
    experiment = composed(
        "dataset=ring", "optimizer.learning_rate=0.1", "schedule=[linear,stepwise]",
        "schedule.linear.final=0", "schedule.linear.length=10", "schedule.stepwise.setting=dataset.std",
        "schedule.stepwise.begins=[5]", "schedule.stepwise.values=[0.5]",
    )  # fmt: skip
    now = at(arrays(experiment), 5)
    np.testing.assert_allclose([now.dataset.std, now.generator_optimizer.learning_rate], [0.5, 0.05], rtol=1e-5)


@pytest.mark.parametrize(
    ("begins", "values"), [([1.0], [1.0, 2.0]), ([], []), ([2.0, 1.0], [1.0, 1.0]), ([1.0, 1.0], [1.0, 1.0])]
)
def test_steps_that_do_not_rise_or_do_not_match_are_refused(begins, values):
    with pytest.raises(SettingError):
        Stepwise(begins=begins, values=values)
