"""What every part of a group keeps to. `check_*` takes a part and raises AssertionError where it does not.

A part is pure: compiled it gives what it gives uncompiled, one lane of a map what it gives alone, and its numbers are
traced: two parts that differ in their numbers are one program. All numbers are float32 and finite, as are gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from purity import check_close, check_finite, check_pure, scores

from ganexp.component import arrays
from ganexp.game import loss_and_gradients
from ganexp.parts import Game
from ganexp.training import draw, init
from ganexp.types import Batch, Critique, Scores

KEY = jax.random.key(7)


N = 16


# What an option cannot be chosen without.
BESIDE = {"loss=veegan": ("model/reconstructor=mlp",)}


def check_loss(loss: Any, exponential: bool = False) -> None:
    """All costs are scalars, finite however sure D is, and push the two players apart. `exponential`: J_G may overflow."""
    real, fake = jax.random.normal(KEY, (2, N)) * 3
    players = {player: getattr(loss, player) for player in loss.players}

    def everything(loss: Any) -> Any:
        costs = {player: getattr(loss, player) for player in loss.players}
        return {
            "costs": {player: jax.value_and_grad(cost)(scores(real, fake)) for player, cost in costs.items()},
            "output": loss.output(real),
        }

    found = check_pure(everything, loss)
    assert found["output"].shape == (N,)
    assert all(cost.shape == () for cost, _ in found["costs"].values())

    ends = scores(jnp.array([[1e4], [-1e4], [1e4], [-1e4], [0.0]]), jnp.array([[-1e4], [1e4], [1e4], [-1e4], [0.0]]))
    for player, cost in players.items():
        if not (exponential and player == "generator"):
            check_finite(jax.jit(jax.vmap(jax.value_and_grad(cost)))(ends))
    check_finite(jax.jit(jax.grad(lambda loss: loss.discriminator(scores(real, fake))))(arrays(loss)))

    # A step down J_D lifts D on real points and lowers it on generated ones; a step down J_G lifts it there, as long as it is lower.
    wrong = jnp.array([-0.25]), jnp.array([0.25])
    right = wrong[::-1]
    lifted, lowered = jax.grad(lambda real, fake: loss.discriminator(scores(real, fake)), argnums=(0, 1))(*wrong)
    assert (lifted < 0).all()
    assert (lowered > 0).all()
    assert (jax.grad(lambda real, fake: loss.generator(scores(real, fake)), argnums=1)(*right) < 0).all()
    rising = np.asarray(loss.output(jnp.linspace(-5, 5, 21)))
    assert (np.diff(rising) > 0).all(), "D's output must increase with its logit"


def check_dataset(dataset: Any, inside: float = 0.98) -> None:
    """Points have the shape promised, depend on the key alone, and lie in the extent up to a share of 1 - `inside`."""
    data = dataset.load()
    batch = check_pure(lambda part: part.sample(data, KEY, N), dataset, rtol=1e-4, atol=1e-5)
    assert batch.x.shape == (N, *dataset.shape)
    assert batch.x.dtype == jnp.float32
    check_labels(dataset, data, batch)

    points = np.asarray(dataset.sample(data, jax.random.key(8), 5000).x)
    assert points.shape == (5000, *dataset.shape)
    if points.std() > 0:
        assert not np.isin(points[:N].ravel(), batch.x.ravel()).any(), "another key must give other points"
        assert len(np.unique(points.reshape(5000, -1), axis=0)) > 4900, "points must be independent"
    natural = dataset.denormalize(points)
    scale = np.abs(natural).max() + 1
    np.testing.assert_allclose(
        dataset.normalize(jnp.asarray(natural, jnp.float32)), points, rtol=1e-4, atol=1e-5 * scale
    )

    (x0, x1), (y0, y1) = dataset.extent
    assert x0 < x1
    assert y0 < y1
    if dataset.shape == (2,):
        within = ((natural >= [x0, y0]) & (natural <= [x1, y1])).all(axis=1)
        assert within.mean() >= inside
    if dataset.modes() is not None:
        centers, deviations, weights = dataset.modes()
        assert centers.shape == deviations.shape == (len(weights), *dataset.shape)
        assert (deviations > 0).all()
        assert (weights >= 0).all()
        np.testing.assert_allclose(weights.sum(), 1)


def check_labels(dataset: Any, data: Any, batch: Any) -> None:
    """A data set that says how many labels it has gives one to each point, draws more, and says how frequent each is; another none."""
    found = batch.label, dataset.labels(data, KEY, N), dataset.frequencies(data)
    if dataset.classes is None:
        assert found == (None, None, None)
        return
    label, drawn, frequencies = found
    for labels in (label, drawn):
        assert labels.shape == (N,)
        assert labels.dtype == jnp.int32
        assert 0 <= labels.min() <= labels.max() < dataset.classes
    assert frequencies.shape == (dataset.classes,)
    assert (frequencies >= 0).all()
    np.testing.assert_allclose(frequencies.sum(), 1, rtol=1e-5)


def check_images(dataset: Any) -> None:
    """Images have the shape promised and are the set's own, with its labels; draws depend on keys and the step alone."""
    data = dataset.load()
    assert dataset.shape[:2] == data.train.shape[1:] == (28, 28)
    assert dataset.size == len(data.train) == len(data.train_label)
    assert len(data.test) == len(data.test_label)
    batches = {
        "sample": lambda part: part.sample(data, KEY, N),
        "reference": lambda part: part.reference(data, KEY, N),
        "test_batch": lambda part: part.test_batch(data, KEY, N),
        "training": lambda part: part.training(data, KEY, jnp.int32(3), KEY, N),
    }
    for name, drawn in batches.items():
        # A threshold that moves turns pixels: rounding is not what is looked at here.
        batch = check_pure(drawn, dataset, rtol=1e-4, atol=1e-5)
        assert batch.x.shape == (N, *dataset.shape)
        check_labels(dataset, data, batch)
        natural = np.asarray(dataset.denormalize(batch.x))
        np.testing.assert_allclose(dataset.normalize(jnp.asarray(natural)), batch.x, rtol=1e-4, atol=1e-5)
        known = (data.test if name == "test_batch" else data.train).reshape(-1, 784)
        if dataset.binary:
            assert set(np.unique(natural)) == {0, 1}
            known = 255 * (known > 127)
        # Each channel is one of the set's images.
        found = np.moveaxis(natural, -1, 1).reshape(-1, 784) * 255
        projection = np.random.default_rng(0).normal(size=784)
        distances = np.abs((found @ projection)[:, None] - (known @ projection)[None])
        assert distances.min(axis=1).max() < 0.05
    more = np.asarray(dataset.sample(data, jax.random.key(8), N).x)
    assert (more.reshape(N, -1) != np.asarray(dataset.sample(data, KEY, N).x).reshape(N, -1)).any(axis=1).all()


