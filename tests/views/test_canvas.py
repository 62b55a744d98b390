"""Tests of the pictures: what a student must be able to read off them, and that a film of them does not jump."""

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from ganexp.views import canvas
from ganexp.views.render_charts import LinePicture, ModesPicture
from ganexp.views.render_phase import PhasePicture
from ganexp.views.render_scatter import FeaturesPicture, SamplesPicture

SQUARE = ((-3.0, 3.0), (-3.0, 3.0))
NONE = np.zeros((0, 2))
GRID = np.linspace(-4, 4, 50)
FIELD = np.ones((8, 8))


def cloud(x, y, count=200, spread=0.15):
    return np.random.default_rng(0).normal((x, y), spread, (count, 2))


def inside(image, left, right, bottom, top):
    """The part of a square samples picture between two shares of the plot's width and two of its height."""
    x0, y0, width, height = canvas.PLOT
    rows = slice(int(canvas.HEIGHT - y0 - top * height), int(canvas.HEIGHT - y0 - bottom * height))
    return image[rows, int(x0 + left * width) : int(x0 + right * width)].astype(int)


def green(part):
    return int((part[..., 1] - np.maximum(part[..., 0], part[..., 2]) > 25).sum())


def purple(part):
    return int((np.minimum(part[..., 0], part[..., 2]) - part[..., 1] > 25).sum())


def draw_samples(picture, x):
    return picture.draw(cloud(x, 0), cloud(-x, 0), np.full((10, 10), 0.7), f"step {x}")


def draw_features(picture, x):
    return picture.draw(cloud(x, 0), cloud(-x, 0), f"step {x}")


def draw_modes(picture, x):
    return picture.draw(np.array([x, 1 - x, 0, 0]), f"step {x}")


def draw_phase(picture, x):
    return picture.draw(FIELD * x, -FIELD, x, -x, cloud(x, x), f"step {x}")


def draw_line(picture, x):
    real = np.random.default_rng(0).normal(0, 1, 500)
    return picture.draw(real, real + x, GRID, 1 / (1 + np.exp(-x * GRID)), f"step {x}")


PICTURES = [
    pytest.param(lambda: SamplesPicture(SQUARE), draw_samples, id="samples"),
    pytest.param(FeaturesPicture, draw_features, id="features"),
    pytest.param(lambda: ModesPicture(np.full(4, 0.25)), draw_modes, id="modes"),
    pytest.param(lambda: PhasePicture(2.0), draw_phase, id="phase"),
    pytest.param(lambda: LinePicture((-4.0, 4.0)), draw_line, id="line"),
]


@pytest.mark.parametrize(("make", "draw"), PICTURES)
def test_a_frame_depends_on_its_input_alone(make, draw):
    picture = make()
    first, other, again = draw(picture, 1.0), draw(picture, 0.25), draw(picture, 1.0)
    assert first.shape == other.shape == (canvas.HEIGHT, canvas.WIDTH, 3)
    assert first.dtype == other.dtype == np.uint8
    assert (first != other).any()
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, draw(make(), 1.0))


@pytest.mark.parametrize(("make", "draw"), PICTURES)
def test_a_returned_frame_is_not_overwritten_by_the_next(make, draw):
    picture = make()
    first = draw(picture, 1.0)
    kept = first.copy()
    draw(picture, 0.25)
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize("extent", [SQUARE, ((-50.0, 50.0), (10.0, 2510.0)), ((0.0, 2.0), (0.0, 1.0))])
def test_far_away_points_do_not_move_the_frame(extent):
    picture = SamplesPicture(extent)
    real = np.transpose([np.linspace(*side, 50) for side in extent])
    before = picture.draw(real, NONE, None, "step 0")
    picture.draw(real, real * 1000 + 1e6, None, "step 1")
    np.testing.assert_array_equal(before, picture.draw(real, NONE, None, "step 0"))


def test_real_points_are_green_and_generated_ones_purple_where_they_lie():
    image = SamplesPicture(SQUARE).draw(cloud(-2, -2), cloud(2, 2), None, "")
    low_left, high_right = inside(image, 0, 0.5, 0, 0.5), inside(image, 0.5, 1, 0.5, 1)
    assert green(low_left) > 100
    assert purple(low_left) == 0
    assert purple(high_right) > 100
    assert green(high_right) == 0


