"""Rules of gradients that remember, rules one after the other, and the laws that hold with them."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ruled import PLAYERS, RATE, SMALL, STILL, UNROLLED, first, ruled, sigmoid, train

from ganexp import checkpoints
from ganexp.component import arrays, component, with_number
from ganexp.config.build import job
from ganexp.config.compose import compose
from ganexp.game import loss_and_gradients
from ganexp.gradients import Unrolled
from ganexp.parts import Gradient
from ganexp.runner.device import SingleRun
from ganexp.runner.lanes import Lanes
from ganexp.runner.run import run
from ganexp.training import chunk, init, initial_health
from ganexp.types import GENERATOR

pytestmark = pytest.mark.exact


@pytest.fixture(scope="module")
def gradient_of():
    return jax.jit(loss_and_gradients, static_argnames=("name", "train"))


@component
class Optimistic(Gradient):
    """2 g - h, where h is the gradient g of the player's update before."""

    def init(self, players):
        return {name: jax.tree.map(jnp.zeros_like, player.params) for name, player in players.items()}

    def wrap(self, before, move, own):
        def rule(name, state, draws):
            found, memory = before(name, state, draws)
            new = found.grads[name]
            grads = jax.tree.map(lambda now, old: 2 * now - old, new, state.memory[own][name])
            memory = {**memory, own: {**memory[own], name: new}}
            return found._replace(grads={**found.grads, name: grads}), memory

        return rule


@component
class Scaled(Gradient):
    """`factor` times the gradient."""

    factor: float = 2.0

    def wrap(self, before, move, own):
        def rule(name, state, draws):
            found, memory = before(name, state, draws)
            scaled = jax.tree.map(lambda leaf: self.factor * leaf, found.grads[name])
            return found._replace(grads={**found.grads, name: scaled}), memory

        return rule


@pytest.mark.parametrize("order", ["simultaneous", "alternating"])
def test_a_rule_remembers_from_update_to_update(composed, order):
    words = (
        *STILL,
        "penalty=[]",
        f"updates={order}",
        "updates.g_steps=3",
        "updates.d_steps=2",
        "updates.minibatch=same",
    )
    experiment = ruled(composed(*words), optimistic=Optimistic())
    state = chunk(experiment, (), init(experiment), initial_health(experiment), np.int32(4))[0]
    theta, psi, old_theta, old_psi = 0.8, 1.5, 0.0, 0.0
    for _ in range(4):
        still = theta, psi
        for _ in range(2):
            now = still[0] * sigmoid(psi * still[0])
            psi, old_psi = psi - RATE * (2 * now - old_psi), now
        rival = still[1] if order == "simultaneous" else psi
        for _ in range(3):
            now = -rival * sigmoid(-rival * theta)
            theta, old_theta = theta - RATE * (2 * now - old_theta), now
    found = [state.players[player].params["value"][0] for player in PLAYERS]
    np.testing.assert_allclose(found, (theta, psi), rtol=1e-4)
    kept = state.memory["gradient.optimistic"]
    np.testing.assert_allclose([kept[player]["value"][0] for player in PLAYERS], (old_theta, old_psi), rtol=1e-3)


def test_each_rule_wraps_the_one_before_it(composed, gradient_of):
    experiment = composed(*STILL, "penalty=[]")
    unrolled, scaled = Unrolled(steps=1), Scaled(factor=3.0)
    state, draws = init(arrays(experiment)), first(arrays(experiment))
    inside, outside = (
        gradient_of(ruled(experiment, **rules), GENERATOR, state, draws)[0]
        for rules in ({"scaled": scaled, "unrolled": unrolled}, {"unrolled": unrolled, "scaled": scaled})
    )
    # Before unrolling, the discriminator looks ahead three times as far; after it, the generator alone is scaled.
    psi, theta = 1.5, 0.8
    gain = sigmoid(psi * theta) + theta * psi * sigmoid(psi * theta) * sigmoid(-psi * theta)
    for found, factor, ahead in ((inside, 1, 3), (outside, 3, 1)):
        reached = psi - ahead * RATE * theta * sigmoid(psi * theta)
        slope = -sigmoid(-reached * theta)
        direct, through = slope * reached, -slope * theta * ahead * RATE * gain
        expected = (3 * direct + through) if found is inside else factor * (direct + through)
        assert found.grads[GENERATOR]["value"][0] == pytest.approx(expected, rel=1e-4)
        assert float(found.loss) == pytest.approx(np.log1p(np.exp(-reached * theta)), rel=1e-4)


