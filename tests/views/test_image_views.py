"""Tests of the pictures of images: every image at its place, pixel by pixel, and a steady frame."""

import subprocess
import sys

import numpy as np
import pytest

from ganexp.records.pictures import png_bytes
from ganexp.views import canvas
from ganexp.views.render_images import APART, GAP, NUMBERS_HEIGHT, NUMBERS_WIDTH, SCALE, grid, interpolation, strip
from ganexp.views.sheet import HEADER, MARGIN, shades

SIDE = 28 * SCALE
PAPER, INK = 244, 20
GREEN, PURPLE, ORANGE = (0, 136, 55), (123, 50, 148), (220, 80, 20)


def noise(*shape, channels=1):
    return np.random.default_rng(0).random((*shape, 28, 28, channels), np.float32)


def rings(*shape):
    """Soft rings of different sizes: as smooth and as empty as digits are."""
    rng = np.random.default_rng(0)
    y, x, radius = (rng.uniform(*ends, (*shape, 1, 1)) for ends in ((11, 17), (11, 17), (3, 9)))
    distance = np.abs(np.hypot(np.arange(28)[:, None] - y, np.arange(28) - x) - radius)
    return np.clip(2 - distance, 0, 1)[..., None]


def cell(picture, row, column, left=0, top=0):
    """The pixels of a cell, of a block that starts at (left, top) below the title."""
    y, x = HEADER + top + row * (SIDE + GAP), MARGIN + left + column * (SIDE + GAP)
    return picture[y : y + SIDE, x : x + SIDE]


def expected(image):
    """Ink on paper in sixteen shades, each pixel twice as large."""
    gray = np.round(PAPER + (INK - PAPER) * np.floor(image[..., 0] * 15 + 0.5) / 15)
    return np.kron(gray, np.ones((2, 2)))[..., None].repeat(3, -1)


def test_every_image_of_a_grid_is_at_its_place_pixel_by_pixel():
    images = noise(12)
    picture = grid(images, 4, "step 0")
    assert picture.dtype == np.uint8
    assert picture.shape == (HEADER + 3 * SIDE + 2 * GAP + MARGIN, 2 * MARGIN + 4 * SIDE + 3 * GAP, 3)
    for place, image in enumerate(images):
        np.testing.assert_allclose(cell(picture, *divmod(place, 4)), expected(image), atol=1)
    np.testing.assert_array_equal(picture[HEADER:, MARGIN + SIDE : MARGIN + SIDE + GAP], 255)


def test_the_places_of_a_last_row_that_is_not_full_stay_white():
    picture = grid(noise(6), 4, "")
    assert cell(picture, 1, 1).min() < 255
    np.testing.assert_array_equal(cell(picture, 1, 2), 255)
    np.testing.assert_array_equal(cell(picture, 1, 3), 255)


def test_the_nearest_training_images_stand_apart_beside_their_rows_in_green_frames():
    images, nearest = noise(8), rings(2)
    picture = grid(images, 4, "step 0", nearest)
    left = 4 * SIDE + 3 * GAP + APART
    for row in range(2):
        np.testing.assert_allclose(cell(picture, row, 3), expected(images[4 * row + 3]), atol=1)
        np.testing.assert_allclose(cell(picture, row, 0, left), expected(nearest[row]), atol=1)
        y = HEADER + row * (SIDE + GAP)
        np.testing.assert_array_equal(picture[y : y + SIDE, MARGIN + left - GAP : MARGIN + left] - GREEN, 0)
    np.testing.assert_array_equal(picture[HEADER:, MARGIN + left - APART : MARGIN + left - GAP], 255)
    with pytest.raises(ValueError, match="8 images in rows of 4 need 2 nearest images, not 1"):
        grid(images, 4, "", nearest[:1])


@pytest.mark.parametrize("channel", range(3))
def test_three_channels_are_red_green_and_blue_light(channel):
    image = np.zeros((1, 28, 28, 3))
    image[..., channel] = 1
    shown = cell(grid(image, 1, ""), 0, 0)
    assert (shown[..., channel] == 255).all()
    assert shown.sum() == 255 * SIDE * SIDE


def test_an_image_has_one_or_three_channels():
    with pytest.raises(ValueError, match="images have 2 channels"):
        grid(noise(4, channels=2), 2, "")


def test_intensities_outside_are_clipped_and_noted():
    image = rings(1)
    stretched = np.where(image == 1, 7.0, np.where(image == 0, -0.5, image))
    shown, note = shades(stretched)
    np.testing.assert_array_equal(shown, shades(image)[0])
    share = np.mean((image == 1) | (image == 0))
    assert note == f"{canvas.percent(float(share))} outside [0, 1]"
    clipped, plain = grid(stretched, 1, "step 1"), grid(image, 1, "step 1")
    np.testing.assert_array_equal(clipped[HEADER:], plain[HEADER:])
    assert (clipped[:HEADER] != plain[:HEADER]).any()