def check_output(output: Any) -> None:
    """Outputs keep their place between 0 and 1 and the gradient alive; evaluations need no key."""
    x = jax.random.uniform(KEY, (N, 28, 28, 1), minval=0.01, maxval=0.99)

    def everything(part: Any) -> Any:
        slopes = jax.grad(lambda x: (part.emitted(x, KEY, True) * jnp.arange(28)[None, :, None, None]).sum())(x)
        return part.emitted(x, KEY, True), part.emitted(x, KEY, False), slopes

    trained, tested, slopes = check_pure(everything, output, rtol=1e-3, atol=1e-4)
    assert trained.shape == tested.shape == x.shape
    for points in (trained, tested):
        assert 0 <= points.min() <= points.max() <= 1
    assert (np.asarray(slopes) >= 0).all()
    assert (np.asarray(slopes)[:, 1:] > 0).mean() > 0.9, "a rising loss must pull probabilities down"
    check_close(output.emitted(x, jax.random.key(8), False), tested, rtol=0, atol=0)
    check_finite(jax.grad(lambda x: output.emitted(x, KEY, True).sum())(jnp.array([0.0, 1.0])[:, None]))


def check_prior(prior: Any) -> None:
    """Noise has the shape promised, depends on the key alone, and varies in every coordinate of every vector."""
    noise = check_pure(lambda part: part.sample(KEY, N), prior)
    assert noise.shape == (N, prior.dimension)
    assert noise.dtype == jnp.float32
    more = np.concatenate([noise, prior.sample(jax.random.key(8), 1000)])
    # One in 2^23 is the resolution of a uniform draw: among these a repetition or two may happen.
    assert len(np.unique(more)) > more.size - 5


def game(params: Any, critic: Callable[[Any, Any], Any], real: Any, fake: Any, noise: Any = None) -> Game:
    """What a penalty reads where the discriminator is `critic(params, batch)`, whose one feature is its logit, and the generator the identity."""

    def judge(batch: Batch) -> Critique:
        logits = critic(params, batch)
        return Critique(logits, logits[:, None])

    both = Scores(judge(real), judge(fake))
    return Game(params, real, fake if noise is None else noise, fake, both, judge, lambda noise: noise)


