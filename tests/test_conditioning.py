"""Networks that are told labels: against NumPy, through training, and in all that is shown of a run."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from commands import NETS
from scipy import special

import ganexp
from ganexp.component import SettingError, arrays
from ganexp.conditioning import CONDITIONINGS, NONE
from ganexp.config.build import load
from ganexp.config.options import options
from ganexp.game import draw_noise, generate, judge, objective, output_anywhere
from ganexp.observe.samples import Samples
from ganexp.observe.scene import Scene
from ganexp.training import draw, init
from ganexp.types import DISCRIMINATOR, GENERATOR, Batch
from ganexp.views.probe_images import SIDE, STEPS, grid_noise, ways

KEY = jax.random.key(11)
SIZES = tuple(f"model.{player}.{size}" for player in ("generator", "discriminator") for size in ("width=8", "depth=1"))
TOLD = ("model.conditioning=concat", "batch_size=16", *SIZES)
IMAGES = ("dataset=binarized_mnist", "dataset.source=bundled", "dataset.examples=300", "batch_size=16")
RING = (*NETS, "batch_size=16", "steps=30", "log_every=5", "checkpoint_every=10", "eval_samples=50", "final_samples=50")


def biased(params):
    """The same weights with biases that are not 0."""
    return jax.tree.map(lambda leaf: leaf if leaf.ndim > 1 else jnp.linspace(-0.5, 0.5, leaf.size), params)


def started(experiment):
    state = jax.jit(init)(arrays(experiment))
    players = {name: player._replace(params=biased(player.params)) for name, player in state.players.items()}
    return state._replace(players=players)


def perceptron(params, x, label, classes):
    """One hidden layer of ReLU on the numbers and the one-hot label behind them."""
    told = np.concatenate([np.asarray(x, float), np.eye(classes)[np.asarray(label)]], axis=1)
    hidden = np.maximum(told @ np.asarray(params["hidden"][0]["kernel"]) + np.asarray(params["hidden"][0]["bias"]), 0)
    return hidden @ np.asarray(params["last"]["kernel"]) + np.asarray(params["last"]["bias"])


def test_conditional_perceptrons_are_what_numpy_computes(composed):
    experiment = composed(*TOLD, "dataset.n=5", "prior.dimension=3")
    state, noise = started(experiment), draw_noise(experiment, (), KEY, 40)
    generator, discriminator = (state.players[name] for name in (GENERATOR, DISCRIMINATOR))
    assert generator.params["hidden"][0]["kernel"].shape == (3 + 5, 8)
    assert discriminator.params["hidden"][0]["kernel"].shape == (2 + 5, 8)
    assert set(np.unique(noise.label)) == {*range(5)}
    fake = generate(experiment, generator, noise, KEY, train=True)[0]
    np.testing.assert_array_equal(fake.label, noise.label)
    np.testing.assert_allclose(fake.x, perceptron(generator.params, noise.x, noise.label, 5), rtol=1e-4, atol=1e-5)
    logits = judge(experiment, discriminator, fake, KEY, train=True)[0].logits
    expected = perceptron(discriminator.params, fake.x, fake.label, 5)[:, 0]
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)


def test_a_network_that_reads_images_is_told_by_channels_and_another_behind_the_pixels(composed):
    x = jax.random.uniform(KEY, (6, 28, 28, 1))
    batch = Batch(x, jnp.array([0, 9, 3, 3, 7, 1]))
    convolutional = composed("model.conditioning=concat", *IMAGES, "model=dcgan", "prior.dimension=7")
    told = np.asarray(convolutional.told(DISCRIMINATOR, batch).x)
    assert told.shape == (6, 28, 28, 11)
    np.testing.assert_array_equal(told[..., :1], x)
    np.testing.assert_array_equal(
        told[..., 1:], np.broadcast_to(np.eye(10)[batch.label][:, None, None], (6, 28, 28, 10))
    )
    # Its generator reads a vector.
    told = np.asarray(convolutional.told(GENERATOR, Batch(x[:, 0, :7, 0], batch.label)).x)
    np.testing.assert_array_equal(told, np.concatenate([x[:, 0, :7, 0], np.eye(10)[batch.label]], axis=1))
    flat = composed("model.conditioning=concat", *IMAGES, "model=mnist")
    told = np.asarray(flat.told(DISCRIMINATOR, batch).x)
    np.testing.assert_array_equal(told, np.concatenate([x.reshape(6, -1), np.eye(10)[batch.label]], axis=1))


def test_without_conditioning_networks_read_what_they_read(composed):
    experiment = composed("batch_size=16")
    batch = Batch(jnp.ones((3, 2)), jnp.array([0, 1, 7]))
    assert not experiment.conditional
    assert all(experiment.told(player, batch) is batch for player in (GENERATOR, DISCRIMINATOR))
    assert experiment.shapes() == {GENERATOR: ((2,), (2,)), DISCRIMINATOR: ((2,), ())}


@pytest.mark.parametrize("player", [GENERATOR, DISCRIMINATOR])
@pytest.mark.parametrize("way", [name for name in CONDITIONINGS if name != NONE])
def test_every_network_is_told_labels_or_says_why_not(composed, way, player):
    inputs = {GENERATOR: (5,), DISCRIMINATOR: (8, 8, 2)}[player]
    for name in options(f"model/{player}"):
        architecture = getattr(composed("dataset=binarized_mnist", f"model/{player}={name}").model, player)
        if architecture.reads is None:
            with pytest.raises(SettingError, match="reads no input, and so no label; choose another network"):
                CONDITIONINGS[way].shape(architecture, inputs, 3)
            continue
        shape = CONDITIONINGS[way].shape(architecture, inputs, 3)
        x = jax.random.normal(KEY, (6, *inputs))
        told = [CONDITIONINGS[way].tell(Batch(x, labels), shape, 3) for labels in (jnp.arange(6) % 3, jnp.ones(6, int))]
        assert all(batch.x.shape == (6, *shape) and batch.x.dtype == x.dtype for batch in told)
        same = (told[0].x == told[1].x).reshape(6, -1).all(axis=1)
        np.testing.assert_array_equal(same, np.arange(6) % 3 == 1)
        # Of a size that is said before anything is made.
        outputs = (8, 8, 2) if player == GENERATOR else ()
        params, _ = jax.eval_shape(architecture.net(shape, outputs).init, KEY)
        assert architecture.size(shape, outputs).parameters == sum(leaf.size for leaf in jax.tree.leaves(params))


def test_the_discriminators_loss_reads_real_labels_where_it_is_told_them(composed):
    losses = {}
    for told in ("concat", "none"):
        experiment = composed(*SIZES, "batch_size=16", f"model.conditioning={told}")
        state, draws = started(experiment), jax.jit(draw)(arrays(experiment), (), np.int32(0))
        first = jax.tree.map(lambda leaf: leaf[0], draws)
        assert len(np.unique(first.real.label)) > 2

        def loss(labels, experiment=experiment, state=state, first=first):
            real = first.real._replace(label=labels)
            of = objective(experiment, DISCRIMINATOR, state, first._replace(real=real))
            return of(state.players[DISCRIMINATOR].params)[0]

        losses[told] = [float(loss(labels)) for labels in (first.real.label, jnp.roll(first.real.label, 1))]
    assert abs(losses["concat"][0] - losses["concat"][1]) > 1e-3
    assert losses["none"][0] == losses["none"][1]


def test_d_without_a_label_is_its_mean_over_labels_by_their_probabilities(composed):
    weights = [1.0, 2.0, 3.0, 4.0]
    experiment = composed(*TOLD, "dataset.n=4", f"dataset.weights={weights}".replace(" ", ""))
    state, x = started(experiment), jax.random.normal(KEY, (30, 2)) * 2
    params = state.players[DISCRIMINATOR].params
    outputs = [special.expit(perceptron(params, x, np.full(30, label), 4)[:, 0]) for label in range(4)]
    assert np.ptp(outputs, axis=0).max() > 0.05
    found = output_anywhere(experiment, (), state, x, KEY)
    np.testing.assert_allclose(found, np.average(outputs, axis=0, weights=weights), rtol=1e-4)


def test_penalties_see_the_label_of_each_point(composed):
    """R1's gradient is that of the discriminator told the label of the very point."""
    experiment = composed(*TOLD, "penalty=[r1]", "penalty.r1.weight=2")
    state, draws = started(experiment), jax.jit(draw)(arrays(experiment), (), np.int32(0))
    first = jax.tree.map(lambda leaf: leaf[0], draws)
    _, played = objective(experiment, DISCRIMINATOR, state, first)(state.players[DISCRIMINATOR].params)
    params = jax.tree.map(lambda leaf: np.asarray(leaf, float), state.players[DISCRIMINATOR].params)
    kernel, bias = params["hidden"][0]["kernel"], params["hidden"][0]["bias"]
    told = np.concatenate([first.real.x, np.eye(8)[first.real.label]], axis=1)
    slopes = (told @ kernel + bias > 0) * params["last"]["kernel"][:, 0] @ kernel[:2].T
    np.testing.assert_allclose(played.terms["r1"], (slopes**2).sum(axis=1).mean(), rtol=1e-4)


