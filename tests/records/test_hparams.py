"""TensorBoard's HParams page of a sweep, asked of TensorBoard's own server as the page asks it."""

from __future__ import annotations

import itertools
import json
import math
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.plugins.base_plugin import TBContext
from werkzeug.test import Client

from ganexp.records.events import EventFile
from ganexp.records.hparams import columns, experiment, final_scalars, groups, session, session_end

with warnings.catch_warnings():
    # TensorBoard's copy of html5lib warns of itself.
    warnings.simplefilter("ignore", DeprecationWarning)
    from tensorboard.plugins.hparams.hparams_plugin import HParamsPlugin

RATE, LOSS = "optimizer.learning_rate", "loss"
SWEPT = [
    {RATE: rate, LOSS: loss, "seed": seed}
    for (rate, loss), seed in itertools.product([(1e-4, "minimax"), (1e-3, "least_squares")], range(3))
]
SCORES = np.array([0.5, 0.3, 0.1, 0.04, 0.02, 0.09])
TAGS = ["grid/js", "modes/covered"]
COMMON = {"prior.dimension": 2, "generator_optimizer.nesterov": False, "generator_optimizer.clip_norm": None}
STATUSES = [f"STATUS_{status}" for status in ("UNKNOWN", "SUCCESS", "FAILURE", "RUNNING")]

Ask = Callable[..., Any]


def write_run(folder: Path, settings: dict[str, Any], group: str, final: dict[str, float], ended: bool | None) -> None:
    """A run of ten steps, which finished, failed, or has not ended yet."""
    file = EventFile(folder, 0)
    file.add(0, session(settings, group))
    for step in (0, 10):
        file.scalars(step, {"grid/js": 7.0, "loss/generator": 1.0})
    if ended is not None:
        file.scalars(10, final_scalars(final, ended))
        file.add(10, session_end(ended))
    file.close()


def write_sweep(folder: Path, runs: list[dict[str, Any]], finals: list[dict[str, float]], ended: list[Any]) -> None:
    """A sweep in which nothing but `runs` was swept, and what its page should show."""
    shown = columns(runs)
    top = EventFile(folder, 0)
    top.add(0, experiment(shown, TAGS))
    top.close()
    for number, (run, row, group, final, end) in enumerate(
        zip(runs, shown, groups(shown, folder.name), finals, ended, strict=True)
    ):
        name = ",".join(f"{key}={value}" for key, value in run.items())
        write_run(folder / f"{number}_{name}", COMMON | run | row, group, final, end)


def served(folder: Path) -> Ask:
    """What the server that reads `folder` answers to the page: of a route, to a request, as JSON."""
    runs = EventMultiplexer()
    runs.AddRunsFromDirectory(str(folder))
    runs.Reload()
    plugin = HParamsPlugin(TBContext(data_provider=MultiplexerDataProvider(runs, str(folder))))
    routes = plugin.get_plugin_apps()

    def ask(route: str, **request: Any) -> Any:
        answer = Client(routes[f"/{route}"]).post("/", json=request)
        assert answer.status_code == 200, answer.text

        def refuse(constant: str) -> None:
            raise AssertionError(f"{constant} is no JSON: a browser refuses the whole answer")

        return json.loads(answer.text, parse_constant=refuse)

    return ask


def rows(ask: Ask, **column: Any) -> list[dict[str, Any]]:
    """The table's rows; a `column` may say how to sort or to filter."""
    request = {"allowedStatuses": STATUSES, "colParams": [column] if column else [], "startIndex": 0, "sliceSize": 100}
    return ask("session_groups", **request).get("sessionGroups", [])


def metrics(row: dict[str, Any]) -> dict[str, float]:
    return {metric["name"]["tag"]: metric["value"] for metric in row["metricValues"]}


def infos(ask: Ask) -> dict[str, dict[str, Any]]:
    return {info["name"]: info for info in ask("experiment")["hparamInfos"]}


@pytest.fixture(scope="module")
def sweep(tmp_path_factory) -> Ask:
    """Two settings with three seeds each; the fifth run failed, with infinite and undefined metrics."""
    folder = tmp_path_factory.mktemp("sweep")
    finals = [{"grid/js": score, "modes/covered": 8.0} for score in SCORES]
    finals[4] = {"grid/js": math.inf, "modes/covered": math.nan}
    write_sweep(folder, SWEPT, finals, [True, True, True, True, False, True])
    return served(folder)


def test_the_swept_settings_are_the_columns_with_their_types_and_values(sweep):
    rate, loss = infos(sweep)[RATE], infos(sweep)[LOSS]
    assert set(infos(sweep)) == {RATE, LOSS}
    assert (rate["type"], rate["domainDiscrete"], rate["differs"]) == ("DATA_TYPE_FLOAT64", [1e-4, 1e-3], True)
    assert (loss["type"], loss["domainDiscrete"]) == ("DATA_TYPE_STRING", ["least_squares", "minimax"])