def check_penalty(penalty: Any) -> None:
    """A term is a scalar, at least 0, with a finite gradient, of a flat critic too; projecting twice is as once; what is remembered keeps
    its form, and stays finite."""
    real, fake = (Batch(points) for points in jax.random.normal(KEY, (2, N, 2)))
    params = {"square": jnp.array([0.5, -0.3]), "line": jnp.array([3.0, -0.001])}
    assert penalty.player in penalty.players

    def critic(params: Any, batch: Batch) -> Any:
        points = batch.x
        return points**2 @ params["square"] + points @ params["line"]

    def term(part: Any, params: Any) -> Any:
        found = part.term(game(params, critic, real, fake), part.init(params), KEY)
        return jnp.float32(0) if found is None else found

    def remember(part: Any) -> Any:
        memory = part.init(params)
        return memory if memory is None else part.remember(game(params, critic, real, fake), memory)

    def everything(part: Any) -> Any:
        return jax.value_and_grad(lambda params: term(part, params))(params), part.project(params), remember(part)

    (value, _), projected, remembered = check_pure(everything, penalty)
    assert value.shape == ()
    assert value >= 0
    check_finite(jax.value_and_grad(lambda params: term(penalty, params))(jax.tree.map(jnp.zeros_like, params)))
    check_finite(jax.grad(lambda part: term(part, params))(arrays(penalty)))
    for after, before in ((projected, params), (remembered, penalty.init(params))):
        assert jax.tree.map(jnp.shape, after) == jax.tree.map(jnp.shape, before)
    jax.tree.map(np.testing.assert_array_equal, penalty.project(projected), projected)


def check_gradient(experiment: Any) -> None:
    """A rule gives each player a finite gradient of its own parameters and of all others', and keeps the form of what it remembers."""
    state = init(arrays(experiment))
    draws = jax.tree.map(lambda leaf: leaf[0], draw(arrays(experiment), (), jnp.int32(0)))

    def everything(part: Any) -> Any:
        found = {}
        for player in part.players:
            one, memory = loss_and_gradients(part, player, state, draws)
            found[player] = one.loss, one.grads, one.played.terms, memory
        return found

    for loss, grads, terms, memory in check_pure(everything, experiment, rtol=1e-3, atol=1e-4).values():
        assert loss.shape == ()
        np.testing.assert_allclose(loss, sum(terms.values()), rtol=1e-5)
        assert {*grads} == {*experiment.players}
        for player, own in grads.items():
            assert jax.tree.map(jnp.shape, own) == jax.tree.map(jnp.shape, state.players[player].params)
        assert jax.tree.map(jnp.shape, memory) == jax.tree.map(jnp.shape, state.memory)


def check_input(part: Any) -> None:
    """An input has the shape it says and lets the gradient pass; evaluations need no key; points stand alone unless it is `coupled`."""
    x = jax.random.normal(KEY, (N, 4, 4, 1))

    def everything(part: Any) -> Any:
        slopes = jax.grad(lambda x: (part.apply(Batch(x), KEY, True).x ** 2).sum())(x)
        return part.apply(Batch(x), KEY, True).x, part.apply(Batch(x), KEY, False).x, slopes

    trained, tested, slopes = check_pure(everything, part, rtol=1e-4, atol=1e-5)
    assert trained.shape[1:] == tested.shape[1:] == part.shape(x.shape[1:])
    assert (slopes != 0).any()
    check_close(part.apply(Batch(x), jax.random.key(8), False).x, tested, rtol=0, atol=0)
    if not part.coupled:
        others = jnp.concatenate([x[: N // 2], -2 * x[: N // 2]])
        check_close(part.apply(Batch(others), KEY, True).x[: N // 2], trained[: N // 2], rtol=1e-4, atol=1e-5)


def check_average(average: Any) -> None:
    """An average begins at the first weights, stays at weights that do not move, and otherwise between the lowest and the highest."""
    first = {"kernel": jnp.array([[1.0, -0.8], [0.6, 1.5]]), "bias": jnp.array([0.7, -1.1])}
    path = [jax.tree.map(lambda leaf, move=move: leaf + move, first) for move in (0.5, -0.25, 2.0, 0.125)]

    def follow(part: Any, path: Any) -> Any:
        memory = part.init(first)
        for params in path:
            memory = part.update(memory, params)
        return part.weights(memory)

    found = check_pure(lambda part: follow(part, path), average)
    check_close(average.weights(average.init(first)), first, rtol=0, atol=0)
    check_close(follow(average, [first] * 5), first)
    assert jax.tree.map(jnp.shape, found) == jax.tree.map(jnp.shape, first)
    for mean, start in zip(jax.tree.leaves(found), jax.tree.leaves(first), strict=True):
        assert (mean > start - 0.25).all()
        assert (mean < start + 2).all()
