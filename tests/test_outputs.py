"""Outputs that are 0 or 1."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganexp.component import SettingError
from ganexp.config.build import load
from ganexp.outputs import GumbelSigmoid, StraightThrough, Threshold

KEY = jax.random.key(3)


def test_hard_outputs_are_what_they_say():
    x = jnp.linspace(0.02, 0.98, 49)[:, None]
    hard = (np.asarray(x) > 0.5).astype(np.float32)
    np.testing.assert_array_equal(Threshold().emitted(x, KEY, True), x)
    for output in (Threshold(), StraightThrough(), GumbelSigmoid()):
        np.testing.assert_array_equal(output.emitted(x, KEY, False), hard)
    np.testing.assert_array_equal(StraightThrough().emitted(x, KEY, True), hard)
    slopes = jax.grad(lambda x: (3 * StraightThrough().emitted(x, KEY, True)).sum())(x)
    np.testing.assert_allclose(slopes, 3)
    drawn = jax.vmap(lambda key: GumbelSigmoid(temperature=0.7).emitted(x, key, True))(jax.random.split(KEY, 4000))
    assert set(np.unique(drawn)) == {0, 1}
    np.testing.assert_allclose(drawn.mean(axis=0), x, atol=5 * 0.5 / 4000**0.5)


@pytest.mark.parametrize(
    "words, what",
    [
        (("output=threshold",), "output: threshold reads probabilities"),
        (("dataset=mnist", "dataset.normalization=symmetric"), "sigmoid cannot reach .* use linear or tanh"),
        (
            ("dataset=mnist", "dataset.normalization=standard", "model.generator.output=tanh"),
            "tanh cannot .* use linear",
        ),
        (("model=dcgan",), "model.generator: a convolutional network needs images"),
        (
            ("dataset=binarized_mnist", "eval_samples=9"),
            "eval_samples: 9 is out of range; metric fid needs at least 10",
        ),
        (("dataset=binarized_mnist", "batch_size=60001"), "batch_size: 60,001 is more than the 60,000 points"),
        (("dataset=binarized_mnist", "dataset.examples=70000"), "dataset.examples: 70,000 is out of range"),
    ],
)
def test_what_does_not_go_together_is_refused(words, what):
    with pytest.raises(SettingError, match=what):
        load(words)
