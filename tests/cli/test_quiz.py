"""Tests of the quiz: what is asked, that the page holds it and nothing from elsewhere, and that playing it scores right."""

import base64
import io
import re

import numpy as np
import pytest
from pages import BROWSER, Page, assert_strict, played
from PIL import Image

from ganexp.views.quiz import Questions, questions, quiz_page, quiz_pictures

NAMES = [f"{row}{column}" for row in "ABCDEF" for column in range(1, 7)]
PURPLE = (123, 50, 148)


def pool(count, offset):
    """Images that say which they are: all of image i is offset + i / 1000."""
    return np.broadcast_to((offset + np.arange(count) / 1000)[:, None, None, None], (count, 28, 28, 1))


REAL, FAKE = pool(100, 0.0), pool(50, 0.5)


def asked(seed=0, channels=1):
    images = np.random.default_rng(seed).random((36, 28, 28, channels)) > 0.5
    return Questions(images.astype(float), np.random.default_rng(seed + 1).random(36) < 1 / 3)


def key(page):
    (found,) = (attributes["data-key"] for _, attributes in Page(page).tags if "data-key" in attributes)
    return found


def pixels(source):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.removeprefix("data:image/png;base64,")))))


def test_cells_come_from_the_pool_their_answer_names_and_none_twice():
    images, truth = questions(0, REAL, FAKE)
    assert images.shape == (36, 28, 28, 1)
    values = images[:, 0, 0, 0]
    np.testing.assert_array_equal(values >= 0.5, truth)
    assert len(set(values)) == 36


def test_the_seed_decides_all():
    first, again, other = (questions(seed, REAL, FAKE) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.images, again.images)
    np.testing.assert_array_equal(first.truth, again.truth)
    assert (first.truth != other.truth).any()


def test_a_cell_is_fake_with_probability_a_third():
    truths = np.stack([questions(seed, REAL, FAKE).truth for seed in range(400)])
    # Four standard errors of 14,400 coins.
    assert abs(truths.mean() - 1 / 3) < 4 * np.sqrt(2 / 9 / truths.size)
    assert np.ptp(truths.sum(1)) > 5
    assert abs(truths.mean(0) - 1 / 3).max() < 5 * np.sqrt(2 / 9 / 400)


def test_a_pool_that_may_run_out_is_refused():
    with pytest.raises(ValueError, match="35 generated images are too few"):
        questions(0, REAL, FAKE[:35])
    with pytest.raises(ValueError, match="0 real images are too few"):
        questions(0, REAL[:0], FAKE)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_page_holds_the_images_in_order(channels):
    question = asked(channels=channels)
    tags = Page(quiz_page(question, "Spot the fake", 0, "a run")).tags
    shown = [pixels(attributes["src"]) for tag, attributes in tags if tag == "img"]
    assert [
        attributes["data-name"] for tag, attributes in tags if tag == "button" and "data-name" in attributes
    ] == NAMES
    # Gray is ink on paper, colors are light on black.
    bright = np.stack(shown) > 128
    np.testing.assert_array_equal(bright, np.broadcast_to((question.images > 0.5) ^ (channels == 1), bright.shape))


def test_the_page_asks_for_nothing_from_elsewhere():
    page = quiz_page(asked(), "Spot the fake", 0, "a run")
    parsed = Page(page)
    addresses = [
        value for _, attributes in parsed.tags for name, value in attributes.items() if name in ("src", "href")
    ]
    assert len(addresses) == 37
    assert all(address.startswith("data:") for address in addresses)
    assert not re.search(r"https?:|url\(|@import|(src|href)=\"//", page)
    assert_strict(parsed)


def test_the_key_is_the_truth_and_the_only_thing_that_tells_it():
    question = asked()
    opposite = question._replace(truth=~question.truth)
    page, other = (quiz_page(each, "Spot the fake", 0, "a run") for each in (question, opposite))
    bits = np.unpackbits(np.frombuffer(base64.b64decode(key(page)), np.uint8))[:36]
    np.testing.assert_array_equal(bits, question.truth)
    assert page.replace(key(page), "") == other.replace(key(other), "")
    assert "".join(bits.astype(str)) not in page


