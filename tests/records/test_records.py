"""The records of a run, read back as others read them: TensorBoard's own reader, Python's csv, json and Pillow."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from recorded import record
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator as PluginEventAccumulator
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout
from tensorboard.plugins.hparams import metadata as hparams_metadata
from tensorboard.plugins.hparams import summary_v2 as hparams
from tensorboard.util.tensor_util import make_ndarray

from ganexp.records import events
from ganexp.records.events import EventFile
from ganexp.records.pictures import png_bytes, write_png
from ganexp.records.table import TABLE_NAME, read_table


def read_events(folder: Path) -> EventAccumulator:
    everything = dict.fromkeys(["scalars", "images", "histograms", "tensors"], 0)
    accumulator = EventAccumulator(str(folder), size_guidance=everything)
    accumulator.Reload()
    return accumulator


def scalar_events(folder: Path, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in read_events(folder).Scalars(tag)]


def only_tensor(folder: Path, tag: str) -> np.ndarray:
    (event,) = read_events(folder).Tensors(tag)
    return make_ndarray(event.tensor_proto)


@pytest.fixture
def event_file(tmp_path):
    file = EventFile(tmp_path, 0)
    yield file
    file.close()


def test_scalars_of_a_step_are_one_event_and_need_not_be_finite(tmp_path, event_file):
    size = (tmp_path / os.listdir(tmp_path)[0]).stat().st_size
    event_file.scalars(7, {"loss/generator": np.float32(0.1), "loss/discriminator": 2, "norm": np.inf, "odd": np.nan})
    accumulator = read_events(tmp_path)
    assert (tmp_path / os.listdir(tmp_path)[0]).stat().st_size < size + 200
    assert accumulator.Tags()["scalars"] == ["loss/generator", "loss/discriminator", "norm", "odd"]
    assert [accumulator.Scalars(tag)[0].step for tag in accumulator.Tags()["scalars"]] == [7] * 4
    values = [accumulator.Scalars(tag)[0].value for tag in accumulator.Tags()["scalars"]]
    np.testing.assert_array_equal(values, [np.float32(0.1), 2, np.inf, np.nan])


def test_an_event_is_on_the_disk_without_a_flush(tmp_path, event_file):
    event_file.scalars(1, {"loss": 1.0})
    assert scalar_events(tmp_path, "loss") == [(1, 1.0)]


def test_adding_to_a_closed_file_is_refused(event_file):
    event_file.close()
    with pytest.raises(ValueError, match="closed file"):
        event_file.scalars(1, {"loss": 1.0})


def test_an_image_comes_back_pixel_by_pixel(tmp_path, event_file):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 9, 3), np.uint8)
    event_file.image(3, "samples", png_bytes(pixels))
    (image,) = read_events(tmp_path).Images("samples")
    assert (image.step, image.width, image.height) == (3, 9, 5)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(image.encoded_image_string))), pixels)


def buckets_in_tensorboard(folder: Path, tag: str) -> np.ndarray:
    """[left edge, right edge, count] of the buckets that TensorBoard draws."""
    accumulator = PluginEventAccumulator(str(folder))
    accumulator.Reload()
    (event,) = accumulator.Tensors(tag)
    return make_ndarray(event.tensor_proto)


def test_a_histogram_counts_every_finite_value_once(tmp_path, event_file):
    values = np.random.default_rng(0).normal(size=(50, 20)).astype(np.float32)
    values[0, :3] = np.nan, np.inf, -np.inf
    event_file.histogram(0, "scores", values)
    finite = values[np.isfinite(values)].astype(np.float64)
    counts, edges = np.histogram(finite, 30)
    histogram = read_events(tmp_path).Histograms("scores")[0].histogram_value
    assert (histogram.num, histogram.min, histogram.max) == (997, finite.min(), finite.max())
    np.testing.assert_array_equal(histogram.bucket, counts)
    np.testing.assert_allclose(histogram.bucket_limit, edges[1:], rtol=1e-12)
    assert abs(histogram.sum / 997 - finite.mean()) < edges[1] - edges[0]
    drawn = buckets_in_tensorboard(tmp_path, "scores")
    np.testing.assert_allclose(drawn, np.stack([edges[:-1], edges[1:], counts], axis=1), rtol=1e-6)


@pytest.mark.parametrize(
    ("values", "count"),
    [([], 0), ([np.nan], 0), ([4.0], 1), ([1e20] * 5, 5), ([1.0, np.nextafter(1.0, 2.0)], 2), ([2, 3, 3], 3)],
    ids=["empty", "not finite", "one", "all equal", "next to each other", "integers"],
)
def test_a_histogram_of_few_distinct_values(tmp_path, event_file, values, count):
    event_file.histogram(0, "scores", np.array(values))
    assert sum(read_events(tmp_path).Histograms("scores")[0].histogram_value.bucket) == count
    drawn = buckets_in_tensorboard(tmp_path, "scores")
    assert drawn[:, 2].sum() == count and np.isfinite(drawn).all() and (drawn[:, 0] <= drawn[:, 1]).all()


def test_bars_are_centered_on_their_index(tmp_path, event_file):
    event_file.bars(2, "modes", np.array([0, 5, 0, 7, 0]))
    histogram = read_events(tmp_path).Histograms("modes")[0].histogram_value
    assert (histogram.min, histogram.bucket_limit, histogram.bucket) == (0.5, [1.5, 2.5, 3.5], [5, 0, 7])
    assert histogram.num == 12 and histogram.sum == 5 * 1 + 7 * 3
    drawn = buckets_in_tensorboard(tmp_path, "modes")
    np.testing.assert_array_equal(drawn, [[0.5, 1.5, 5], [1.5, 2.5, 0], [2.5, 3.5, 7]])


def test_bars_without_any_count_are_no_buckets(tmp_path, event_file):
    event_file.bars(2, "modes", np.zeros(3))
    assert buckets_in_tensorboard(tmp_path, "modes").shape == (0, 3)


def test_a_text_comes_back(tmp_path, event_file):
    event_file.text(0, "config", "**größe**: 3")
    assert only_tensor(tmp_path, "config").item().decode() == "**größe**: 3"
    assert read_events(tmp_path).SummaryMetadata("config").plugin_data.plugin_name == "text"


def test_a_layout_holds_the_charts_of_each_category(tmp_path, event_file):
    event_file.layout({"losses": {"both": ["loss/generator", "loss/discriminator"], "norms": ["norm/.*"]}, "modes": {}})
    layout = Layout.FromString(only_tensor(tmp_path, "custom_scalars__config__").item())
    assert [category.title for category in layout.category] == ["losses", "modes"]
    charts = {chart.title: list(chart.multiline.tag) for chart in layout.category[0].chart}
    assert charts == {"both": ["loss/generator", "loss/discriminator"], "norms": ["norm/.*"]}
    assert read_events(tmp_path).SummaryMetadata("custom_scalars__config__").plugin_data.plugin_name == "custom_scalars"


def test_summaries_of_other_plugins_can_be_added(tmp_path, event_file):
    event_file.add(0, hparams.hparams_pb({"learning_rate": 0.1}, trial_id="group"))
    assert hparams_metadata.SESSION_START_INFO_TAG in read_events(tmp_path).Tags()["tensors"]


@pytest.mark.parametrize("data", [b"", b"a", bytes(range(256)) * 5], ids=len)
def test_the_checksum_is_tensorboards(data):
    assert int.from_bytes(events.masked_checksum(data), "little") == masked_crc32c(data)


def test_a_resumed_run_shows_each_step_once_with_the_later_value(tmp_path):
    record(tmp_path, range(0, 8), 1.0, start_step=0)
    record(tmp_path, range(5, 10), 2.0, start_step=5)
    record(tmp_path, range(9, 11), 3.0, start_step=9)
    expected = [1.0] * 5 + [2.0] * 4 + [3.0] * 2
    assert scalar_events(tmp_path, "loss") == list(enumerate(expected))
    accumulator = read_events(tmp_path)
    histograms = [(event.step, event.histogram_value.max) for event in accumulator.Histograms("score")]
    assert histograms == list(enumerate(expected))
    assert [event.step for event in accumulator.Images("samples")] == list(range(11))
    table = read_table(tmp_path / TABLE_NAME)
    np.testing.assert_array_equal(table["step"], range(11))
    np.testing.assert_array_equal(table["loss"], expected)


def test_a_run_started_anew_in_its_folder_forgets_the_former(tmp_path):
    record(tmp_path, range(0, 8), 1.0, start_step=0)
    record(tmp_path, range(0, 2), 2.0, start_step=0)
    assert scalar_events(tmp_path, "loss") == [(0, 2.0), (1, 2.0)]
    np.testing.assert_array_equal(read_table(tmp_path / TABLE_NAME)["loss"], [2.0, 2.0])


def test_event_files_sort_by_creation_whatever_the_clock_says(tmp_path, monkeypatch):
    names = []
    (tmp_path / "events.out.tfevents.1700000000.other-host.77.0").touch()
    for second in [1_700_000_000] * 12 + [1_600_000_000, 1_800_000_000]:
        monkeypatch.setattr(time, "time", lambda now=second: now + 0.5)
        before = set(os.listdir(tmp_path))
        EventFile(tmp_path, 0).close()
        names += set(os.listdir(tmp_path)) - before
    assert names == sorted(names) and len(names) == 14
    assert names[0] > "events.out.tfevents.1700000000.other-host.77.0"
    assert names[-1] == "events.out.tfevents.1800000000"


def test_an_event_file_torn_anywhere_in_its_last_event_spoils_nothing_else(tmp_path):
    record(tmp_path, range(0, 2), 1.0, start_step=0)
    (path,) = tmp_path.glob("events*")
    whole = path.read_bytes()
    for lost in range(1, 40):
        folder = tmp_path / str(lost)
        folder.mkdir()
        (folder / path.name).write_bytes(whole[:-lost])
        record(folder, range(1, 3), 2.0, start_step=1)
        assert scalar_events(folder, "loss") == [(0, 1.0), (1, 2.0), (2, 2.0)]


def test_a_picture_is_small_and_lossless(tmp_path):
    pixels = np.zeros((64, 48, 3), np.uint8)
    pixels[10:20, 5:9] = 200, 30, 1
    write_png(tmp_path / "views" / "samples.png", png_bytes(pixels))
    with Image.open(tmp_path / "views" / "samples.png") as image:
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (48, 64))
        np.testing.assert_array_equal(np.asarray(image), pixels)
    assert len(png_bytes(pixels)) < 200
    assert os.listdir(tmp_path / "views") == ["samples.png"]


def test_records_need_neither_jax_nor_tensorflow():
    heavy = ["jax", "flax", "optax", "hydra", "omegaconf", "tensorflow"]
    code = f"import sys, ganexp.records.events, ganexp.records.summary, ganexp.records.table; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