# What is shown


def test_a_grid_of_samples_has_a_row_for_each_label_and_the_same_noise_in_all(composed):
    experiment = composed("model.conditioning=concat", *IMAGES, "model=mnist", *SIZES)
    noise = grid_noise(experiment, experiment.dataset.load(), KEY)
    assert noise.x.shape == (10 * SIDE, experiment.prior.dimension)
    np.testing.assert_array_equal(noise.label.reshape(10, SIDE), np.tile(np.arange(10)[:, None], SIDE))
    np.testing.assert_array_equal(
        noise.x.reshape(10, SIDE, -1), np.broadcast_to(noise.x[:SIDE], (10, SIDE, noise.x.shape[1]))
    )
    plain = dataclasses.replace(experiment, model=dataclasses.replace(experiment.model, conditioning=NONE))
    noise = grid_noise(plain, plain.dataset.load(), KEY)
    np.testing.assert_array_equal(noise.x, plain.prior.sample(KEY, SIDE**2))


def test_what_lies_between_two_noise_vectors_keeps_its_label(composed):
    # A generator that reads its label alone gives the same image all along a way.
    experiment = composed("model.conditioning=concat", *IMAGES, "model=mnist", *SIZES)
    state = init(arrays(experiment))
    generator = state.players[GENERATOR]
    kernel = generator.params["hidden"][0]["kernel"].at[: experiment.prior.dimension].set(0)
    generator.params["hidden"][0]["kernel"] = kernel
    samples = Samples(experiment, experiment.dataset.load(), state, 1, jnp.int32(0))
    way = np.asarray(ways(Scene(samples, jnp.asarray(experiment.dataset.extent))))
    np.testing.assert_allclose(way, np.broadcast_to(way[:, :1], way.shape), atol=1e-6)
    assert len(np.unique(way[:, 0].reshape(len(way), -1).round(4), axis=0)) > 1
    assert way.shape[1] == STEPS


