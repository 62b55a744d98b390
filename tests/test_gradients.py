"""Rules of gradients: unrolling against the chain rule by hand, and the laws that hold for rules that remember."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from ruled import DIRAC, MOMENTUM, RATE, SMALL, UNROLLED, WEIGHT, first, ruled, sigmoid

from ganexp.component import arrays
from ganexp.game import loss_and_gradients, objective, update, with_params
from ganexp.gradients import Unrolled
from ganexp.observe.samples import Samples
from ganexp.optimizers import Optimizer, functions
from ganexp.parts import LossAndGradients
from ganexp.training import chunk, draw, init, initial_health
from ganexp.types import DISCRIMINATOR, GENERATOR, Minibatches, Player, TrainState

R1 = ("penalty=[r1]", f"penalty.r1.weight={WEIGHT}")


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


@pytest.fixture(scope="module")
def gradient_of():
    return jax.jit(loss_and_gradients, static_argnames=("name", "train"))


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
                return LossAndGradients(
                    jnp.zeros(()), {DISCRIMINATOR: pull, GENERATOR: jnp.zeros(())}, jnp.zeros((1, 1)), None
                ), {}
            ones = jax.tree.map(jnp.ones_like, pulls)
            return LossAndGradients(
                jnp.zeros(()), {DISCRIMINATOR: ones, GENERATOR: jnp.zeros(())}, jnp.zeros((1, 1)), None
            ), {}

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