def test_the_metrics_are_the_final_ones_under_their_plain_names(sweep):
    shown = {info["displayName"]: info["name"]["tag"] for info in sweep("experiment")["metricInfos"]}
    assert shown == {"grid/js": "final/grid/js", "modes/covered": "final/modes/covered", "failed": "final/failed"}


def test_the_share_of_failures_is_among_the_five_metrics_that_the_page_opens_with(tmp_path):
    top = EventFile(tmp_path, 0)
    top.add(0, experiment([{"loss": "minimax"}], [f"metric{number}" for number in range(9)]))
    top.close()
    names = [info["displayName"] for info in served(tmp_path)("experiment")["metricInfos"]]
    assert names == [
        "metric0",
        "metric1",
        "metric2",
        "metric3",
        "failed",
        *(f"metric{number}" for number in range(4, 9)),
    ]


def test_a_row_is_the_mean_over_the_seeds_that_have_the_metric(sweep):
    first, second = rows(sweep)
    assert first["hparams"][LOSS] == "minimax" and second["hparams"][LOSS] == "least_squares"
    assert first["hparams"][RATE] == 1e-4 and second["hparams"][RATE] == 1e-3
    assert len(first["sessions"]) == len(second["sessions"]) == 3
    assert metrics(first) == pytest.approx(
        {"final/grid/js": SCORES[:3].mean(), "final/modes/covered": 8, "final/failed": 0}
    )
    assert metrics(second) == pytest.approx(
        {"final/grid/js": SCORES[[3, 5]].mean(), "final/modes/covered": 8, "final/failed": 1 / 3}
    )


def test_a_failed_run_is_found_by_its_status(sweep):
    assert [session["status"] for row in rows(sweep) for session in row["sessions"]].count("STATUS_FAILURE") == 1
    (row,) = sweep("session_groups", allowedStatuses=["STATUS_FAILURE"], startIndex=0, sliceSize=9)["sessionGroups"]
    assert [session["name"] for session in row["sessions"]] == [f"4_{RATE}=0.001,loss=least_squares,seed=1"]


@pytest.mark.parametrize(
    ("column", "best"),
    [
        ({"hparam": RATE, "order": "ORDER_DESC"}, 1e-3),
        ({"hparam": LOSS, "order": "ORDER_DESC"}, 1e-4),
        ({"metric": {"tag": "final/grid/js"}, "order": "ORDER_ASC"}, 1e-3),
        ({"hparam": RATE, "filterDiscrete": [1e-4]}, 1e-4),
        ({"hparam": RATE, "filterInterval": {"minValue": 5e-4, "maxValue": "Infinity"}}, 1e-3),
        ({"hparam": LOSS, "filterDiscrete": ["least_squares"]}, 1e-3),
    ],
)
def test_the_table_is_sorted_and_filtered_by_every_column(sweep, column, best):
    assert rows(sweep, **column)[0]["hparams"][RATE] == best


def test_a_run_that_has_not_ended_is_shown_without_metrics(tmp_path):
    write_sweep(tmp_path, [{LOSS: "minimax"}, {LOSS: "hinge"}], [{"grid/js": 0.1}, {}], [True, None])
    ended, running = rows(served(tmp_path))
    assert ended["sessions"][0]["status"] == "STATUS_SUCCESS" and metrics(ended)["final/grid/js"] == pytest.approx(0.1)
    assert running["sessions"][0]["status"] == "STATUS_UNKNOWN" and running["metricValues"] == []


@pytest.mark.parametrize(
    ("values", "kind", "shown"),
    [
        ([1, 0.5], "FLOAT64", [1.0, 0.5]),
        ([np.float32(0.5), np.int64(3)], "FLOAT64", [0.5, 3.0]),
        ([True, False], "BOOL", [True, False]),
        ([0.1, None], "STRING", ["0.1", "null"]),
        ([1.0, math.inf], "STRING", ["1.0", "inf"]),
        ([math.nan, 1.0], "STRING", ["nan", "1.0"]),
        ([True, "auto"], "STRING", ["true", "auto"]),
        ([True, 2], "STRING", ["true", "2"]),
        ([[64, 32], (128, None)], "STRING", ["[64,32]", "[128,null]"]),
        ([None, None], "STRING", ["null", "null"]),
    ],
)
def test_a_setting_of_several_kinds_is_text_in_every_run_and_can_be_sorted(tmp_path, values, kind, shown):
    # "rank" keeps the rows apart and in order.
    runs = [{"setting": value, "rank": rank} for rank, value in enumerate(values)]
    write_sweep(tmp_path, runs, [{}] * len(runs), [True] * len(runs))
    ask = served(tmp_path)
    info = infos(ask)["setting"]
    assert info["type"] == f"DATA_TYPE_{kind}" and info["domainDiscrete"] == sorted(set(shown))
    by_rank = rows(ask, hparam="rank", order="ORDER_ASC")
    assert [row["hparams"]["setting"] for row in by_rank] == shown
    order = [row["hparams"]["setting"] for row in rows(ask, hparam="setting", order="ORDER_ASC")]
    assert order == sorted(shown)


