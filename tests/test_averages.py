"""The average of the generator's weights: its arithmetic, who sees it, and what carries it."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganexp import checkpoints
from ganexp.averages import Ema
from ganexp.component import arrays
from ganexp.config.build import job
from ganexp.config.compose import compose
from ganexp.game import generate, sample
from ganexp.observe.samples import Samples
from ganexp.runner.run import run
from ganexp.training import chunk, draw, init, initial_health, train_step
from ganexp.types import GENERATOR, Batch

SIZES = tuple(f"model.{player}.{size}" for player in ("generator", "discriminator") for size in ("width=4", "depth=1"))
SMALL = ("batch_size=8", *SIZES)
STEPS = 7


def trained(experiment, steps=STEPS):
    state = jax.jit(init)(arrays(experiment))
    return chunk(arrays(experiment), (), state, initial_health(experiment), np.int32(steps))[0]


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.999])
def test_ema_is_the_weighted_sum_of_all_weights_so_far(decay):
    path = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    average = Ema(decay=decay)
    memory = average.init({"w": jnp.asarray(path[0])})
    for params in path[1:]:
        memory = average.update(memory, {"w": jnp.asarray(params)})
    shares = np.array([decay**5, *[(1 - decay) * decay**age for age in (4, 3, 2, 1, 0)]])
    np.testing.assert_allclose(average.weights(memory)["w"], shares @ path.astype(float), rtol=1e-5)


def test_training_keeps_the_average_of_its_own_steps_and_does_not_see_it(composed):
    plain, averaged = composed(*SMALL), composed(*SMALL, "average=ema", "average.decay=0.7")
    step = jax.jit(train_step)
    state = jax.jit(init)(arrays(plain))
    mean = jax.tree.map(lambda leaf: np.asarray(leaf, float), state.players[GENERATOR].params)
    for number in range(STEPS):
        state, _ = step(arrays(plain), state, jax.jit(draw)(arrays(plain), (), np.int32(number)))
        mean = jax.tree.map(lambda a, w: 0.7 * a + 0.3 * np.asarray(w, float), mean, state.players[GENERATOR].params)
    found = trained(averaged)
    assert trained(plain).memory == {}
    jax.tree.map(np.testing.assert_array_equal, found.players, trained(plain).players)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), found.memory["average"], mean)


def test_what_is_shown_is_the_averaged_generator(composed):
    experiment = composed(*SMALL, "average=ema", "average.decay=0.9")
    state, key = trained(experiment), jax.random.key(5)
    noise = Batch(experiment.prior.sample(key, 16))
    player = state.players[GENERATOR]
    own = generate(experiment, player, noise, key, train=False)[0].x
    mean = generate(experiment, player._replace(params=state.memory["average"]), noise, key, train=False)[0].x
    assert not np.allclose(own, mean)
    np.testing.assert_array_equal(sample(experiment, state, noise, key).x, mean)
    np.testing.assert_array_equal(sample(dataclasses.replace(experiment, average=None), state, noise, key).x, own)
    # An evaluation is of these points, and its gradients and weights are of the players that train.
    seen = Samples(experiment, (), state, 16, jnp.int32(0))
    plain = Samples(dataclasses.replace(experiment, average=None), (), state, 16, jnp.int32(0))
    assert not np.allclose(seen.fake.x, plain.fake.x)
    jax.tree.map(np.testing.assert_array_equal, (seen.weights, seen.gradients), (plain.weights, plain.gradients))


def test_a_resumed_run_goes_on_with_its_average(tmp_path):
    words = (
        *SMALL,
        "average=ema",
        "average.decay=0.9",
        "eval_samples=50",
        "final_samples=50",
        "image_every=0",
        "checkpoint_every=5",
    )
    last = {}
    for name, steps in (("whole", (20,)), ("parts", (10, 20))):
        resumed = None
        for count in steps:
            now = job(compose([*words, f"steps={count}"]))
            assert run(now, tmp_path / name, resumed=resumed).status == "finished"
            like = jax.eval_shape(lambda now=now: (init(arrays(now.experiment)), initial_health(now.experiment)))
            resumed = checkpoints.load(checkpoints.paths(tmp_path / name)[0], like)
        last[name] = resumed
    jax.tree.map(np.testing.assert_array_equal, last["whole"].state, last["parts"].state)
    assert last["whole"].state.memory["average"]
