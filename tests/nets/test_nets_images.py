"""Networks for images against XLA's own convolutions and hand-written NumPy, and what each refuses."""

from __future__ import annotations

import contracts
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from built import biased, built
from convolutions import averaged, check_slopes, doubled, quick_compilation, reference, transposed_reference
from scipy import special

from ganexp.component import SettingError
from ganexp.nets import BoundedMlp, Convolutional, Maxout, Mlp, Residual
from ganexp.types import Batch

__all__ = ["quick_compilation"]


KEY = jax.random.key(5)


IMAGE = (8, 12, 3)


IMAGES = jax.random.normal(KEY, (6, *IMAGE))


NOISE = jax.random.normal(KEY, (6, 5))


def trained(net, params, stats, x, passes):
    """The statistics after some passes in training mode."""
    for _ in range(passes):
        stats = net.apply(params, stats, Batch(x), KEY, True)[2]
    return stats


def leaky(x, slope):
    return np.where(x > 0, x, slope * np.asarray(x))


def test_a_convolutional_discriminator_is_what_xla_computes():
    net, params, stats = built(Convolutional(width=4, normalization="none", gain=0.2), IMAGE, ())
    params = biased(params)
    logits, features, _ = net.apply(params, stats, Batch(IMAGES), KEY, True)
    x = leaky(reference(IMAGES, params["first"]["kernel"], 2) + params["first"]["bias"].reshape(1, 1, 1, -1), 0.2)
    x = leaky(reference(x, params["second"]["kernel"], 2) + params["second"]["bias"].reshape(1, 1, 1, -1), 0.2)
    assert x.shape == (6, 2, 3, 8)
    expected = x.reshape(6, -1) @ np.asarray(params["last"]["kernel"]) + np.asarray(params["last"]["bias"])
    np.testing.assert_allclose(logits, expected[:, 0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(features, x.reshape(6, -1), rtol=1e-4, atol=1e-5)


def test_a_convolutional_generator_is_what_xla_computes():
    settings = Convolutional(width=4, normalization="none", gain=0.2, slope=0.0, output="tanh")
    net, params, stats = built(settings, (5,), IMAGE)
    params = biased(params)
    x = np.asarray(NOISE @ params["first"]["kernel"]) + np.asarray(params["first"]["bias"])
    x = leaky(x.reshape(6, 2, 3, 8), 0)
    x = leaky(transposed_reference(x, params["second"]["kernel"], 2) + params["second"]["bias"].reshape(1, 1, 1, -1), 0)
    x = transposed_reference(x, params["last"]["kernel"], 2) + params["last"]["bias"].reshape(1, 1, 1, -1)
    np.testing.assert_allclose(net.apply(params, stats, Batch(NOISE), KEY, True)[0], np.tanh(x), rtol=1e-4, atol=1e-5)


def standard(x, axes):
    return (x - x.mean(axis=axes, keepdims=True)) / np.sqrt(x.var(axis=axes, keepdims=True) + 1e-5)


@pytest.mark.parametrize(("kind", "axes"), [("batch", (0, 1, 2)), ("layer", (1, 2, 3))])
def test_normalization_is_by_channel_or_by_image_and_spares_the_layer_that_reads_the_image(kind, axes):
    net, params, stats = built(Convolutional(width=4, normalization=kind, gain=0.2), IMAGE, ())
    assert "bias" in params["first"]
    assert "bias" not in params["second"]
    x = leaky(reference(IMAGES, params["first"]["kernel"], 2), 0.2)
    x = leaky(standard(np.asarray(reference(x, params["second"]["kernel"], 2), float), axes), 0.2)
    expected = x.reshape(6, -1) @ np.asarray(params["last"]["kernel"])
    np.testing.assert_allclose(
        net.apply(params, stats, Batch(IMAGES), KEY, True)[0], expected[:, 0], rtol=1e-3, atol=1e-4
    )
    assert [leaf.shape for leaf in jax.tree.leaves(stats)] == ([(8,), (8,)] if kind == "batch" else [])


def test_normalization_spares_the_layer_that_writes_the_image():
    net, params, stats = built(Convolutional(width=4, slope=0.0), (5,), IMAGE)
    assert ["bias" in params[layer] for layer in ("first", "second", "last")] == [False, False, True]
    assert sorted(leaf.shape for leaf in jax.tree.leaves(stats)) == [(4,), (4,), (8,), (8,)]
    moved = trained(net, params, stats, NOISE, 1)
    assert all((one != two).any() for one, two in zip(jax.tree.leaves(moved), jax.tree.leaves(stats), strict=True))


def test_dropout_draws_for_each_unit_layer_and_key_and_is_off_in_evaluation():
    settings = Convolutional(width=16, normalization="none", dropout=0.5, slope=1.0, gain=0.2)
    net, params, stats = built(settings, IMAGE, ())
    draw = jax.jit(jax.vmap(lambda key: net.apply(params, stats, Batch(IMAGES), key, True)[0]))
    means = draw(jax.random.split(KEY, 200))
    plain = net.apply(params, stats, Batch(IMAGES), KEY, False)[0]
    assert (np.std(means, axis=0) > 0).all()
    # With slope 1 the network is linear, so its mean over masks is what it says without.
    assert (np.abs(means.mean(axis=0) - plain) < 5 * means.std(axis=0) / np.sqrt(200)).all()
    none = Convolutional(width=16, normalization="none", slope=1.0, gain=0.2).net(IMAGE, ())
    np.testing.assert_array_equal(none.apply(params, stats, Batch(IMAGES), KEY, True)[0], plain)


def spectrally_normalized(params):
    """Each kernel over the largest singular value of its matrix, by NumPy."""

    def divide(path, leaf):
        kernel = path[-1].key == "kernel"
        return leaf / np.linalg.norm(np.asarray(leaf).reshape(-1, leaf.shape[-1]), 2) if kernel else leaf

    return jax.tree_util.tree_map_with_path(divide, params)


@pytest.mark.parametrize(("part", "inputs", "outputs", "x"), [
    (Convolutional(width=4, spectral_norm=True, normalization="none"), IMAGE, (), IMAGES),
    (Convolutional(width=4, spectral_norm=True, normalization="none"), (5,), IMAGE, NOISE),
    (Residual(width=4, spectral_norm=True), IMAGE, (), IMAGES),
], ids=("discriminator", "generator", "residual"))  # fmt: skip
def test_spectral_norm_comes_to_divide_by_the_largest_singular_value(part, inputs, outputs, x):
    net, params, stats = built(part, inputs, outputs)
    kernels = [path for path, _ in jax.tree_util.tree_leaves_with_path(params) if path[-1].key == "kernel"]
    assert len(jax.tree.leaves(stats)) == len(kernels)
    stats = trained(net, params, stats, x, 300)
    plain = type(part)(**{**vars(part), "spectral_norm": False}).net(inputs, outputs)
    expected = jax.jit(plain.apply, static_argnums=4)(spectrally_normalized(params), {}, Batch(x), KEY, False)[0]
    for train in (True, False):
        found, _, moved = net.apply(params, stats, Batch(x), KEY, train)
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())
        assert jax.tree.structure(moved) == jax.tree.structure(stats)


def test_spectral_norm_takes_one_power_iteration_in_training_and_none_in_evaluation():
    net, params, stats = built(Convolutional(width=4, spectral_norm=True, normalization="none"), IMAGE, ())
    matrix = np.asarray(params["second"]["kernel"], float).reshape(-1, 8)
    start = np.asarray(stats["second"]["direction"])
    np.testing.assert_allclose(np.linalg.norm(start), 1, rtol=1e-5)
    after = matrix.T @ (matrix @ start)
    moved = trained(net, params, stats, IMAGES, 1)
    np.testing.assert_allclose(moved["second"]["direction"], after / np.linalg.norm(after), rtol=1e-3, atol=1e-5)
    contracts.check_close(net.apply(params, stats, Batch(IMAGES), KEY, False)[2], stats, rtol=0, atol=0)


def test_the_slope_of_a_spectrally_normalized_network_counts_the_norm_but_not_its_vectors():
    net, params, stats = built(Convolutional(width=4, spectral_norm=True, normalization="none"), IMAGE, ())
    stats = trained(net, params, stats, IMAGES, 300)
    plain = Convolutional(width=4, normalization="none").net(IMAGE, ())

    def divided(params):
        def divide(path, leaf):
            return leaf / jnp.linalg.norm(leaf.reshape(-1, leaf.shape[-1]), 2) if path[-1].key == "kernel" else leaf

        return plain.apply(jax.tree_util.tree_map_with_path(divide, params), {}, Batch(IMAGES), KEY, True)[0].sum()

    found = jax.jit(jax.grad(lambda params: net.apply(params, stats, Batch(IMAGES), KEY, True)[0].sum()))(params)
    check_slopes(found, jax.jit(jax.grad(divided))(params))


def test_a_residual_discriminator_is_what_xla_computes():
    net, params, stats = built(Residual(width=4), IMAGE, ())
    params = biased(params)

    def layer(x, name, block):
        weights = params["blocks"][block][name]
        return reference(x, weights["kernel"]) + weights["bias"].reshape(1, 1, 1, -1)

    x = layer(leaky(layer(IMAGES, "first", 0), 0), "second", 0) + layer(IMAGES, "beside", 0)
    x = averaged(x)
    x = averaged(layer(leaky(layer(leaky(x, 0), "first", 1), 0), "second", 1) + layer(x, "beside", 1))
    expected = leaky(x, 0).sum(axis=(1, 2)) @ np.asarray(params["last"]["kernel"]) + np.asarray(params["last"]["bias"])
    found = net.apply(params, stats, Batch(IMAGES), KEY, True)[0]
    np.testing.assert_allclose(found, expected[:, 0], rtol=1e-3, atol=1e-4)


def test_a_residual_generator_is_what_xla_computes():
    net, params, stats = built(Residual(width=4, slope=0.1, output="sigmoid"), (5,), IMAGE)
    params = biased(params)

    def layer(x, weights):
        return reference(x, weights["kernel"]) + weights["bias"].reshape(1, 1, 1, -1)

    x = (np.asarray(NOISE @ params["first"]["kernel"]) + np.asarray(params["first"]["bias"])).reshape(6, 2, 3, 4)
    for _, block in sorted(params["blocks"].items()):
        y = layer(doubled(leaky(x, 0.1)), block["first"])
        x = layer(leaky(y, 0.1), block["second"]) + layer(doubled(x), block["beside"])
    expected = special.expit(layer(leaky(x, 0.1), params["last"]))
    found = net.apply(params, stats, Batch(NOISE), KEY, True)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("pieces", [1, 3])
def test_a_maxout_network_is_what_numpy_computes(pieces):
    settings = Maxout(depth=2, width=6, pieces=pieces, gain=0.5, input_dropout=None, dropout=None)
    net, params, stats = built(settings, (4,), (2,))
    params = biased(params)
    x = points = np.asarray(jax.random.normal(KEY, (7, 4)))
    for _, layer in sorted(params["hidden"].items()):
        kernel, bias = np.asarray(layer["kernel"]), np.asarray(layer["bias"])
        each = [x @ kernel[:, 6 * p : 6 * p + 6] + bias[6 * p : 6 * p + 6] for p in range(pieces)]
        x = np.max(each, axis=0)
    expected = x @ np.asarray(params["last"]["kernel"]) + np.asarray(params["last"]["bias"])
    np.testing.assert_allclose(net.apply(params, stats, Batch(points), KEY, True)[0], expected, rtol=1e-4, atol=1e-5)
    assert np.abs(params["hidden"][0]["kernel"]).max() <= 0.5


@pytest.mark.parametrize("settings", [Convolutional(), Residual()], ids=("convolutional", "residual"))
@pytest.mark.parametrize(("inputs", "outputs", "sentence"), [
    ((3,), (2,), "shape (2,); choose images, as with dataset=mnist"),
    ((2,), (), "shape (2,); choose images, as with dataset=mnist"),
    ((30, 28, 1), (), "30 x 28 pixels are not multiples of 4"),
    ((3,), (28, 30, 1), "28 x 30 pixels are not multiples of 4"),
])  # fmt: skip
def test_what_is_no_image_of_fours_is_refused(settings, inputs, outputs, sentence):
    with pytest.raises(SettingError) as raised:
        settings.net(inputs, outputs)
    assert raised.value.setting == ""
    assert sentence in raised.value.problem


def test_a_bounded_network_gives_one_number():
    with pytest.raises(SettingError, match="a bounded perceptron is a discriminator"):
        BoundedMlp().net((2,), (28, 28, 1))


def count(params):
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def sizes(model, dimension):
    shapes = [jax.eval_shape(model.generator.net((dimension,), (28, 28, 1)).init, KEY)]
    shapes.append(jax.eval_shape(model.discriminator.net((28, 28, 1), ()).init, KEY))
    return [count(params) for params, _ in shapes]


def test_the_presets_are_the_nets_of_their_papers(composed):
    def model(name):
        return composed(f"model={name}", "dataset=binarized_mnist").model

    assert sizes(model("binarized_mnist_tutorial"), 28) == [29 * 500 + 501 * 784, 785 * 500 + 501 * 2]
    assert sizes(model("goodfellow_2014"), 100) == [
        101 * 1200 + 1201 * 1200 + 1201 * 784,
        785 * 1200 + 241 * 1200 + 241,
    ]
    # Dense, two convolutions of 4 x 4, and for a normalized layer two numbers a channel in place of a bias.
    assert sizes(model("dcgan"), 100) == [
        100 * 6272 + 2 * 128 + 16 * 128 * 64 + 2 * 64 + 16 * 64 + 1,
        16 * 64 + 64 + 16 * 64 * 128 + 2 * 128 + 6272 + 1,
    ]
    assert isinstance(model("residual").discriminator, Residual)
    first = model("goodfellow_2014")
    assert (first.generator.output, first.discriminator.input_dropout, first.discriminator.dropout) == (
        "sigmoid",
        0.2,
        0.5,
    )
    for net, inputs, outputs, bound in (
        (first.generator, (100,), (28, 28, 1), 0.05),
        (first.discriminator, (28, 28, 1), (), 0.005),
    ):
        _, params, _ = built(net, inputs, outputs)
        kernels = np.concatenate([leaf.ravel() for leaf in jax.tree.leaves(params) if leaf.ndim > 1])
        assert bound * 0.999 < np.abs(kernels).max() <= bound
    _, params, _ = built(model("dcgan").discriminator, (28, 28, 1), ())
    np.testing.assert_allclose(np.std(params["second"]["kernel"]), 0.02, rtol=0.01)


def test_perceptrons_take_and_give_images():
    net, params, stats = built(Mlp(depth=1, width=4, output="sigmoid"), (5,), IMAGE)
    assert net.apply(params, stats, Batch(NOISE), KEY, False)[0].shape == (6, *IMAGE)