def test_a_setting_that_some_runs_lack_is_empty_there():
    assert columns([{"penalty": "r1", "weight": 0.5}, {"penalty": "none"}]) == [
        {"penalty": "r1", "weight": "0.5"},
        {"penalty": "none", "weight": ""},
    ]


@pytest.mark.parametrize("count", [9, 10])
def test_more_numbers_than_the_page_has_check_boxes_for_are_an_interval_and_can_be_filtered(tmp_path, count):
    runs = [{RATE: 1.0 + number} for number in range(count)]
    write_sweep(tmp_path, runs, [{}] * count, [True] * count)
    ask = served(tmp_path)
    info = infos(ask)[RATE]
    if count == 9:
        assert info["domainDiscrete"] == [run[RATE] for run in runs]
        wanted: dict[str, Any] = {"filterDiscrete": [2.0, 3.0]}
    else:
        assert "domainDiscrete" not in info and info["domainInterval"] == {"minValue": 1.0, "maxValue": 10.0}
        wanted = {"filterInterval": {"minValue": 2.0, "maxValue": 3.0}}
    assert [row["hparams"][RATE] for row in rows(ask, hparam=RATE, **wanted)] == [2.0, 3.0]


def test_metrics_that_an_event_file_would_hold_as_infinite_are_left_out():
    final = {"fine": np.float32(-2), "large": -1e39, "infinite": math.inf, "undefined": math.nan}
    assert final_scalars(final, False) == {"final/fine": -2, "final/failed": 1}


def test_a_row_is_named_by_its_number_its_values_and_its_sweep():
    shown = columns([{"depth": 2, RATE: rate, LOSS: "minimax", "seed": 0} for rate in (1e-4, 1e-4 + 1e-12, 1e-4)])
    assert groups(shown, "out") == [f"{number} 2,0.0001,minimax out" for number in (0, 1, 0)]


def test_rows_stand_in_the_order_of_the_runs_and_sweeps_do_not_mix(tmp_path):
    runs = [{RATE: 10.0 - number} for number in range(11)]
    for name in ("first", "second"):
        write_sweep(tmp_path / name, runs, [{}] * 11, [True] * 11)
    ask = served(tmp_path)
    assert [row["hparams"][RATE] for row in rows(ask)] == [run[RATE] for run in runs for _ in range(2)]
    assert {len(row["sessions"]) for row in rows(ask)} == {1}


def test_a_sweep_over_seeds_alone_has_a_row_for_each(tmp_path):
    write_sweep(tmp_path, [{"seed": seed} for seed in range(3)], [{"grid/js": 0.1}] * 3, [True] * 3)
    ask = served(tmp_path)
    assert infos(ask)["seed"]["domainDiscrete"] == [0, 1, 2]
    assert [row["hparams"]["seed"] for row in rows(ask)] == [0, 1, 2]


def test_runs_without_a_sweep_show_all_settings_that_have_a_value(tmp_path):
    settings = COMMON | {"seed": 3, "model.generator.width": [64, 32], "limit": math.inf}
    write_run(tmp_path / "run", settings, "", {"grid/js": 0.2}, True)
    write_run(tmp_path / "other", COMMON | {"seed": 4}, "", {"grid/js": 0.4}, True)
    ask = served(tmp_path)
    other, run = rows(ask)
    common = {"prior.dimension": 2, "generator_optimizer.nesterov": False}
    assert run["hparams"] == common | {"seed": 3, "model.generator.width": "[64,32]"}
    assert other["hparams"] == common | {"seed": 4}
    assert set(infos(ask)) == set(run["hparams"])
    assert [metrics(row)["final/grid/js"] for row in (other, run)] == pytest.approx([0.4, 0.2])


def test_a_resumed_run_stays_one_and_is_judged_by_its_last_numbers(tmp_path):
    write_sweep(tmp_path, [{LOSS: "minimax"}], [{}], [None])
    (name,) = [path.name for path in tmp_path.iterdir() if path.is_dir()]
    (shown,) = columns([{LOSS: "minimax"}])
    write_run(tmp_path / name, COMMON | shown, groups([shown], tmp_path.name)[0], {"grid/js": 0.3}, True)
    (row,) = rows(served(tmp_path))
    assert [session["status"] for session in row["sessions"]] == ["STATUS_SUCCESS"]
    assert metrics(row)["final/grid/js"] == pytest.approx(0.3)


def test_neither_jax_nor_tensorflow_is_imported():
    program = "import sys, ganexp.records.hparams; print({'jax', 'tensorflow'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "set()\n"