def test_titles_and_runs_are_text_and_not_markup_or_slots():
    page = quiz_page(asked(), "<b>{{key}}</b>", 5, 'a "run" & </script>')
    parsed = Page(page)
    assert not any(tag == "b" for tag, _ in parsed.tags)
    assert parsed.words.count("<b>{{key}}</b>") == 2
    assert any('a "run" & </script>, quiz 5.' in words for words in parsed.words)
    assert len(re.findall(r"</script>", page)) == 1


def test_the_question_shows_no_answer_and_the_answer_frames_and_crosses_the_fakes():
    question = asked()
    question = question._replace(images=question.images * 0)
    grid, answers = quiz_pictures(question, "Spot the fake")
    opposite, opposite_answers = quiz_pictures(question._replace(truth=~question.truth), "Spot the fake")
    np.testing.assert_array_equal(grid, opposite)
    assert grid.shape == answers.shape == opposite_answers.shape
    paper = (grid == 244).all(-1)
    paper[:45] = paper[:, :25] = False
    rows, columns = (np.flatnonzero(paper.any(axis)) for axis in (1, 0))
    # Runs of paper are the cells' rows and columns.
    tops, lefts = (places[np.flatnonzero(np.diff(places, prepend=-9) > 1)] for places in (rows, columns))
    assert len(tops) == len(lefts) == 6
    for cell, fake in enumerate(question.truth):
        top, left = tops[cell // 6], lefts[cell % 6]
        around = answers[top + 30 : top + 40, left - 3 : left]
        assert (around == PURPLE).all() == fake
        corner = answers[top - 3 : top + 10, left + 74 : left + 88].reshape(-1, 3)
        assert ((corner == 255).all(-1).any() and (corner == PURPLE).all(-1).sum() > 60) == fake


@pytest.mark.skipif(BROWSER is None, reason="playing the quiz takes Chromium")
def test_playing_scores_hits_misses_and_false_alarms_and_again_clears(tmp_path):
    question = asked()
    fakes, reals = np.flatnonzero(question.truth).tolist(), np.flatnonzero(~question.truth).tolist()
    marked = [*fakes[:3], *reals[:2]]
    script = """
      const cells = [...document.querySelectorAll(".cell")];
      const text = (name) => document.getElementById(name).textContent;
      const press = (name) => cells[0].dispatchEvent(new KeyboardEvent("keydown", {key: name, cancelable: true}));
      cells[0].focus();
      press("ArrowRight"); said.right = document.activeElement.dataset.name;
      press("ArrowDown"); said.down = document.activeElement.dataset.name;
      MARKED.forEach((place) => cells[place].click());
      cells[MARKED[0]].click(); cells[MARKED[0]].click();
      document.getElementById("show").click();
      for (const name of ["score", "sum", "hit", "missed", "alarm"]) said[name] = text(name);
      said.labels = cells.map((cell) => cell.getAttribute("aria-label"));
      document.getElementById("again").click();
      said.cleared = [text("score"), cells.filter((cell) => cell.getAttribute("aria-pressed") === "true").length];
    """.replace("MARKED", str(marked))
    said = played(quiz_page(question, "Spot the fake", 0, "a run"), script, tmp_path)
    assert (said["right"], said["down"]) == ("A2", "B1")
    assert said["score"] == f"3 of {len(fakes)} fakes found, {len(fakes) - 3} missed, 2 false alarms"
    correct = 3 + len(reals) - 2
    assert said["sum"] == f"{correct} of 36 images judged correctly. Marking none would have given {len(reals)}."
    for kind, places in (("hit", fakes[:3]), ("missed", fakes[3:]), ("alarm", reals[:2])):
        assert said[kind].split(": ")[1] == ", ".join(NAMES[place] for place in places)
    assert [": fake" in label.replace(", fake", ": fake") for label in said["labels"]] == question.truth.tolist()
    assert said["cleared"] == ["", 0]
