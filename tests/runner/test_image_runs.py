"""Runs on images: what is measured, drawn and said of them."""

from __future__ import annotations

import json
import math
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from commands import ganexp
from PIL import Image

from ganexp.component import arrays
from ganexp.config.build import load
from ganexp.datasets import BinarizedMnist, StackedMnist
from ganexp.metrics.evaluate import Evaluator
from ganexp.metrics.of_images import leak
from ganexp.metrics.of_players import minibatch_accuracy
from ganexp.observe.metric import Reference
from ganexp.observe.readings import HostArrays, Readings
from ganexp.observe.samples import classified
from ganexp.training import init
from ganexp.types import DISCRIMINATOR, GENERATOR, Batch

KEY = jax.random.key(3)


SMALL = (
    "dataset=binarized_mnist",
    "dataset.source=bundled",
    "dataset.examples=300",
    "model.generator.width=8",
    "model.discriminator.width=8",
    "batch_size=50",
    "eval_samples=500",
    "final_samples=500",
)


@pytest.fixture(scope="module")
def small_run(tmp_path_factory):
    """A run of two epochs on 300 bundled digits."""
    folder = tmp_path_factory.mktemp("run") / "small"
    assert ganexp(*SMALL, "epochs=2", "eval_every=6", "image_every=6", "log_every=1", f"out={folder}") == 0
    return folder


def test_a_run_records_every_score_with_its_floor(small_run):
    final = json.loads((small_run / "run.json").read_text())["final"]
    scores = ["fid", "kid", "score", "precision", "recall", "density", "coverage"]
    for tag in [f"mnist_{score}" for score in scores] + ["classes/entropy", "classes/kl", "classes/confidence"]:
        assert {tag, f"{tag}/floor"} <= final.keys()
        assert math.isfinite(final[tag])
    assert final["mnist_fid"] > 5 * final["mnist_fid/floor"]
    assert final["mnist_score/floor"] > 8, "ten parts of 50 images each"
    assert {"memorization/share", "memorization/share/floor", "accuracy/minibatches"} <= final.keys()
    assert not any(tag.startswith("parzen") for tag in final), "these digits are not gray"


def test_a_run_draws_its_pictures_and_grows_its_strip(small_run):
    names = {path.stem for path in (small_run / "images").glob("*.png")}
    for picture in ("samples", "interpolation", "classes", "strip"):
        assert {f"{picture}_{step:010d}" for step in (0, 6, 12)} <= names
    assert {"real_0000000000", "losses_0000000006", "accuracy_0000000012"} <= names
    heights = []
    for step in (0, 6, 12):
        with Image.open(small_run / "images" / f"strip_{step:010d}.png") as picture:
            heights.append(picture.height)
    assert heights[2] - heights[1] == heights[1] - heights[0] > 28


def test_its_pictures_are_drawn_again_from_frames_and_from_the_checkpoint(small_run, tmp_path):
    recorded = {path.name: path.read_bytes() for path in (small_run / "images").iterdir()}
    assert ganexp("view", str(small_run), "--out", str(tmp_path / "frames")) == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "frames").iterdir()} == recorded
    copy = shutil.copytree(small_run, tmp_path / "copy")
    (copy / "frames.bin").unlink()
    names = ("samples", "interpolation", "losses", "classes", "accuracy")
    assert ganexp("view", str(copy), "--view", ",".join(names), "--out", str(tmp_path / "state")) == 0
    for name in names:
        assert (tmp_path / "state" / f"{name}_0000000012.png").read_bytes() == recorded[f"{name}_0000000012.png"]


@pytest.mark.slow  # A whole run with another output: its programs take ten seconds to compile.
def test_a_leak_is_warned_of_once_and_hard_outputs_have_none(small_run, tmp_path, capsys):
    known = json.loads((small_run / "run.json").read_text())
    assert known["final"]["leak/accuracy"] == 1
    (warning,) = known["warnings"]
    assert "output=straight_through" in warning
    assert ganexp(*SMALL, "output=straight_through", "steps=2", f"out={tmp_path / 'hard'}") == 0
    hard = json.loads((tmp_path / "hard" / "run.json").read_text())
    assert hard["final"]["leak/accuracy"] == 0.5
    assert "warnings" not in hard
    assert "warning" not in capsys.readouterr().err