def test_rounding_beyond_the_ends_is_not_noted():
    assert shades(np.array([1 + 1e-6, -1e-6]).reshape(1, 1, 2, 1))[1] == ""


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_intensities_that_are_not_finite_are_orange_and_counted(value, channels):
    images = noise(2, channels=channels)
    before = shades(images)[0]
    images[1, 3, 5:8, 0] = value
    shown, note = shades(images)
    assert note == "3 not finite"
    assert (shown[1, 3, 5:8] == ORANGE).all()
    shown[1, 3, 5:8] = before[1, 3, 5:8]
    np.testing.assert_array_equal(shown, np.broadcast_to(before, shown.shape))


def test_a_strip_grows_downwards_and_leaves_earlier_rows_where_they_are():
    images, epochs = noise(4, 15), np.array([1, 2, 3, 1000])
    early, late = strip(images[:2], epochs[:2], "epoch"), strip(images, epochs, "epoch")
    assert early.shape[1] == late.shape[1]
    assert late.shape[0] - early.shape[0] == 2 * (SIDE + GAP)
    np.testing.assert_array_equal(early[:-MARGIN], late[: len(early) - MARGIN])
    for row, column in ((0, 0), (1, 14), (3, 7)):
        shown = cell(late, row, column, NUMBERS_WIDTH, NUMBERS_HEIGHT)
        np.testing.assert_allclose(shown, expected(images[row, column]), atol=1)


def test_a_row_of_a_strip_is_numbered_at_its_left():
    images = rings(2, 15)
    one, other = strip(images, np.array([1, 2]), ""), strip(images, np.array([1, 3]), "")
    rows, columns = np.nonzero((one != other).any(-1))
    second = HEADER + NUMBERS_HEIGHT + SIDE + GAP
    assert second < rows.min() < rows.max() < second + SIDE
    assert columns.max() < MARGIN + NUMBERS_WIDTH


def test_a_long_strip_is_a_small_file():
    assert len(png_bytes(strip(rings(40, 15), np.arange(40) * 100, "step 12,000"))) < 300_000


def test_an_interpolation_goes_from_one_framed_end_to_the_other():
    images = rings(3, 6)
    picture = interpolation(images, "step 0")
    between = GAP + SIDE + APART
    right = between + 4 * SIDE + 3 * GAP + APART
    for row in range(3):
        for left, step in ((GAP, 0), (right, 5)):
            np.testing.assert_allclose(cell(picture, row, 0, left), expected(images[row, step]), atol=1)
            x, y = MARGIN + left, HEADER + row * (SIDE + GAP)
            for edge in (slice(x - GAP, x), slice(x + SIDE, x + SIDE + GAP)):
                np.testing.assert_array_equal(picture[y : y + SIDE, edge] - PURPLE, 0)
        np.testing.assert_allclose(cell(picture, row, 2, between), expected(images[row, 3]), atol=1)


def test_an_interpolation_may_have_nothing_between_its_ends():
    images = rings(1, 2)
    picture = interpolation(images, "")
    np.testing.assert_allclose(cell(picture, 0, 0, GAP + SIDE + APART), expected(images[0, 1]), atol=1)


DRAWN = [
    pytest.param(lambda images, title: grid(images.reshape(-1, 28, 28, 1), 4, title, images[:, -1]), id="grid"),
    pytest.param(lambda images, title: strip(images, np.arange(3), title), id="strip"),
    pytest.param(interpolation, id="interpolation"),
]


@pytest.mark.parametrize("draw", DRAWN)
def test_a_title_of_any_length_neither_moves_nor_covers_the_images(draw):
    images = noise(3, 4)
    short, long = draw(images, "step 1"), draw(images, "a run with a name\nthat goes on and on " * 9)
    np.testing.assert_array_equal(short[HEADER:], long[HEADER:])
    assert (short[:HEADER] != long[:HEADER]).any()
    np.testing.assert_array_equal(long[:HEADER, -4:], 255)


@pytest.mark.parametrize("draw", DRAWN)
def test_a_picture_does_not_change_the_images_and_nothing_to_draw_is_no_error(draw):
    images = noise(3, 4) * 2
    kept = images.copy()
    draw(images, "")
    np.testing.assert_array_equal(images, kept)
    grid(noise(0), 4, "")
    strip(noise(0, 15), np.zeros(0, int), "")
    interpolation(noise(0, 4), "")


def test_pictures_of_images_import_matplotlib_when_drawn_and_never_pyplot():
    code = """
import sys, numpy
from ganexp.views import quiz, render_classes, render_curves, render_images
assert "matplotlib" not in sys.modules
render_images.grid(numpy.zeros((4, 28, 28, 1)), 2, "")
assert "matplotlib.figure" not in sys.modules
render_curves.AccuracyPicture().draw(numpy.ones(3), "")
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
