"""The Dirac-GAN, against the vector fields of Mescheder et al. (2018)."""

from __future__ import annotations

from collections.abc import Callable

import jax
import numpy as np
import pytest

from ganexp.component import arrays
from ganexp.config.build import job
from ganexp.config.compose import compose
from ganexp.training import chunk, init, initial_health
from ganexp.types import DISCRIMINATOR, GENERATOR


def slope(t: float) -> float:
    """f'(t) of f(t) = -log(1 + exp(-t))."""
    return 1 / (1 + np.exp(t))


FIELDS: dict[str, tuple[tuple[str, ...], Callable[[float, float], float], Callable[[float, float], float]]] = {
    # In the paper's sign: its discriminator's psi is minus ours, which wants high scores on data.
    "gan": (("loss=minimax", "penalty=[]"), lambda g, d: -d * slope(d * g), lambda g, d: g * slope(d * g)),
    "ns": (("loss=non_saturating", "penalty=[]"), lambda g, d: -d * slope(-d * g), lambda g, d: g * slope(d * g)),
    "gan-r1": (
        ("loss=minimax", "penalty=[r1]", "penalty.r1.weight=0.3"),
        lambda g, d: -d * slope(d * g),
        lambda g, d: g * slope(d * g) - 0.3 * d,
    ),
    "ns-r1": (
        ("loss=non_saturating", "penalty=[r1]", "penalty.r1.weight=1"),
        lambda g, d: -d * slope(-d * g),
        lambda g, d: g * slope(d * g) - d,
    ),
}


def dirac(method: str, order: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """(theta, psi) after some steps, by NumPy in 64 bits and by the program."""
    h, overrides, (settings, theta_field, psi_field) = 0.2, ("dataset=dirac", "batch_size=2"), FIELDS[method]
    stops = (1, 2, 3, 10, 50, 100, 250, 500)
    expected, theta, psi = [], 1.0, 1.0
    for step in range(1, stops[-1] + 1):
        new_theta = theta + h * theta_field(theta, psi)
        psi += h * psi_field(theta if "updates=simultaneous" in order else new_theta, psi)
        theta = new_theta
        if step in stops:
            expected.append((theta, psi))
    start = ("model.generator.start=1", "model.discriminator.start=-1")
    chosen = ("optimizer=sgd", f"optimizer.learning_rate={h}", "optimizer.momentum=null", "schedule=[]")
    experiment = arrays(job(compose([*overrides, *settings, *start, *chosen, *order])).experiment)
    state, health, seen = jax.jit(init)(experiment), initial_health(experiment), []
    for stop in stops:
        state, health = chunk(experiment, (), state, health, np.int32(stop))
        g, d = (float(jax.tree.leaves(state.players[player].params)[0][0]) for player in (GENERATOR, DISCRIMINATOR))
        seen.append((g, -d))
    return np.array(expected), np.array(seen)


SIMULTANEOUS, ALTERNATING = ("updates=simultaneous",), ("updates=alternating", "updates.first=generator")


@pytest.mark.parametrize("order", [SIMULTANEOUS, ALTERNATING], ids=["simultaneous", "alternating"])
@pytest.mark.parametrize("method", FIELDS)
def test_the_dirac_gan_moves_along_its_vector_field(method, order):
    expected, seen = dirac(method, order)
    np.testing.assert_allclose(seen, expected, rtol=0, atol=1e-4)
    radius = np.hypot(*seen.T)
    if method == "gan":
        assert (radius[-1] > 2.5) if order == SIMULTANEOUS else (1.2 < radius.min() <= radius.max() < 1.7)
    else:
        assert radius[-1] < radius[0]
