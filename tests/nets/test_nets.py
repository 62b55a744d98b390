"""Networks against hand-written NumPy, and what training mode and evaluation mode may and may not do."""

from __future__ import annotations

import itertools

import contracts
import contracts_players
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from ganexp.component import SettingError
from ganexp.experiment import Model
from ganexp.nets import Linear, Mlp, Point
from ganexp.nets.mlp import ACTIVATIONS, INITIALIZERS, OUTPUTS
from ganexp.types import Batch

KEY = jax.random.key(3)
X = jax.random.normal(KEY, (64, 3)) * 2 + 1

NUMPY = {
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "tanh": np.tanh,
    "sigmoid": special.expit,
    "softplus": lambda x: np.log1p(np.exp(x)),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    # By Hendrycks & Gimpel's tanh, as JAX has it.
    "gelu": lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "silu": lambda x: x * special.expit(x),
    "linear": lambda x: x,
}


def built(architecture, inputs=(3,), outputs=(2,)):
    net = architecture.net(inputs, outputs)
    return net, *jax.jit(net.init)(KEY)


def biased(params):
    """The same weights with biases that are not 0."""
    return jax.tree.map(lambda leaf: leaf if leaf.ndim > 1 else jnp.linspace(-0.5, 0.5, leaf.size), params)


def affine(layer, x):
    return x @ np.asarray(layer["kernel"], float) + np.asarray(layer["bias"], float)


