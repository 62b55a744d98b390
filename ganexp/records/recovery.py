"""Rows of `metrics.csv` that are gone, rebuilt from the event files beside it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event, SessionLog

from ganexp.records.atomic import write_atomically
from ganexp.records.events import masked_checksum
from ganexp.records.hparams import FINAL
from ganexp.records.table import TABLE_NAME, lines_of, read_rows

HEAD, CHECKSUM = 12, 4  # bytes before and after each event


def recover(folder: Path, begin: int) -> str | None:
    """Rebuild the rows before step `begin` that metrics.csv lacks and the events have; a sentence on what was missing, or None.

    A rebuilt value has 32 bits, as events do.
    """
    if begin == 0:
        return None
    path = folder / TABLE_NAME
    columns, rows = read_rows(path) if path.exists() else ([], [])
    there = {int(row[0]): dict(zip(columns[1:], row[1:], strict=True)) for row in rows if int(row[0]) < begin}
    recorded = {step: row for step, row in scalars(folder).items() if step < begin}
    missing = [step for step in recorded if step not in there]
    if missing:
        whole = {**{step: {tag: repr(value) for tag, value in recorded[step].items()} for step in missing}, **there}
        tags = list(dict.fromkeys([*columns[1:], *(tag for step in sorted(whole) for tag in whole[step])]))
        write_atomically(path, lines_of(tags, dict(sorted(whole.items()))), durable=True)
        return (
            f"{TABLE_NAME} lacked {len(missing)} of its {len(whole)} rows before step {begin:,}; they were rebuilt from the events, "
            "in 32 bits"
        )
    if not there:
        return f"{TABLE_NAME} lacks all rows before step {begin:,}, and there are no events to rebuild them from"
    return None if recorded else f"the event files of the steps before {begin:,} are gone"


def scalars(folder: Path) -> dict[int, dict[str, float]]:
    """What the event files in a folder hold of scalars, by step and tag, as TensorBoard reads them: a start forgets later steps."""
    found: dict[int, dict[str, float]] = {}
    for path in sorted(folder.glob("events.out.tfevents.*")):
        for event in _events(path):
            if event.session_log.status == SessionLog.START:
                found = {step: row for step, row in found.items() if step < event.step}
            for value in event.summary.value:
                if value.HasField("simple_value") and not value.tag.startswith(FINAL):
                    found.setdefault(event.step, {})[value.tag] = value.simple_value
    return found


def _events(path: Path) -> Iterator[Event]:
    """The events of a file, up to the first that is torn or damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return
    place = 0
    while place + HEAD <= len(content):
        length = struct.unpack_from("<Q", content, place)[0]
        data = content[place + HEAD : place + HEAD + length]
        place += HEAD + length + CHECKSUM
        if place > len(content) or content[place - CHECKSUM : place] != masked_checksum(data):
            return
        yield Event.FromString(data)