def test_the_heat_map_has_row_zero_at_the_bottom_and_column_zero_at_the_left():
    picture = SamplesPicture(SQUARE)
    top = picture.draw(NONE, NONE, np.linspace(0, 1, 12)[:, None].repeat(12, 1), "")
    assert green(inside(top, 0.1, 0.9, 0.85, 0.95)) > 5000
    assert purple(inside(top, 0.1, 0.9, 0.05, 0.15)) > 5000
    right = picture.draw(NONE, NONE, np.linspace(0, 1, 12)[None].repeat(12, 0), "")
    assert green(inside(right, 0.85, 0.95, 0.1, 0.9)) > 5000
    assert purple(inside(right, 0.05, 0.15, 0.1, 0.9)) > 5000


def test_an_undecided_discriminator_is_white_and_no_discriminator_has_no_scale_bar():
    picture = SamplesPicture(SQUARE)
    undecided = picture.draw(NONE, NONE, np.full((5, 5), 0.5), "")
    assert inside(undecided, 0.1, 0.9, 0.1, 0.9).min() > 240
    absent = picture.draw(NONE, NONE, None, "")
    right_of_the_plot = slice(int(canvas.PLOT[0] + canvas.PLOT[2]) + 8, None)
    assert green(undecided[:380, right_of_the_plot].astype(int)) > 500
    assert absent[:380, right_of_the_plot].min() == 255


def test_cells_where_the_discriminator_is_not_finite_are_gray():
    heat = np.full((5, 5), 0.5)
    heat[:, :2] = np.nan
    part = inside(SamplesPicture(SQUARE).draw(NONE, NONE, heat, ""), 0.05, 0.2, 0.1, 0.8)
    assert part.max() < 230
    assert np.ptp(part, axis=-1).max() == 0


