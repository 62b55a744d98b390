"""Contracts of what players are made of and move by: networks, schedules, optimizers, orders of updates."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from purity import check_close, check_finite, check_pure

from ganexp.game import update
from ganexp.types import DISCRIMINATOR, GENERATOR, Batch, Minibatches, Player, TrainState

KEY = jax.random.key(7)


N = 16


def check_net(architecture: Any, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> None:
    """A network maps n points to n points and their features, one by one in evaluation mode, and keeps the structure of its statistics."""
    x = jax.random.normal(KEY, (N, *inputs))

    def everything(part: Any) -> Any:
        net = part.net(inputs, outputs)
        params, stats = net.init(KEY)

        def total(params: Any) -> Any:
            output, features, moved = net.apply(params, stats, Batch(x), KEY, True)
            return (output**2).sum(), (output, features, moved)

        slopes, trained = jax.grad(total, has_aux=True)(params)
        return params, stats, slopes, trained, net.apply(params, stats, Batch(x), KEY, False)

    # Normalization layers divide by small numbers, so rounding shows more than elsewhere.
    # And compiling takes all the time there is, where it is done well.
    params, stats, slopes, trained, tested = check_pure(
        everything, architecture, eager=False, options={"xla_backend_optimization_level": 0}, rtol=2e-3, atol=2e-3
    )
    assert jax.tree.leaves(params)
    assert jax.tree.structure(slopes) == jax.tree.structure(params)
    for output, features, moved in (trained, tested):
        assert output.shape == (N, *outputs)
        assert features.shape[0] == N and features.ndim == 2
        assert jax.tree.map(jnp.shape, moved) == jax.tree.map(jnp.shape, stats)

    net = architecture.net(inputs, outputs)
    check_close(net.apply(params, stats, Batch(x), KEY, True), trained, rtol=1e-4, atol=1e-5)
    plain = net.apply(params, stats, Batch(x), KEY, False)
    check_close(plain, tested, rtol=1e-4, atol=1e-5)
    check_close(net.apply(params, stats, Batch(x), jax.random.key(8), False), plain, rtol=0, atol=0)
    check_close(plain[2], stats, rtol=0, atol=0)
    others = jnp.concatenate([x[: N // 2], -2 * x[: N // 2]])
    found = net.apply(params, stats, Batch(others), KEY, False)
    for part in (0, 1):
        check_close(found[part][: N // 2], plain[part][: N // 2], rtol=1e-4, atol=1e-5)


def check_schedule(schedule: Any) -> None:
    """A schedule gives one finite float32 at every step, and the same whether steps are mapped or looped over."""
    base = jnp.float32(0.3)
    steps = jnp.array([0, 1, 9_999, 10_000, 10_001, 25_000, 2**31 - 1], jnp.float32)
    values = check_pure(lambda part: jnp.stack([part.value(base, step) for step in steps]), schedule)
    assert values.shape == steps.shape
    check_close(jax.vmap(lambda step: schedule.value(base, step))(steps), values)


def check_optimizer(optimizer: Any) -> None:
    """Every optimizer descends a bowl from its own defaults, and keeps the structure and types of its state."""
    start = {"kernel": jnp.array([[1.0, -0.8], [0.6, 1.5]]), "bias": jnp.array([0.7, -1.1])}

    def bowl(params: Any) -> Any:
        return sum((leaf**2).sum() for leaf in jax.tree.leaves(params))

    def descend(part: Any) -> Any:
        def step(carry: Any, _: Any) -> Any:
            params, state = part.apply(jax.grad(bowl)(carry[0]), carry[1], carry[0])
            return (params, state), params

        # A scan refuses a state whose structure or types change.
        return jax.lax.scan(step, (start, part.init(start, KEY)), None, 60)

    (last, _), path = check_pure(descend, optimizer, eager=False, rtol=1e-3, atol=1e-4)
    assert jax.tree.map(jnp.shape, last) == jax.tree.map(jnp.shape, start)
    assert bowl(last) < bowl(start)
    first, _ = optimizer.apply(jax.grad(bowl)(start), optimizer.init(start, KEY), start)
    check_close(first, jax.tree.map(lambda leaf: leaf[0], path), rtol=1e-5, atol=1e-6)
    zero = jax.tree.map(jnp.zeros_like, start)
    check_finite(optimizer.apply(zero, optimizer.init(start, KEY), start))


def check_updates(experiment: Any, eager: bool = True) -> None:
    """One training step: both players are recorded, whoever moves, and nothing changes shape."""
    key, batches, size = jax.random.key(3), experiment.updates.batches, experiment.batch_size
    networks = experiment.networks()
    before = {}
    for player in experiment.players:
        params, stats = networks[player].init(key)
        before[player] = Player(params, stats, experiment.optimizer(player).init(params, KEY))
    real, noise = jax.random.normal(key, (2, batches, size, 2))
    draws = Minibatches(Batch(real), Batch(noise), jax.random.split(key, batches))

    start = TrainState(jnp.int32(0), before, {})
    (_, after, memory), records = check_pure(
        lambda part: part.updates.step(part.players, partial(update, part), start, draws),
        experiment,
        eager,
        rtol=1e-3,
        atol=1e-4,
    )
    assert memory == {}
    assert set(after) == set(records) == set(experiment.players)
    assert jax.tree.structure(after) == jax.tree.structure(before)
    times = {DISCRIMINATOR: experiment.updates.d_steps, GENERATOR: experiment.updates.g_steps}
    for player, record in records.items():
        shapes = jax.tree.map(jnp.shape, before[player].params)
        assert jax.tree.map(jnp.shape, after[player].params) == shapes
        assert jax.tree.map(jnp.shape, record.grads) == shapes
        assert record.loss.shape == ()
        assert record.fake.x.shape == record.real.x.shape == (experiment.batch_size, *experiment.dataset.shape)
        for critique in (record.scores.real, record.scores.fake):
            assert critique.logits.shape == (experiment.batch_size,)
            assert critique.features.shape == (experiment.batch_size, experiment.model.discriminator.width)
        changes = jax.tree.map(lambda old, new: np.abs(old - new).max(), before[player].params, after[player].params)
        assert (max(jax.tree.leaves(changes)) > 0) == (times[player] > 0)
