"""TensorBoard event files, written without TensorFlow."""

from __future__ import annotations

import os
import re
import struct
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import SupportsFloat

import google_crc32c
import numpy as np
from jaxtyping import Real
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.histogram_pb2 import HistogramProto
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.custom_scalar import metadata as layout_metadata
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout, MultilineChartContent
from tensorboard.plugins.text import metadata as text_metadata

from ganexp.records.growing import AppendOnlyFile

BUCKETS = 30


# Not tensorboard's EventFileWriter: it names its file by second, host and process, which does not sort by creation; its
# checksum takes 245 ms for a megabyte; and without that, a thread and a queue for each run have nothing left to hide.
# Images and histograms are in their own fields rather than in TF 2's tensors: EventAccumulator does not purge tensors.
class EventFile:
    """The events of one start of a run: `folder/events.out.tfevents.NUMBER`, for `tensorboard --logdir`.

    It begins with TensorBoard's session start mark: readers then purge what earlier starts wrote at steps >=
    `start_step`. Every method writes its event at once, or in `batches`: see `AppendOnlyFile`.
    """

    def __init__(self, folder: Path | str, start_step: int, batches: bool = False):
        """Open a new file that sorts after all event files in `folder`, which is made if missing."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._start_step = start_step
        path = folder / _next_name(os.listdir(folder))
        path.touch(exist_ok=False)
        self._file = AppendOnlyFile(path, batches)
        self._write(Event(file_version="brain.Event:2"))
        self._write(Event(step=start_step, session_log=SessionLog(status=SessionLog.START)))

    def scalars(self, step: int, scalars: Mapping[str, SupportsFloat]) -> None:
        """Tag to value, in a single event; values are rounded to float32 and need not be finite."""
        values = [Summary.Value(tag=tag, simple_value=float(value)) for tag, value in scalars.items()]
        self.add(step, Summary(value=values))

    def image(self, step: int, tag: str, png: bytes) -> None:
        """A picture in color, from the bytes of its PNG."""
        width, height = (int.from_bytes(png[place : place + 4], "big") for place in (16, 20))
        image = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=png)
        self.add(step, Summary(value=[Summary.Value(tag=tag, image=image)]))

    def histogram(self, step: int, tag: str, values: Real[np.ndarray, "*shape"]) -> None:
        """The finite ones of `values`, counted in 30 buckets of equal width from the least to the greatest of them."""
        finite = np.asarray(values, np.float64)[np.isfinite(values)]
        least, greatest = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
        edges = np.linspace(least, greatest, BUCKETS + 1)
        bucket = np.searchsorted(edges[1:-1], finite, side="right")
        self._add_buckets(step, tag, edges, np.bincount(bucket, minlength=BUCKETS))

    def bars(self, step: int, tag: str, counts: Real[np.ndarray, " bars"]) -> None:
        """A histogram whose bucket [i - 0.5, i + 0.5] holds `counts[i]`, less the empty ones at either end."""
        self._add_buckets(step, tag, np.arange(len(counts) + 1) - 0.5, counts)

    def text(self, step: int, tag: str, markdown: str) -> None:
        """A text, which TensorBoard renders as Markdown."""
        self._add_string(step, tag, text_metadata.create_summary_metadata("", ""), markdown.encode())

    def layout(self, categories: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
        """The Custom Scalars page: {category: {chart title: [regular expression of the tags drawn in that chart]}}."""
        layout = Layout()
        for category, charts in categories.items():
            section = layout.category.add(title=category)
            for title, tags in charts.items():
                section.chart.add(title=title, multiline=MultilineChartContent(tag=tags))
        metadata = layout_metadata.create_summary_metadata()
        self._add_string(self._start_step, layout_metadata.CONFIG_SUMMARY_TAG, metadata, layout.SerializeToString())

    def add(self, step: int, summary: Summary) -> None:
        """Any summary of TensorBoard's, such as those its hparams plugin makes."""
        self._write(Event(step=step, summary=summary))

    def flush(self) -> None:
        """Write what waits for its batch."""
        self._file.flush()

    def close(self) -> None:
        """End the file; adding to it afterward raises ValueError."""
        self._file.close()

    def _add_buckets(self, step: int, tag: str, edges: np.ndarray, counts: np.ndarray) -> None:
        # TensorBoard's two servers disagree on empty buckets at the ends: one drops them, one turns them inside out.
        filled = np.flatnonzero(counts)
        first, last = (filled[0], filled[-1] + 1) if filled.size else (0, 0)
        edges, counts = edges[first : last + 1], counts[first:last]
        centers = (edges[:-1] + edges[1:]) / 2
        histogram = HistogramProto(
            min=edges[0],
            max=edges[-1],
            num=counts.sum(),
            sum=(counts * centers).sum(),
            sum_squares=(counts * centers**2).sum(),
            bucket_limit=edges[1:],
            bucket=counts,
        )
        self.add(step, Summary(value=[Summary.Value(tag=tag, histo=histogram)]))

    def _add_string(self, step: int, tag: str, metadata: SummaryMetadata, content: bytes) -> None:
        tensor = TensorProto(dtype=DT_STRING, string_val=[content])
        self.add(step, Summary(value=[Summary.Value(tag=tag, metadata=metadata, tensor=tensor)]))

    def _write(self, event: Event) -> None:
        event.wall_time = time.time()
        data = event.SerializeToString()
        length = struct.pack("<Q", len(data))
        self._file.append(length + masked_checksum(length) + data + masked_checksum(data))


def _next_name(names: Sequence[str]) -> str:
    # TensorBoard reads the files, and obeys their session start marks, in the order of their names. A clock alone gives
    # no order: two starts may share a second, and it may be set back.
    taken = [int(match[1]) for name in names if (match := re.match(r"events\.out\.tfevents\.(\d{10})", name))]
    return f"events.out.tfevents.{max([int(time.time()), *(number + 1 for number in taken)]):010d}"


def masked_checksum(data: bytes) -> bytes:
    """The checksum that follows an event, and its length, in a file."""
    checksum = google_crc32c.value(data)
    return struct.pack("<I", ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF)