def test_outside_points_are_drawn_on_the_edge_and_counted(notes):
    image = SamplesPicture(SQUARE).draw(NONE, np.array([[99.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]), None, "")
    assert purple(inside(image, 0.985, 1.0, 0.45, 0.55)) > 3
    assert notes == ["25 % outside"]


def test_points_that_are_not_finite_are_left_out_and_counted(notes):
    bad = cloud(1, 1)
    bad[:3] = [[np.nan, 0], [0, np.inf], [-np.inf, np.nan]]
    image = SamplesPicture(SQUARE).draw(bad, bad, None, "")
    np.testing.assert_array_equal(inside(image, 0.02, 0.4, 0.02, 0.98), 255)
    FeaturesPicture().draw(bad, np.full((4, 2), np.nan), "")
    ModesPicture(np.full(2, 0.5)).draw(np.array([np.nan, 0.5]), "")
    PhasePicture(1.0).draw(FIELD * np.nan, FIELD, np.nan, 0.0, bad, "")
    LinePicture((0.0, 2.0)).draw(bad[:, 0], bad[:, 0], GRID, GRID * np.nan, "")
    assert notes[0] == "6 not finite"
    assert [note.split(", ")[-1] for note in notes[1:]] == [f"{count} not finite" for count in (7, 1, 4, 4)]


def test_nothing_to_draw_is_no_error():
    SamplesPicture(SQUARE).draw(NONE, NONE, None, "")
    FeaturesPicture().draw(NONE, NONE, "")
    PhasePicture(1.0).draw(FIELD * 0, FIELD * 0, 0.0, 0.0, NONE, "")
    LinePicture((0.0, 1.0)).draw(NONE[:, 0], NONE[:, 0], GRID, GRID, "")


def test_a_busy_picture_is_a_small_file():
    file = io.BytesIO()
    heat = 1 / (1 + np.exp(-np.add.outer(np.linspace(-3, 3, 30), np.linspace(-3, 3, 30))))
    image = SamplesPicture(SQUARE).draw(cloud(0, 1, 500, 1.0), cloud(1, -1, 500, 1.0), heat, "step 1,000")
    Image.fromarray(image).save(file, "png", optimize=True)
    assert len(file.getvalue()) < 60_000


def test_a_title_is_not_parsed_as_mathematics():
    SamplesPicture(SQUARE).draw(NONE, NONE, None, r"run $\nosuchcommand$")


def test_features_stay_readable_with_an_outlier_and_when_they_collapse():
    real, fake = cloud(0, 0), cloud(1, 1)
    fake[0] = 1e4
    image = FeaturesPicture().draw(real, fake, "").astype(int)
    assert min(green(image), purple(image)) > 1000
    collapsed = FeaturesPicture().draw(np.zeros((5, 2)), np.zeros((5, 2)), "").astype(int)
    assert purple(collapsed) > 50


def test_a_mode_bar_ends_where_its_share_says_and_a_cut_one_is_noted(notes):
    picture = ModesPicture(np.full(4, 0.25))
    half, quarter = (purple(picture.draw(np.array([share, 0, 0, 0]), "").astype(int)) for share in (0.5, 0.25))
    assert half > 1.7 * quarter
    picture.draw(np.array([0.9, 0.1, 0, 0]), "")
    assert notes == ["", "", "highest bar 90 %"]


def test_the_line_picture_keeps_its_height_while_the_real_points_stay():
    rng = np.random.default_rng(0)
    picture, heat, real = LinePicture((-4.0, 4.0)), np.full(50, 0.5), rng.normal(-2, 0.5, 500)
    first = picture.draw(real, rng.normal(3, 0.2, 500), GRID, heat, "")
    second = picture.draw(real, rng.normal(3, 0.05, 500), GRID, heat, "")
    assert (first != second).any()
    np.testing.assert_array_equal(inside(first, 0.02, 0.5, 0.02, 0.98), inside(second, 0.02, 0.5, 0.02, 0.98))


def test_arrows_point_where_the_players_move_and_stand_on_the_grid():
    field = np.zeros((5, 5))
    field[3, 1] = 1.0
    nothing = np.zeros((5, 5))
    picture = PhasePicture(1.0)
    without, to_the_right, upwards = (
        picture.draw(*fields, 0.0, 0.0, NONE, "") for fields in ((nothing, nothing), (field, nothing), (nothing, field))
    )
    for image, long_axis in ((to_the_right, 1), (upwards, 0)):
        changed = np.nonzero((image != without).any(-1))
        sizes = [np.ptp(axis) for axis in changed]
        assert sizes[long_axis] > 2 * sizes[1 - long_axis]
        # Row 3 of 5 is psi = 0.5 and column 1 is theta = -0.5: a quarter of the square plot from the top and the left.
        corner = np.array([canvas.HEIGHT - canvas.PLOT[1] - canvas.PLOT[3], canvas.PLOT[0] + 6])
        middle = [(axis.min() + axis.max()) / 2 for axis in changed]
        np.testing.assert_allclose(middle - corner, (canvas.PLOT[3] - 10) / 4, atol=3)


def test_the_phase_plane_has_theta_to_the_right_and_psi_up():
    still = np.zeros((4, 4))
    image = PhasePicture(1.0).draw(still, still, 0.7, 0.7, np.zeros((0, 2)), "").astype(int)
    orange = image[50:, :, 0] - image[50:, :, 2] > 150
    rows, columns = np.nonzero(orange)
    assert rows.mean() + 50 < canvas.HEIGHT / 3
    assert columns.mean() > canvas.WIDTH / 2


@pytest.mark.parametrize(
    ("share", "text"), [(0.0, "0 %"), (0.001, "<1 %"), (0.07, "7 %"), (0.999, ">99 %"), (1.0, "100 %")]
)
def test_shares_are_not_rounded_to_none_or_all(share, text):
    assert canvas.percent(share) == text


def test_a_run_without_pictures_does_not_import_matplotlib_and_one_with_them_not_pyplot():
    code = """
import sys, numpy
from ganexp.views import canvas, render_charts, render_phase, render_scatter
assert "matplotlib" not in sys.modules
render_charts.ModesPicture(numpy.full(2, 0.5)).draw(numpy.full(2, 0.5), "")
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture
def notes(monkeypatch):
    """The note of every frame drawn in the test, in order."""
    drawn = []
    frame = canvas.Canvas.frame

    def remember(self, moving, title, notes=()):
        notes = list(notes)
        drawn.append(", ".join(filter(None, notes)))
        return frame(self, moving, title, notes)

    monkeypatch.setattr(canvas.Canvas, "frame", remember)
    return drawn