def test_no_rule_is_the_gradient_of_the_loss_and_nothing_is_remembered(composed):
    experiment = arrays(composed(*SMALL))
    state = init(experiment)
    assert state.memory == {}
    for player in PLAYERS:
        found, memory = loss_and_gradients(experiment, player, state, first(experiment))
        assert [*found.grads] == [player]
        assert memory == {}


def same(left, right):
    """Bit for bit."""
    left, right = jax.tree.leaves(jax.device_get(left)), jax.tree.leaves(jax.device_get(right))
    return len(left) == len(right) > 0 and all(a.tobytes() == b.tobytes() for a, b in zip(left, right, strict=True))


def remembering(composed, *rules):
    experiment = composed(*SMALL, *UNROLLED, "penalty=[r1,lecam]", "model.discriminator.dropout=0.2")
    both = {"optimistic": Optimistic(), **experiment.gradient}
    return ruled(experiment, **{name: both[name] for name in rules or both})


def test_the_trajectory_does_not_depend_on_how_chunks_are_cut(composed):
    experiment = remembering(composed)
    whole = train(experiment, 20)
    assert {*whole[0].memory} == {"penalty.lecam", "gradient.optimistic"}
    assert same(whole, train(experiment, 3, 4, 17, 20))
    assert not same(whole[0].players, train(remembering(composed, "unrolled"), 20)[0].players)


def test_a_lane_is_the_run_alone_and_another_number_traces_nothing(composed):
    one = remembering(composed)
    changes = {
        "seed": np.uint32(3),
        "penalty.lecam.decay": np.float32(0.5),
        "discriminator_optimizer.settings.b2": np.float32(0.9),
    }
    experiments = [one, *(with_number(one, path, lambda _, value=value: value) for path, value in changes.items())]
    lanes = Lanes(experiments, (), "map")
    states, reports = lanes.advance(*lanes.start(), 10, range(len(lanes)))
    ends = []
    for number, experiment in enumerate(experiments):
        alone = SingleRun(experiment, ())
        ends.append(alone.advance(*alone.start(), 10, [0]))
        assert same(ends[-1], (lanes.lane(states, number), lanes.lane(reports, number)))
        assert not number or not same(ends[-1][0].players, ends[0][0].players)
    assert len({jax.tree.structure(experiment) for experiment in experiments}) == 1


def test_a_resumed_run_is_the_uninterrupted_one_with_what_is_remembered(tmp_path):
    words = (
        *SMALL, *UNROLLED, "penalty=[r1,lecam]", "average=ema", "eval_samples=50", "final_samples=50", "image_every=0",
        "checkpoint_every=5",
    )  # fmt: skip
    last = {}
    for name, steps in (("whole", (20,)), ("parts", (10, 20))):
        resumed = None
        for count in steps:
            now = job(compose([*words, f"steps={count}"]))
            assert run(now, tmp_path / name, resumed=resumed).status == "finished"
            like = jax.eval_shape(lambda now=now: (init(arrays(now.experiment)), initial_health(now.experiment)))
            resumed = checkpoints.load(checkpoints.paths(tmp_path / name)[0], like)
        last[name] = resumed
    assert same(last["whole"].state, last["parts"].state)
    assert {*last["whole"].state.memory} == {"penalty.lecam", "average"}
