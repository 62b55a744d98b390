"""Maxout and bounded networks, against NumPy."""

from __future__ import annotations

import contracts_players
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from built import biased, built
from scipy import special

from ganexp.nets import BoundedMlp, Convolutional, Maxout
from ganexp.types import Batch

KEY = jax.random.key(5)


IMAGE = (8, 12, 3)


IMAGES = jax.random.normal(KEY, (6, *IMAGE))


@pytest.mark.parametrize(
    ("depth", "input_dropout", "dropout", "kept"), [(0, 0.2, 0.5, 0.8), (1, None, 0.5, 0.5), (1, 0.2, 0.5, 0.4)]
)
def test_maxout_drops_a_share_of_its_inputs_and_another_of_its_units(depth, input_dropout, dropout, kept):
    settings = Maxout(depth=depth, width=64, pieces=1, input_dropout=input_dropout, dropout=dropout)
    net, params, stats = built(settings, (64,), (64,))
    params = jax.tree.map(lambda leaf: jnp.eye(64) if leaf.ndim == 2 else leaf, params)
    mask = np.asarray(net.apply(params, stats, Batch(jnp.ones((500, 64))), KEY, True)[0])
    np.testing.assert_allclose(np.unique(mask), [0, 1 / kept], rtol=1e-5)
    assert abs((mask > 0).mean() - kept) < 5 * np.sqrt(kept * (1 - kept) / mask.size)
    plain = net.apply(params, stats, Batch(jnp.ones((500, 64))), KEY, False)[0]
    np.testing.assert_array_equal(plain, np.ones((500, 64)))


def test_a_bounded_discriminator_is_the_first_of_a_softmax_of_two_tanhs():
    net, params, stats = built(BoundedMlp(depth=1, width=8), IMAGE, ())
    params = biased(params)
    logits, features, _ = net.apply(params, stats, Batch(IMAGES), KEY, True)
    hidden = np.tanh(
        IMAGES.reshape(6, -1) @ np.asarray(params["hidden"][0]["kernel"]) + params["hidden"][0]["bias"][None]
    )
    pair = np.tanh(hidden @ np.asarray(params["last"]["kernel"]) + np.asarray(params["last"]["bias"]))
    np.testing.assert_allclose(special.expit(logits), special.softmax(pair, axis=1)[:, 0], rtol=1e-5)
    np.testing.assert_allclose(features, pair, rtol=1e-5, atol=1e-6)


def test_a_bounded_discriminator_is_never_surer_than_it_says():
    net, params, stats = built(BoundedMlp(depth=1, width=8, gain=1e4), IMAGE, ())
    logits = net.apply(
        params, stats, Batch(jnp.concatenate([IMAGES] * 9) * jnp.arange(1, 55.0).reshape(-1, 1, 1, 1)), KEY, True
    )[0]
    outputs = special.expit(np.asarray(logits, float))
    assert np.abs(logits).max() == 2
    assert outputs.min() >= 0.119
    assert outputs.max() <= 0.881


@pytest.mark.slow  # Two large programs to compile, with their gradients: ten seconds.
def test_every_setting_at_once_keeps_the_contract():
    settings = Convolutional(width=3, normalization="layer", dropout=0.3, spectral_norm=True, initializer="orthogonal")
    contracts_players.check_net(settings, (4, 8, 2), ())
