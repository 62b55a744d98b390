"""TensorBoard's HParams page: a column for each swept setting and each final metric, a row for each setting."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, SupportsFloat

import numpy as np
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import metadata
from tensorboard.plugins.hparams.api_pb2 import (
    DATA_TYPE_BOOL,
    DATA_TYPE_FLOAT64,
    DATA_TYPE_STRING,
    STATUS_FAILURE,
    STATUS_SUCCESS,
    Experiment,
    HParamInfo,
    MetricInfo,
    MetricName,
)
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo
from tensorboard.plugins.hparams.summary_v2 import hparams_pb

SEED = "seed"
FINAL = "final/"
FAILED = "failed"
SHOWN_AT_FIRST = 5  # The page opens with as many columns of metrics; the others wait behind their check boxes.
CHECK_BOXES = 9  # Of more values the page makes a regular expression, and the server refuses one for numbers.

Value = bool | float | str


def columns(runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Value]]:
    """The swept settings of each run, each of one type over all runs: boolean, number, or text where neither fits all.

    In text None is "null", a list "[64,32]", and a setting that the run does not have is empty. The seed is left out, so
    that a row is the mean over the seeds, unless nothing else is swept.
    """
    # The server cannot sort a column of several types, and parallel coordinates leave out a row that has no value.
    names = dict.fromkeys(name for run in runs for name in run)
    if len(names) > 1:
        names.pop(SEED, None)
    kinds = {name: _kind([run.get(name) for run in runs]) for name in names}
    return [{name: _as_kind(kinds[name], run, name) for name in names} for run in runs]


def groups(swept: Sequence[Mapping[str, Value]], sweep: str) -> list[str]:
    """The row of each run: a number, in the order of the runs, the values of its `columns`, and the name of the sweep.

    Runs that are equal in all columns share a row; sweeps of different names share none.
    """
    # The page sorts rows by name, and has room for a dozen letters of it.
    rows = [tuple(run.values()) for run in swept]
    numbers = {row: number for number, row in enumerate(dict.fromkeys(rows))}
    width = len(str(len(numbers) - 1))
    return [f"{numbers[row]:0{width}} {','.join(map(_short, row))} {sweep}" for row in rows]


def session(settings: Mapping[str, Any], group: str) -> Summary:
    """The start of a run: its settings. Runs of equal `group` share a row, their metrics averaged; "" is a row of its own.

    A setting that is None, NaN or infinite is left out: swept ones should come from `columns`.
    """
    known = {name: _plain(value) for name, value in settings.items()}
    return hparams_pb({name: value for name, value in known.items() if value is not None}, trial_id=group)


def session_end(succeeded: bool) -> Summary:
    """The end of a run. TensorBoard believes the first of a run: a run that will be resumed should have none yet."""
    status = STATUS_SUCCESS if succeeded else STATUS_FAILURE
    end = SessionEndInfo(status=status, end_time_secs=time.time())
    return _summary(metadata.SESSION_END_INFO_TAG, HParamsPluginData(session_end_info=end))


def final_scalars(final: Mapping[str, SupportsFloat], succeeded: bool) -> dict[str, float]:
    """The scalars of a run's last step: `final/TAG` for each metric that is finite in 32 bits, and `final/failed`, which is 0 or 1.

    The mean of the latter over a group is the share of its runs that failed.
    """
    # One infinity empties every plot, and one NaN scrambles the order of a sorted table.
    greatest = float(np.finfo(np.float32).max)
    finite = {FINAL + tag: float(value) for tag, value in final.items() if abs(float(value)) <= greatest}
    return finite | {FINAL + FAILED: float(not succeeded)}


def experiment(swept: Sequence[Mapping[str, Value]], tags: Iterable[str]) -> Summary:
    """What the page shows of a sweep: the settings in `columns` of its runs, and metrics `final/TAG`, the first ones at once.

    It belongs into one event file, in the folder above those of the runs: TensorBoard takes the first one it finds.
    """
    names = dict.fromkeys(name for run in swept for name in run)
    tags = list(tags)
    tags.insert(SHOWN_AT_FIRST - 1, FAILED)
    description = Experiment(
        time_created_secs=time.time(),
        hparam_infos=[_hparam_info(name, [run[name] for run in swept]) for name in names],
        metric_infos=[MetricInfo(name=MetricName(tag=FINAL + tag), display_name=tag) for tag in tags],
    )
    return _summary(metadata.EXPERIMENT_TAG, HParamsPluginData(experiment=description))


def _hparam_info(name: str, values: Sequence[Value]) -> HParamInfo:
    distinct = sorted(set(values))
    info = HParamInfo(name=name, differs=len(distinct) > 1)
    info.type = {bool: DATA_TYPE_BOOL, float: DATA_TYPE_FLOAT64, str: DATA_TYPE_STRING}[type(distinct[0])]
    if info.type == DATA_TYPE_FLOAT64 and len(distinct) > CHECK_BOXES:
        info.domain_interval.min_value, info.domain_interval.max_value = distinct[0], distinct[-1]
    else:
        info.domain_discrete.extend(distinct)
    return info


def _kind(values: Sequence[Any]) -> type[Value]:
    plain = [_plain(value) for value in values]
    return next((kind for kind in (bool, float) if all(type(value) is kind for value in plain)), str)


def _as_kind(kind: type[Value], run: Mapping[str, Any], name: str) -> Value:
    if kind is str:
        return _text(run[name]) if name in run else ""
    return kind(run[name])


def _plain(value: Any) -> Value | None:
    """A boolean, a finite number as a float, or a text; None for None and for numbers that are not finite."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool) else _text(value)


def _short(value: Value) -> str:
    return f"{value:g}" if isinstance(value, float) else _text(value)


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_text, value))}]"
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


def _summary(tag: str, data: HParamsPluginData) -> Summary:
    description = metadata.create_summary_metadata(data)
    return Summary(value=[Summary.Value(tag=tag, metadata=description, tensor=metadata.NULL_TENSOR)])
