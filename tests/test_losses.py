"""Each loss against its formula in probabilities, in 64-bit NumPy, and at the points where its value is known."""

from __future__ import annotations

import contracts
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganexp.component import arrays
from ganexp.losses import FeatureMatching, LeastSquares, MaximumLikelihood, Minimax, NonSaturating
from ganexp.training import draw, init, train_step

LN2 = np.log(2)
A = np.random.default_rng(0).normal(0.5, 2, 64)
B = np.random.default_rng(1).normal(-0.5, 2, 64)
SCORES = contracts.scores(jnp.asarray(A, jnp.float32), jnp.asarray(B, jnp.float32))
HALF = contracts.scores(jnp.zeros(5), jnp.zeros(5))


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def cross_entropy(weight):
    return -weight * np.log(sigmoid(A)).mean() - np.log(1 - sigmoid(B)).mean()


ORACLES = {
    "minimax": (Minimax(), cross_entropy(1), -cross_entropy(1)),
    "minimax, weighted": (Minimax(real_weight=0.7), cross_entropy(0.7), -cross_entropy(0.7)),
    "non-saturating": (NonSaturating(), cross_entropy(1), -np.log(sigmoid(B)).mean()),
    "non-saturating, weighted": (NonSaturating(real_weight=0.95), cross_entropy(0.95), -np.log(sigmoid(B)).mean()),
    # exp(logit) = D / (1 - D).
    "maximum likelihood": (MaximumLikelihood(), cross_entropy(1), -(sigmoid(B) / (1 - sigmoid(B))).mean()),
    # The one feature of these discriminators is the logit.
    "feature matching": (FeatureMatching(), cross_entropy(1), (A.mean() - B.mean()) ** 2),
    "least squares, logits": (LeastSquares(), ((A - 1) ** 2).mean() + (B**2).mean(), ((B - 1) ** 2).mean()),
    "least squares, probabilities": (
        LeastSquares(read="probabilities"),
        ((sigmoid(A) - 1) ** 2).mean() + (sigmoid(B) ** 2).mean(),
        ((sigmoid(B) - 1) ** 2).mean(),
    ),
    "least squares, targets": (
        LeastSquares(real_target=0.9, fake_target=-1.0, generator_target=0.3, real_weight=2.0),
        2 * ((A - 0.9) ** 2).mean() + ((B + 1) ** 2).mean(),
        ((B - 0.3) ** 2).mean(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ORACLES)
def test_losses_equal_their_formulas(name):
    loss, discriminator, generator = ORACLES[name]
    np.testing.assert_allclose(loss.discriminator(SCORES), discriminator, rtol=1e-5)
    np.testing.assert_allclose(loss.generator(SCORES), generator, rtol=1e-5)


@pytest.mark.parametrize(
    ("loss", "discriminator", "generator"),
    [
        (Minimax(), 2 * LN2, -2 * LN2),
        (NonSaturating(), 2 * LN2, LN2),
        (MaximumLikelihood(), 2 * LN2, -1.0),
        (FeatureMatching(), 2 * LN2, 0.0),
        (LeastSquares(read="probabilities"), 0.5, 0.25),
        (LeastSquares(), 1.0, 1.0),
    ],
    ids=lambda part: type(part).__name__,
)
def test_costs_where_the_discriminator_cannot_tell(loss, discriminator, generator):
    np.testing.assert_allclose(loss.discriminator(HALF), discriminator, rtol=1e-6)
    np.testing.assert_allclose(loss.generator(HALF), generator, rtol=1e-6)


def test_ganlab_shows_half_the_sum():
    # "At D = 0.5: log loss 0.676 (D) and 0.693 (G)".
    loss = NonSaturating(real_weight=0.95)
    assert round(float(loss.discriminator(HALF)) / 2, 3) == 0.676
    assert round(float(loss.generator(HALF)), 3) == 0.693


@jax.jit
def first_updates(experiment):
    state = init(experiment)
    return train_step(experiment, state, draw(experiment, (), state.step))[1]


def test_scale_multiplies_what_the_players_minimize(composed):
    losses = {}
    for scale in (1.0, 0.5):
        small = ("batch_size=8", "model.generator.width=4", "model.discriminator.width=4", "penalty=[]", "schedule=[]")
        experiment = composed(*small, f"loss.scale={scale}")
        updates = first_updates(arrays(experiment))
        losses[scale] = updates["discriminator"].loss, updates["discriminator"].grads
    half = jax.tree.map(lambda leaf: leaf / 2, losses[1.0])
    for one, two in zip(jax.tree.leaves(losses[0.5]), jax.tree.leaves(half), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-8)


def test_minimax_is_zero_sum():
    for loss in (Minimax(), Minimax(real_weight=0.3)):
        assert float(loss.discriminator(SCORES) + loss.generator(SCORES)) == 0
        slopes = jax.grad(loss.discriminator)(SCORES), jax.grad(loss.generator)(SCORES)
        np.testing.assert_array_equal(slopes[0].fake.logits, -slopes[1].fake.logits)


def test_generators_with_one_discriminator_differ_by_their_weights():
    # d J_G / d logit is -w(D) / n: D for minimax (it saturates), 1 - D for non-saturating, D / (1 - D) for likelihood.
    d = sigmoid(B)
    for loss, weight in ((Minimax(), d), (NonSaturating(), 1 - d), (MaximumLikelihood(), d / (1 - d))):
        np.testing.assert_allclose(-len(B) * jax.grad(loss.generator)(SCORES).fake.logits, weight, rtol=1e-4, atol=1e-7)


def test_feature_matching_reads_the_last_hidden_layer_on_both_sides(composed):
    experiment = composed(
        "loss=feature_matching", "batch_size=8", "model.discriminator.width=5", "model.discriminator.depth=1", "penalty=[]",
        "schedule=[]", "discriminator_optimizer.learning_rate=0",
    )  # fmt: skip
    state = init(arrays(experiment))
    layer = state.players["discriminator"].params["hidden"][0]
    kernel, bias = np.asarray(layer["kernel"], float), np.asarray(layer["bias"], float)
    update = first_updates(arrays(experiment))["generator"]

    def mean(points):
        return np.maximum(np.asarray(points, float) @ kernel + bias, 0).mean(axis=0)

    expected = ((mean(update.real.x) - mean(update.fake.x)) ** 2).sum()
    assert expected > 1e-3
    np.testing.assert_allclose(update.loss, expected, rtol=1e-4)


def test_maximum_likelihood_has_the_gradient_of_the_kl_divergence_at_the_optimal_discriminator():
    # Data N(1, 1), generator N(theta, 1): D is optimal with logit(x) = log p_data(x) / p_model(x), held still, and the
    # gradient of KL(data || model) is theta - 1. Quadrature over the noise in place of a sample.
    theta = 0.4
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()

    def cost(moved):
        x = moved + jnp.asarray(nodes, jnp.float32)
        logits = 0.5 * (x - theta) ** 2 - 0.5 * (x - 1) ** 2
        each = jax.vmap(lambda logit: MaximumLikelihood().generator(contracts.scores(logit[None], logit[None])))(logits)
        return (jnp.asarray(weights, jnp.float32) * each).sum()

    np.testing.assert_allclose(jax.grad(cost)(theta), theta - 1, rtol=1e-3)


def test_the_best_discriminator_is_the_ratio_of_the_densities():
    # Where the data are four times as dense as the fakes: D = 4/5, a logit of log 4; least squares reads 4/5 itself.
    grid = jnp.linspace(-3, 3, 6001)
    for loss, expected in ((NonSaturating(real_weight=4.0), np.log(4)), (LeastSquares(real_weight=4.0), 0.8)):
        costs = jax.vmap(lambda logit, loss=loss: loss.discriminator(contracts.scores(logit[None], logit[None])))(grid)
        np.testing.assert_allclose(grid[costs.argmin()], expected, atol=2e-3)


def test_the_output_shown_is_what_the_loss_reads():
    logits = jnp.asarray(A, jnp.float32)
    for loss in (
        Minimax(),
        NonSaturating(),
        MaximumLikelihood(),
        FeatureMatching(),
        LeastSquares(read="probabilities"),
    ):
        np.testing.assert_allclose(loss.output(logits), sigmoid(A), rtol=1e-5)
    np.testing.assert_array_equal(LeastSquares().output(logits), logits)