def test_the_leak_s_detector_is_as_good_as_a_loop():
    real = np.zeros((4, 3, 3, 1), np.float32)
    fake = np.array([np.full((3, 3, 1), value) for value in (0.0, 0.5, 1.0, 0.0005)], np.float32)
    caught = sum(any(0.001 < pixel < 0.999 for pixel in image.ravel()) for image in fake)
    assert float(leak(jnp.asarray(real), jnp.asarray(fake))) == pytest.approx((1 + caught / 4) / 2)


def test_test_images_score_as_the_floors_do_and_noise_does_not():
    dataset = BinarizedMnist(source="bundled")
    data = dataset.load()
    real, other, fake = (
        dataset.reference(data, KEY, 1000).x,
        dataset.test_batch(data, KEY, 1000).x,
        jax.random.bernoulli(KEY, 0.13, (1000, 28, 28, 1)).astype(jnp.float32),
    )
    metrics = load(["dataset=binarized_mnist", "dataset.source=bundled"])[1].metric
    chosen = {name: metrics[name] for name in ("fid", "kid", "prdc", "classifier_score")}
    sets = [HostArrays(dataset, {"fake": x}) for x in (real, other, fake)]
    evaluator = Evaluator(chosen, Reference(dataset, data, sets[0], False), 1000)
    evaluator.floors = evaluator.floors_from([sets[1]])
    perfect, noise = (evaluator(Readings({"reading": one["reading"]}, {})) for one in sets[1:])
    for tag, value in perfect.items():
        if not tag.endswith("/std") and "floor" not in tag:
            assert perfect[f"{tag}/floor"] == pytest.approx(value)
    assert noise["mnist_fid"] > 50 * perfect["mnist_fid"]
    assert noise["mnist_recall"] < 0.1 < 0.7 < perfect["mnist_recall"]
    assert perfect["mnist_score"] > 9 > noise["mnist_score"]


def test_gray_digits_get_a_parzen_window_and_copies_are_found(gray_cache):
    job = load(["dataset=mnist", "dataset.normalization=symmetric", "model.generator.output=tanh"])[1]
    dataset, metrics = job.experiment.dataset, {name: job.metric[name] for name in ("memorization", "parzen")}
    data = dataset.load()
    copies = np.asarray(dataset.reference(data, KEY, 300).x)
    evaluator = Evaluator(metrics, Reference(dataset, data, HostArrays(dataset, {"fake": copies}), True), 300)
    evaluator.floors = evaluator.floors_from([])
    assert evaluator(Readings({"fake": copies}, {}))["memorization/share"] == 1
    noise = np.asarray(jax.random.uniform(KEY, (300, 28, 28, 1), minval=-1, maxval=1))
    scores = evaluator(Readings({"fake": noise}, {}))
    assert scores["memorization/share"] == 0
    assert scores["memorization/share/floor"] < 0.1
    assert scores["parzen/log_likelihood"] < scores["parzen/log_likelihood/floor"]
    assert 0.1 <= scores["parzen/sigma"] <= 1
    assert scores["parzen/standard_error"] > 0


@pytest.mark.slow  # A whole run on another data set: five programs to compile.
def test_clothes_have_no_digit_scores(gray_cache, tmp_path):
    words = [word for word in SMALL if not word.startswith("dataset")]
    assert ganexp(*words, "dataset=fashion_mnist", "dataset.examples=300", "steps=2", f"out={tmp_path / 'run'}") == 0
    final = json.loads((tmp_path / "run" / "run.json").read_text())["final"]
    assert not any(tag.startswith(("mnist", "classes")) for tag in final)
    assert {"sliced_wasserstein", "memorization/share", "parzen/log_likelihood"} <= final.keys()


