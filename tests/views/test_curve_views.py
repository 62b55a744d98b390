"""Tests of the pictures of losses, accuracies and classes: each number at its height, and the notes on what is not shown."""

import numpy as np
import pytest

from ganexp.views import canvas
from ganexp.views.render_charts import ModesPicture
from ganexp.views.render_classes import ClassesPicture
from ganexp.views.render_curves import AccuracyPicture, LossesPicture, envelope

EQUILIBRIUM = (2 * np.log(2), np.log(2))


@pytest.mark.parametrize("count", [400, 403, 1999])
def test_an_envelope_holds_every_number(count):
    values = np.random.default_rng(0).normal(size=count)
    low, mean, high = envelope(np.arange(float(count)), values, 200)[1:]
    assert len(low) == 200
    assert (low <= mean).all()
    assert (mean <= high).all()
    assert (low.min(), high.max()) == (values.min(), values.max())


def test_an_envelope_is_of_neighbors():
    values = np.random.default_rng(0).normal(size=(50, 7))
    place, low, mean, high = envelope(np.arange(350.0), values.ravel(), 50)
    np.testing.assert_allclose(place, np.arange(50) * 7 + 3.0)
    for mine, theirs in ((low, values.min(1)), (mean, values.mean(1)), (high, values.max(1))):
        np.testing.assert_allclose(mine, theirs)


def test_few_numbers_are_their_own_envelope_without_those_not_finite():
    place, *numbers = envelope(np.arange(4.0), np.array([3.0, np.nan, 1.0, np.inf]), 10)
    np.testing.assert_array_equal(place, [0, 2])
    np.testing.assert_array_equal(numbers, [[3, 1]] * 3)


def blue(picture):
    part = picture.astype(int)
    return (part[..., 2] - part[..., 0] > 100) & (part[..., 1] > part[..., 0])


def purple(picture):
    part = picture.astype(int)
    return (np.minimum(part[..., 0], part[..., 2]) - part[..., 1] > 40) & ~blue(picture)


def middle_height(mask):
    """The mean row of what is marked inside of the axes."""
    return np.nonzero(mask[40:390, 60:450])[0].mean()


def draw_losses(picture, x):
    steps = np.arange(1, 1001)
    return picture.draw(steps, np.sin(steps / 50) * x + 1, np.cos(steps / 50) + x, f"step {x}")


def draw_accuracy(picture, x):
    return picture.draw(np.linspace(0, x, 300), f"step {x}")


def draw_classes(picture, x):
    return picture.draw(np.array([x, 1 - x, *[0.0] * 8]), f"step {x}")


CHARTS = [
    pytest.param(lambda: LossesPicture(EQUILIBRIUM), draw_losses, id="losses"),
    pytest.param(AccuracyPicture, draw_accuracy, id="accuracy"),
    pytest.param(lambda: ClassesPicture(np.full(10, 0.1)), draw_classes, id="classes"),
]


@pytest.mark.parametrize(("make", "draw"), CHARTS)
def test_a_frame_depends_on_its_input_alone(make, draw):
    picture = make()
    first = draw(picture, 1.0)
    kept = first.copy()
    other, again = draw(picture, 0.25), draw(picture, 1.0)
    assert first.shape == other.shape == (canvas.HEIGHT, canvas.WIDTH, 3)
    assert (first != other).any()
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, draw(make(), 1.0))


def test_the_discriminators_loss_is_blue_and_the_generators_purple_at_their_heights():
    steps = np.arange(100)
    for low_is_generator in (True, False):
        low, high = np.full(100, 0.2), np.full(100, 0.9)
        losses = (high, low) if low_is_generator else (low, high)
        picture = LossesPicture().draw(steps, *losses, "")
        assert (middle_height(purple(picture)) > middle_height(blue(picture))) == low_is_generator


def test_the_equilibrium_is_in_the_frame_even_without_losses(frames):
    nothing = np.full(10, np.nan)
    picture = LossesPicture(EQUILIBRIUM).draw(np.arange(10), nothing, nothing, "")
    assert middle_height(purple(picture)) > middle_height(blue(picture)) + 100
    assert frames == [("", "20 not finite")]


def test_a_loss_that_explodes_for_a_moment_does_not_flatten_the_others(frames):
    steps = np.arange(10_000)
    calm = 1 + 0.1 * np.sin(steps / 100)
    burst = calm.copy()
    burst[5_000:5_005] = 1e9
    picture = LossesPicture().draw(steps, burst, calm, "")
    assert np.ptp(np.nonzero(purple(picture)[40:390, 60:450])[0]) > 20
    assert frames == [("", "<1 % outside")]


def test_the_accuracy_is_drawn_at_its_height_and_its_mean_is_in_the_title(frames):
    picture = AccuracyPicture()
    halves = np.repeat([0.1, -0.1], 150)
    high, low = picture.draw(0.9 + halves, "step 7"), picture.draw(0.2 + halves, "")
    top, height = canvas.HEIGHT - 46 - 360, 360
    for image, share in ((high, 0.9), (low, 0.2)):
        blues = np.nonzero(blue(image)[:, 60:450])[0]
        np.testing.assert_allclose((blues.min() + blues.max()) / 2, top + height * (1.02 - share) / 1.04, atol=2)
    picture.draw(np.array([0.5, 0.75, np.nan]), "step 9")
    picture.draw(np.zeros(0), "step 9")
    assert frames == [
        ("step 7: mean 0.900", ""),
        ("mean 0.200", ""),
        ("step 9: mean 0.625", "1 not finite"),
        ("step 9", ""),
    ]


def test_nothing_and_one_loss_are_no_error():
    picture = LossesPicture()
    for count in (0, 1):
        picture.draw(np.arange(count), np.ones(count), np.ones(count), "")


def test_classes_are_drawn_as_modes_are_with_a_name_for_each_digit():
    weights, shares = np.full(10, 0.1), np.linspace(0, 0.2, 10)
    classes, modes = ClassesPicture(weights).draw(shares, "step 1"), ModesPicture(weights).draw(shares, "step 1")
    inside = slice(40, 390), slice(62, 450)
    np.testing.assert_array_equal(classes[inside], modes[inside])
    labels = classes[396:408, 60:453].min((0, 2)) < 160
    assert (np.diff(labels.astype(int)) == 1).sum() >= 10


@pytest.fixture
def frames(monkeypatch):
    """The title and the note of every frame drawn in the test, in order."""
    drawn = []
    frame = canvas.Canvas.frame

    def remember(self, moving, title, notes=()):
        notes = list(notes)
        drawn.append((title, ", ".join(filter(None, notes))))
        return frame(self, moving, title, notes)

    monkeypatch.setattr(canvas.Canvas, "frame", remember)
    return drawn