@pytest.fixture(scope="module")
def told_ring(tmp_path_factory):
    """A short conditional run, opened."""
    folder = tmp_path_factory.mktemp("told") / "run"
    return ganexp.train(ganexp.compose([*RING, "model.conditioning=concat", "eval_every=0", "image_every=0"]), folder)


def test_a_label_can_be_asked_for(told_ring):
    run = told_ring
    params = {name: player.params for name, player in run.state.players.items()}
    experiment = run.job.experiment

    def layers(params, x, label):
        told = np.concatenate([np.asarray(x, float), np.eye(8)[label]], axis=1)
        for layer in params["hidden"].values():
            told = np.maximum(told @ np.asarray(layer["kernel"]) + np.asarray(layer["bias"]), 0)
        return told @ np.asarray(params["last"]["kernel"]) + np.asarray(params["last"]["bias"])

    key = jax.random.fold_in(jax.random.fold_in(jax.random.fold_in(jax.random.key(0), 3), np.uint32(5)), 0)
    noise = experiment.prior.sample(key, 1000)[:20]
    labels = np.arange(20) % 8
    np.testing.assert_allclose(
        run.generate(20, seed=5, label=3), layers(params[GENERATOR], noise, np.full(20, 3)), atol=1e-4
    )
    points = run.generate(20, seed=5, label=labels)
    np.testing.assert_allclose(points, layers(params[GENERATOR], noise, labels), atol=1e-4)
    outputs = special.expit(layers(params[DISCRIMINATOR], points, labels)[:, 0])
    np.testing.assert_allclose(run.discriminate(points, label=labels), outputs, atol=1e-4)
    each = [run.discriminate(points, label=label) for label in range(8)]
    np.testing.assert_allclose(run.discriminate(points), np.mean(each, axis=0), atol=1e-5)
    # Without one, as in training: every point is that of one of the labels.
    found = run.generate(20, seed=5)
    every = np.stack([run.generate(20, seed=5, label=label) for label in range(8)])
    distances = np.abs(every - found).max(axis=2)
    assert (distances.min(axis=0) < 1e-5).all()
    assert len(np.unique(distances.argmin(axis=0))) > 2
    np.testing.assert_array_equal(run.generate(1200, seed=5)[:20], found)


@pytest.mark.parametrize(
    ("label", "sentence"),
    [
        (8, "label: must be from 0 to 7"),
        (-1, "label: must be from 0 to 7"),
        ([1, 2], "label: must be a whole number, or 3 of them"),
        (0.5, "label: must be a whole number, or 3 of them"),
    ],
)
def test_a_label_that_is_none_is_a_sentence(told_ring, label, sentence):
    with pytest.raises(ganexp.UsageError, match=sentence):
        told_ring.generate(3, label=label)
    with pytest.raises(ganexp.UsageError, match=sentence):
        told_ring.discriminate(np.zeros((3, 2)), label=label)


# What is recorded


def test_a_run_without_conditioning_is_recorded_as_it_always_was():
    assert "model.conditioning" not in load([])[1].settings()
    assert load(["model.conditioning=concat"])[1].settings()["model.conditioning"] == "concat"


def test_a_data_set_without_labels_is_refused_with_those_that_have_some():
    with pytest.raises(
        SettingError, match=r"model\.conditioning: concat needs labels, and dataset=curve has none; .*mnist.* have some"
    ):
        load(["model.conditioning=concat", "dataset=curve"])
    with pytest.raises(SettingError, match=r"model\.generator: reads no input"):
        load(["model.conditioning=concat", "model/generator=point"])


@pytest.mark.parametrize("name", options("dataset"))
def test_the_data_sets_that_are_named_are_those_that_have_labels(composed, name):
    with pytest.raises(SettingError) as refused:
        load(["model.conditioning=concat", "dataset=spiral"])
    named = str(refused.value).split("; ")[1].removesuffix(" have some").split(", ")
    assert (name in named) == (composed(f"dataset={name}").dataset.classes is not None)