@pytest.mark.slow  # A whole run on another data set: five programs to compile.
def test_a_stack_has_a_thousand_modes(gray_cache, tmp_path):
    words = [word for word in SMALL if not word.startswith("dataset")]
    assert ganexp(*words, "dataset=stacked_mnist", "steps=2", f"out={tmp_path / 'run'}") == 0
    final = json.loads((tmp_path / "run" / "run.json").read_text())["final"]
    assert 1 <= final["modes/covered"] <= 1000
    assert 350 < final["modes/covered/floor"] < 430, "of 500 draws from 1,000 modes 394 are different"
    assert not any(tag.startswith(("memorization", "parzen")) for tag in final)


def test_channels_are_read_one_by_one(gray_cache):
    dataset = StackedMnist()
    x = dataset.reference(dataset.load(), KEY, 5).x
    reading = classified(dataset, x)
    assert reading.probabilities.shape == (5, 3, 10)
    for channel in range(3):
        alone = classified(dataset, x[..., channel : channel + 1])
        np.testing.assert_allclose(reading.probabilities[:, channel], alone.probabilities[:, 0], rtol=1e-4, atol=1e-6)
        features = reading.features.reshape(5, 3, -1)[:, channel]
        np.testing.assert_allclose(features, alone.features, rtol=1e-4, atol=1e-4)


def test_the_accuracy_over_the_whole_set_is_that_of_a_loop():
    experiment = load([*(word for word in SMALL if "examples" not in word), "dataset.examples=450"])[1].experiment
    data, state = experiment.dataset.load(), init(arrays(experiment))
    found = np.asarray(minibatch_accuracy(experiment, data, state))
    assert found.shape == (2,), "two whole minibatches of 200"
    net, player = experiment.networks()[DISCRIMINATOR], state.players[DISCRIMINATOR]
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(0), 2), 2)
    for number, accuracy in enumerate(found):
        real = (np.asarray(data.train[200 * number : 200 * (number + 1)]) > 127)[..., None].astype(np.float32)
        noise = experiment.prior.sample(jax.random.fold_in(key, number), 200)
        generator = state.players[GENERATOR]
        fake = experiment.networks()[GENERATOR].apply(generator.params, generator.stats, Batch(noise), key, False)[0]
        logits = [
            np.asarray(net.apply(player.params, player.stats, Batch(x), key, False)[0])
            for x in (jnp.asarray(real), fake)
        ]
        assert accuracy == pytest.approx(((logits[0] >= 0).mean() + (logits[1] < 0).mean()) / 2)


def test_a_quiz_is_reproducible_and_of_the_run_s_newest_checkpoint(small_run, capsys):
    for _ in range(2):
        assert ganexp("quiz", str(small_run), "seed=4") == 0
        assert "quiz_4.html" in capsys.readouterr().out
        files = {path.name: path.read_bytes() for path in (small_run / "quiz").iterdir()}
        assert sorted(files) == ["quiz_4.html", "quiz_4.png", "quiz_4_answers.png"]
    assert ganexp("quiz", str(small_run), "seed=4") == 0
    assert {path.name: path.read_bytes() for path in (small_run / "quiz").iterdir()} == files
    assert b"step 12" in files["quiz_4.html"]
    assert ganexp("quiz", str(small_run), "seed=5") == 0
    assert (small_run / "quiz" / "quiz_5.png").read_bytes() != files["quiz_4.png"]


def test_a_quiz_that_cannot_be_is_refused(small_run, tmp_path, capsys):
    assert ganexp("debug=smoke", f"out={tmp_path / 'ring'}") == 0
    for words, what in (
        ((), "quiz needs the folder of a run"),
        ((str(tmp_path),), "is not the folder of a run"),
        ((str(tmp_path / "ring"),), "a quiz needs images"),
        ((str(small_run), "seed=-1"), "out of range"),
        ((str(small_run), "speed=1"), "quiz takes one setting"),
    ):
        assert ganexp("quiz", *words) == 2
        assert what in capsys.readouterr().err