def forward(params, x, activation, output):
    for _, layer in sorted(params.get("hidden", {}).items()):
        x = NUMPY[activation](affine(layer, x))
    if "features" in params:
        x = affine(params["features"], x)
    return NUMPY[output](affine(params["last"], x))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_perceptron_is_what_numpy_computes(activation):
    net, params, stats = built(Mlp(depth=2, width=8, activation=activation))
    params = biased(params)
    output, features, _ = net.apply(params, stats, Batch(X), KEY, True)
    expected = forward(params, np.asarray(X, float), activation, "linear")
    np.testing.assert_allclose(output, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(output, affine(params["last"], np.asarray(features, float)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize(("depth", "features"), [(0, None), (3, 2)])
def test_depth_features_and_output_are_what_numpy_computes(depth, features, output):
    net, params, stats = built(Mlp(depth=depth, width=8, features=features, output=output))
    params = biased(params)
    assert len(params.get("hidden", {})) == depth
    found, values, _ = net.apply(params, stats, Batch(X), KEY, False)
    np.testing.assert_allclose(found, forward(params, np.asarray(X, float), "relu", output), rtol=1e-4, atol=1e-5)
    # Nothing between the features and the last layer; without a layer before it, they are the input.
    assert values.shape == (64, features or X.shape[1])
    last = affine(params["last"], np.asarray(values, float))
    np.testing.assert_allclose(found, NUMPY[output](last), rtol=1e-4, atol=1e-5)


def test_leaky_relu_has_the_slope_set():
    net, params, stats = built(Mlp(depth=1, width=4, activation="leaky_relu", slope=0.5), (1,), (4,))
    params["hidden"][0]["kernel"], params["last"]["kernel"] = jnp.ones((1, 4)), jnp.eye(4)
    output, _, _ = net.apply(params, stats, Batch(jnp.array([[-2.0], [2.0]])), KEY, False)
    np.testing.assert_array_equal(output, [[-1.0] * 4, [2.0] * 4])


def test_gain_scales_every_kernel_and_leaves_the_biases_at_zero():
    _, once, _ = built(Mlp(depth=2, width=8, features=2))
    _, thrice, _ = built(Mlp(depth=2, width=8, features=2, gain=3.0))
    for one, three in zip(jax.tree.leaves(once), jax.tree.leaves(thrice), strict=True):
        np.testing.assert_allclose(three, 3 * one, rtol=1e-6)
        assert (one != 0).any() == (one.ndim == 2)


# Deviations of a kernel with 200 inputs and 300 outputs.
SPREADS = {
    "he_normal": np.sqrt(2 / 200), "he_uniform": np.sqrt(2 / 200), "glorot_normal": np.sqrt(2 / 500),
    "glorot_uniform": np.sqrt(2 / 500), "lecun_normal": np.sqrt(1 / 200), "lecun_uniform": np.sqrt(1 / 200),
    "fan_in_normal": np.sqrt(1 / 200), "orthogonal": np.sqrt(1 / 300), "normal": 1.0, "uniform": 1 / np.sqrt(3),
}  # fmt: skip


@pytest.mark.parametrize("initializer", INITIALIZERS)
def test_initializers_have_their_spread(initializer):
    _, params, _ = built(Mlp(depth=0, initializer=initializer), (200,), (300,))
    kernel = np.asarray(params["last"]["kernel"], float)
    assert kernel.shape == (200, 300)
    np.testing.assert_allclose(kernel.std(), SPREADS[initializer], rtol=0.02)
    assert abs(kernel.mean()) < 0.02 * SPREADS[initializer]
    if "uniform" in initializer:
        assert abs(kernel).max() <= np.sqrt(3) * SPREADS[initializer] * 1.001
    if initializer == "orthogonal":
        np.testing.assert_allclose(kernel @ kernel.T, np.eye(200), atol=1e-4)


def test_layers_start_from_weights_of_their_own():
    _, params, _ = built(Mlp(depth=3, width=8), (8,), (8,))
    kernels = [np.asarray(leaf) for leaf in jax.tree.leaves(params) if leaf.ndim == 2]
    assert len(kernels) == 4
    assert all((one != two).all() for one, two in itertools.combinations(kernels, 2))


def ones(depth, rate):
    """A network whose output is its dropout mask over 1 - rate: hidden layers and the last pass on what they get."""
    net, params, stats = built(Mlp(depth=depth, width=64, dropout=rate), (64,), (64,))
    params = jax.tree.map(lambda leaf: jnp.eye(64) if leaf.ndim == 2 else leaf, params)
    return lambda key, train: np.asarray(net.apply(params, stats, Batch(jnp.ones((500, 64))), key, train)[0])


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_dropout_drops_its_share_and_keeps_the_mean(rate):
    mask = ones(1, rate)(KEY, True)
    np.testing.assert_allclose(np.unique(mask), [0, 1 / (1 - rate)], rtol=1e-6)
    tolerance = 5 * np.sqrt(rate * (1 - rate) / mask.size)
    assert abs((mask == 0).mean() - rate) < tolerance
    # Each unit and each point has its own.
    assert np.ptp((mask == 0).mean(axis=0)) > 0
    assert np.ptp((mask == 0).mean(axis=1)) > 0


def test_dropout_draws_anew_for_each_layer_and_each_key():
    kept = ones(2, 0.5)(KEY, True) > 0
    assert abs(kept.mean() - 0.25) < 5 * np.sqrt(0.25 * 0.75 / kept.size)
    mask = ones(1, 0.5)
    assert abs((mask(KEY, True) == mask(jax.random.key(4), True)).mean() - 0.5) < 0.02
    np.testing.assert_array_equal(mask(KEY, True), mask(KEY, True))


def test_dropout_is_off_in_evaluation():
    np.testing.assert_array_equal(ones(2, 0.9)(KEY, False), np.ones((500, 64)))
    np.testing.assert_array_equal(ones(1, 0.0)(KEY, True), np.ones((500, 64)))


def test_batch_norm_normalizes_the_batch_in_training():
    net, params, stats = built(Mlp(depth=1, width=8, activation="tanh", normalization="batch"))
    output, _, _ = net.apply(params, stats, Batch(X), KEY, True)
    hidden = affine(params["hidden"][0], np.asarray(X, float))
    hidden = (hidden - hidden.mean(axis=0)) / np.sqrt(hidden.var(axis=0) + 1e-5)
    np.testing.assert_allclose(output, affine(params["last"], np.tanh(hidden)), rtol=1e-3, atol=1e-4)


def test_batch_norm_statistics_move_towards_the_batch_in_training_and_stand_still_in_evaluation():
    net, params, stats = built(Mlp(depth=1, width=8, activation="tanh", normalization="batch"))
    hidden = affine(params["hidden"][0], np.asarray(X, float))
    apply = jax.jit(net.apply, static_argnums=4)
    moved = apply(params, stats, Batch(X), KEY, True)[2]
    for name, goal in (("mean", hidden.mean(axis=0)), ("var", hidden.var(axis=0))):
        before, after = stats["norms"][0][name], moved["norms"][0][name]
        share = (after - before) / (goal - before)
        assert (share > 0).all()
        assert (share < 0.5).all()
    for _ in range(1500):
        moved = apply(params, moved, Batch(X), KEY, True)[2]
    np.testing.assert_allclose(moved["norms"][0]["mean"], hidden.mean(axis=0), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(moved["norms"][0]["var"], hidden.var(axis=0), rtol=1e-2)

    output, _, still = apply(params, moved, Batch(X[:5]), KEY, False)
    contracts.check_close(still, moved, rtol=0, atol=0)
    # Once the statistics are those of the batch, both modes agree, on five points of it as well.
    np.testing.assert_allclose(output, apply(params, moved, Batch(X), KEY, True)[0][:5], rtol=1e-2, atol=1e-2)


def test_layer_norm_normalizes_each_point_by_itself():
    net, params, stats = built(Mlp(depth=1, width=8, activation="tanh", normalization="layer"))
    assert not jax.tree.leaves(stats)
    hidden = affine(params["hidden"][0], np.asarray(X, float))
    hidden = (hidden - hidden.mean(axis=1, keepdims=True)) / np.sqrt(hidden.var(axis=1, keepdims=True) + 1e-6)
    for train in (True, False):
        output, _, _ = net.apply(params, stats, Batch(X), KEY, train)
        np.testing.assert_allclose(output, affine(params["last"], np.tanh(hidden)), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    "settings",
    [
        {"normalization": "none", "dropout": 0.3, "output": "tanh", "depth": 2},
        {"normalization": "batch", "dropout": 0.3, "features": 2, "activation": "leaky_relu"},
        {"normalization": "layer", "features": 2, "initializer": "orthogonal", "output": "sigmoid"},
        {"depth": 0, "initializer": "uniform", "gain": 0.5},
    ],
    ids=str,
)  # fmt: skip
def test_combinations_keep_the_contract(settings):
    contracts_players.check_net(Mlp(**{"depth": 1, "width": 4, **settings}), (3,), (2,))


def test_shapes_of_pictures_go_in_and_come_out():
    net, params, stats = built(Mlp(depth=1, width=4), (2, 3), (4, 1))
    output, _, _ = net.apply(params, stats, Batch(jnp.ones((5, 2, 3))), KEY, False)
    assert output.shape == (5, 4, 1)


def test_an_output_bias_is_where_the_last_layer_starts():
    for features in (None, 3):
        _, params, _ = built(Mlp(depth=1, width=4, features=features, output_bias=-1.9), (2,), (5,))
        _, plain, _ = built(Mlp(depth=1, width=4, features=features), (2,), (5,))
        np.testing.assert_array_equal(params["last"]["bias"], np.full(5, np.float32(-1.9)))
        assert params.pop("last").pop("kernel").tolist() == plain.pop("last").pop("kernel").tolist()
        jax.tree.map(np.testing.assert_array_equal, params, plain)


def test_the_dirac_players_are_a_point_and_a_slope():
    point, theta, _ = built(Point(start=0.5), (1,), (1,))
    line, psi, _ = built(Linear(start=-2.0), (1,), ())
    assert [leaf.item() for leaf in jax.tree.leaves((theta, psi))] == [0.5, -2.0]
    points, _, _ = point.apply(theta, {}, Batch(jnp.zeros((4, 1))), KEY, True)
    np.testing.assert_array_equal(points, np.full((4, 1), 0.5))
    np.testing.assert_array_equal(line.apply(psi, {}, Batch(points), KEY, True)[0], np.full(4, -1.0))


def test_a_discriminator_must_end_in_logits(composed):
    with pytest.raises(SettingError, match=r"^model.discriminator.output: must be linear"):
        composed("model.discriminator.output=sigmoid")
    assert isinstance(composed("model.generator.output=tanh").model, Model)
