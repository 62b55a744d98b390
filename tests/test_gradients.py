"""Rules of gradients: unrolling against the chain rule by hand, and the laws that hold for rules that remember."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganexp import checkpoints
from ganexp.component import arrays, component, with_number
from ganexp.config.build import job
from ganexp.config.compose import compose
from ganexp.experiment import Experiment
from ganexp.game import loss_and_gradients, objective, update, with_params
from ganexp.gradients import Unrolled
from ganexp.observe.samples import Samples
from ganexp.optimizers import Optimizer, functions
from ganexp.parts import Gradient, LossAndGradients
from ganexp.runner.device import SingleRun
from ganexp.runner.lanes import Lanes
from ganexp.runner.run import run
from ganexp.training import chunk, draw, init, initial_health
from ganexp.types import DISCRIMINATOR, GENERATOR, Minibatches, Player, TrainState

pytestmark = pytest.mark.exact
PLAYERS = (GENERATOR, DISCRIMINATOR)
SIZES = tuple(f"model.{player}.{size}" for player in PLAYERS for size in ("width=4", "depth=1"))
SMALL = ("batch_size=8", *SIZES)
UNROLLED = ("gradient=[unrolled]", "gradient.unrolled.steps=3")
RATE, WEIGHT, MOMENTUM = 0.3, 0.4, 0.5
DIRAC = (
    "dataset=dirac", "batch_size=4", "schedule=[]", "optimizer=sgd", f"optimizer.learning_rate={RATE}", "optimizer.nesterov=false",
    "model.generator.start=0.8", "model.discriminator.start=1.5",
)  # fmt: skip
STILL, DIRAC = (*DIRAC, "optimizer.momentum=null"), (*DIRAC, f"optimizer.momentum={MOMENTUM}")
R1 = ("penalty=[r1]", f"penalty.r1.weight={WEIGHT}")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_hand(theta, psi, velocity, steps, weight, bound=np.inf):
    """J_G(theta, psi_k) of the non-saturating Dirac-GAN, with its partial and its total derivative, and psi_k: J_D = softplus(0) + softplus(psi theta)
    + (weight / 2) psi^2, which the discriminator descends with momentum, clipped to [-bound, bound]."""
    along = along_velocity = 0.0
    for _ in range(steps):
        gradient = theta * sigmoid(psi * theta) + weight * psi
        bend = sigmoid(psi * theta) * sigmoid(-psi * theta)
        along_gradient = sigmoid(psi * theta) + theta * bend * (psi + theta * along) + weight * along
        velocity = MOMENTUM * velocity + gradient
        along_velocity = MOMENTUM * along_velocity + along_gradient
        psi, along = psi - RATE * velocity, along - RATE * along_velocity
        psi, along = (np.clip(psi, -bound, bound), 0.0) if abs(psi) > bound else (psi, along)
    slope = -sigmoid(-psi * theta)
    return np.log1p(np.exp(-psi * theta)), slope * psi, slope * (psi + theta * along)


def first(experiment: Experiment, number: int = 0):
    """The first minibatch of a step."""
    return jax.tree.map(lambda leaf: leaf[0], draw(experiment, (), jnp.int32(number)))


def ruled(experiment, **rules):
    """The experiment with these rules alone."""
    return arrays(dataclasses.replace(experiment, gradient=rules))


@pytest.fixture(scope="module")
def gradient_of():
    return jax.jit(loss_and_gradients, static_argnames=("name", "train"))


# Against the chain rule


@pytest.mark.parametrize("differentiate", [True, False])
@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize(
    ("penalty", "weight", "bound"),
    [
        (("penalty=[]",), 0, np.inf),
        (R1, WEIGHT, np.inf),
        (("penalty=[weight_clipping]", "penalty.weight_clipping.bound=0.9"), 0, 0.9),
    ],
    ids=["bare", "r1", "clipped"],
)
def test_unrolling_is_the_chain_rule_through_the_discriminators_updates(
    composed, gradient_of, penalty, weight, bound, steps, differentiate
):
    chosen = (f"gradient.unrolled.steps={steps}", f"gradient.unrolled.differentiate={str(differentiate).lower()}")
    experiment = composed(*DIRAC, *penalty, "gradient=[unrolled]", *chosen)
    experiment, plain = arrays(experiment), ruled(experiment)
    # A discriminator that is moving already.
    state = jax.jit(update, static_argnums=1)(plain, DISCRIMINATOR, init(experiment), first(experiment))[0]
    psi = float(state.players[DISCRIMINATOR].params["value"][0])
    velocity = 0.8 * sigmoid(1.5 * 0.8) + weight * 1.5
    assert psi == pytest.approx(min(1.5 - RATE * velocity, bound), rel=1e-5)

    for train in (True, False):
        found, _ = gradient_of(experiment, GENERATOR, state, first(experiment), train=train)
        loss, partial, total = by_hand(0.8, psi, velocity, steps, weight, bound)
        assert float(found.loss) == pytest.approx(loss, rel=1e-4)
        assert float(found.played.terms["adversarial"]) == pytest.approx(loss, rel=1e-4)
        assert found.grads[GENERATOR]["value"][0] == pytest.approx(total if differentiate else partial, rel=1e-4)
    # The discriminator moves as without.
    own, bare = (gradient_of(part, DISCRIMINATOR, state, first(experiment))[0] for part in (experiment, plain))
    np.testing.assert_allclose(own.grads[DISCRIMINATOR]["value"], bare.grads[DISCRIMINATOR]["value"], rtol=1e-6)


def test_the_derivatives_by_hand_are_those_of_finite_differences():
    for bound in (np.inf, 0.9):
        loss = [by_hand(theta, 1.2, 0.4, 3, 0.2, bound)[0] for theta in (0.8 - 1e-6, 0.8 + 1e-6)]
        assert by_hand(0.8, 1.2, 0.4, 3, 0.2, bound)[2] == pytest.approx((loss[1] - loss[0]) / 2e-6, rel=1e-6)


EVERYTHING = (
    *SMALL, "model.discriminator.dropout=0.3", "model.discriminator.normalization=batch", "model.discriminator.activation=tanh",
    "discriminator_optimizer=adam", "discriminator_optimizer.eps_root=1e-8", "discriminator_optimizer.learning_rate=0.05",
    "discriminator_optimizer.clip_norm=1", "penalty=[r1,lecam,weight_clipping]", "penalty.weight_clipping.bound=0.6",
)  # fmt: skip


def test_the_discriminator_looked_ahead_to_is_the_one_that_its_own_updates_reach(composed, gradient_of):
    experiment = composed(*EVERYTHING, *UNROLLED)
    experiment, plain = arrays(experiment), ruled(experiment)
    state = chunk(plain, (), init(plain), initial_health(plain), np.int32(5))[0]
    draws = first(experiment, 5)

    def ahead(params):
        now = state._replace(players=with_params(state.players, {GENERATOR: params}))
        for number in (1, 2, 3):
            # The same minibatch, and a key of its own for each update.
            own = draws._replace(key=jax.random.fold_in(draws.key, number))
            now, _ = update(plain, DISCRIMINATOR, now, own)
        # What the penalties remember is what they did before.
        return objective(plain, GENERATOR, now._replace(memory=state.memory), draws)(params)

    (loss, played), total = jax.jit(jax.value_and_grad(ahead, has_aux=True))(state.players[GENERATOR].params)
    found, memory = gradient_of(experiment, GENERATOR, state, draws)
    near = {"rtol": 1e-3, "atol": 1e-5}
    np.testing.assert_allclose(found.loss, loss, **near)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **near), found.grads[GENERATOR], total)
    np.testing.assert_allclose(found.played.scores.fake.logits, played.scores.fake.logits, **near)
    jax.tree.map(np.testing.assert_array_equal, memory, state.memory)
    direct, _ = gradient_of(plain, GENERATOR, state, draws)
    assert not np.allclose(found.loss, direct.loss, rtol=1e-2)


# Where a square root has no derivative


def test_a_weight_without_any_gradient_leaves_the_others_theirs(composed, gradient_of):
    # The trap: Adam divides by a square root, whose derivative is infinite at 0.
    adam = optax.adam(0.1)
    grads = jax.grad(lambda g: adam.update(g, adam.init(g), g)[0].sum())(jnp.array([0.0, 1.0]))
    assert np.isnan(grads[0])

    words = (
        *SMALL,
        *UNROLLED,
        "discriminator_optimizer=adam",
        "discriminator_optimizer.learning_rate=0.05",
        "penalty=[]",
    )
    found = []
    for root in ("0", "1e-18"):
        experiment = arrays(composed(*words, f"discriminator_optimizer.eps_root={root}"))
        state = init(experiment)
        # A unit that no point reaches, and one that gives nothing on.
        params = jax.tree.map(lambda leaf: leaf, state.players[DISCRIMINATOR].params)
        params["hidden"][0]["bias"] = params["hidden"][0]["bias"].at[0].set(-1e3)
        state = state._replace(players=with_params(state.players, {DISCRIMINATOR: params}))
        found.append(gradient_of(experiment, GENERATOR, state, first(experiment))[0])
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(found[0].grads))
    assert max(np.abs(leaf).max() for leaf in jax.tree.leaves(found[0].grads[GENERATOR])) > 1e-3
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6), *(one.grads for one in found))


def test_every_optimizer_can_be_differentiated_through_or_is_refused():
    pulls = {"w": jnp.array([0.0, 0.7, -0.2, 1e-30])}

    def slope(optimizer, params):
        """The slope of the sum of the weights that three updates reach, when their gradient is `params` times `pulls`."""

        def before(name, state, draws):
            if name == DISCRIMINATOR:
                pull = jax.tree.map(lambda leaf: state.players[GENERATOR].params * leaf, pulls)
                return LossAndGradients(jnp.zeros(()), {DISCRIMINATOR: pull, GENERATOR: jnp.zeros(())}, None), {}
            ones = jax.tree.map(jnp.ones_like, pulls)
            return LossAndGradients(jnp.zeros(()), {DISCRIMINATOR: ones, GENERATOR: jnp.zeros(())}, None), {}

        def move(name, player, found):
            params, opt = optimizer.apply(found.grads[name], player.opt, player.params)
            return Player(params, (), opt)

        weights = {"w": jnp.ones(4)}
        rival = Player(weights, (), optimizer.init(weights, jax.random.key(0)))
        state = TrainState(jnp.int32(0), {GENERATOR: Player(params, (), ()), DISCRIMINATOR: rival}, {})
        rule = Unrolled(steps=3).wrap(before, move, "gradient.unrolled")
        draws = Minibatches(jnp.zeros((1, 1)), jnp.zeros((1, 1)), jax.random.key(1))
        return rule(GENERATOR, state, draws)[0].grads[GENERATOR]

    parts = {name: Optimizer(name, 0.1) for name in functions()}
    found = jax.jit(lambda params: {name: slope(part, params) for name, part in parts.items()})(jnp.float32(1.3))
    lost = {name for name, value in found.items() if not np.isfinite(value)}
    assert lost == {name for name in found if Unrolled().fits({DISCRIMINATOR: name})}
    assert not any(Unrolled(differentiate=False).fits({DISCRIMINATOR: name}) for name in found)
    # Gradient descent: three times 0.1 times the sum of the pulls.
    assert float(found["sgd"]) == pytest.approx(-3 * 0.1 * 0.5, rel=1e-5)


def test_what_is_wrong_is_still_seen(composed, gradient_of):
    experiment = arrays(composed(*DIRAC, *R1, *UNROLLED))
    state = init(experiment)
    lost = with_params(state.players, {DISCRIMINATOR: {"value": jnp.array([jnp.nan])}})
    found, _ = gradient_of(experiment, GENERATOR, state._replace(players=lost), first(experiment))
    assert np.isnan(found.loss)
    assert np.isnan(found.grads[GENERATOR]["value"]).all()


# What an evaluation records


def test_an_evaluation_has_the_gradient_that_is_moved_by(composed):
    experiment = arrays(composed(*DIRAC, *R1, *UNROLLED))
    found = Samples(experiment, (), init(experiment), 16, jnp.int32(0)).gradients
    assert found[GENERATOR]["value"][0] == pytest.approx(by_hand(0.8, 1.5, 0.0, 3, WEIGHT)[2], rel=1e-4)


def test_a_threshold_of_evaluations_lets_the_gradient_through(composed, gradient_of):
    words = (
        "dataset=binarized_mnist",
        "dataset.source=bundled",
        "model=mlp",
        "output=threshold",
        "model.generator.output=sigmoid",
    )
    experiment = arrays(composed(*words, *SMALL, *UNROLLED, "discriminator_optimizer.learning_rate=0.1"))
    state, data = init(experiment), experiment.dataset.load()
    draws = jax.tree.map(lambda leaf: leaf[0], draw(experiment, data, jnp.int32(0)))
    trained, tested = (gradient_of(experiment, GENERATOR, state, draws, train=train)[0] for train in (True, False))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), trained.grads, tested.grads)


# Rules that remember, and rules one after the other


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


# Laws


def same(left, right):
    """Bit for bit."""
    left, right = jax.tree.leaves(jax.device_get(left)), jax.tree.leaves(jax.device_get(right))
    return len(left) == len(right) > 0 and all(a.tobytes() == b.tobytes() for a, b in zip(left, right, strict=True))


def train(experiment, *stops):
    state, health = jax.jit(init)(experiment), initial_health(experiment)
    for stop in stops:
        state, health = chunk(experiment, (), state, health, np.int32(stop))
    return state, health


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
