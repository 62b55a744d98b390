"""Divergence: the first bad step is found exactly, whatever the chunks."""

from __future__ import annotations

import jax
import jax.monitoring
import numpy as np
import pytest
from trained import PLAYERS, SGD, SMALL, train_to

from ganexp.component import arrays
from ganexp.experiment import Experiment
from ganexp.training import draw, init, signals, train_step


def first_bad_step(experiment: Experiment, most: int) -> tuple[int, list[bool]]:
    """By single steps, looked at from outside."""
    experiment = arrays(experiment)
    state, step = jax.jit(init)(experiment), jax.jit(train_step)
    for number in range(most):
        state, updates = step(experiment, state, jax.jit(draw)(experiment, (), np.int32(number)))
        parts = [updates[player].loss for player in PLAYERS]
        parts += [updates[player].grads for player in PLAYERS]
        parts += [state.players[player].params for player in PLAYERS]
        bad = [not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(part)) for part in parts]
        if any(bad):
            return number + 1, bad
    pytest.fail(f"nothing went bad in {most} steps")


@pytest.mark.parametrize("rate", [0.1, 1e30])
def test_the_first_bad_step_is_found_exactly_whatever_the_chunks(composed, rate):
    experiment = composed(*SMALL, *SGD, "loss=least_squares", f"optimizer.learning_rate={rate}")
    number, bad = first_bad_step(experiment, 30)
    assert (number > 2) == (rate == 0.1)
    assert len(bad) == len(signals(experiment))
    for stops in ((30,), tuple(range(1, 31)), (number, 30), (number - 1, number, 30)):
        health = train_to(experiment, *stops)[1]
        assert int(health.bad_step) == number
        assert health.bad.tolist() == bad
    if number > 1:
        assert int(train_to(experiment, number - 1)[1].bad_step) == 0
