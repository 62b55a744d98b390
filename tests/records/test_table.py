"""metrics.csv: every number comes back, and a torn row spoils nothing else."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from recorded import record

from ganexp.records.table import Table, read_table

FLOATS = np.array([0.1, -1e-45, 1.17549435e-38, 3.4028235e38, 1 / 3, 16777217, -0.0], np.float32)


def test_a_table_torn_anywhere_keeps_its_whole_rows(tmp_path):
    path = tmp_path / "metrics.csv"
    record(tmp_path, range(8, 12), 0.125, start_step=0)
    whole = path.read_bytes()
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        rows = max(whole[:length].count(b"\n") - 1, 0)
        if b"\n" in whole[:length]:
            np.testing.assert_array_equal(read_table(path)["step"], range(8, 8 + rows))
        Table(path, ["loss"], start_step=100).close()
        np.testing.assert_array_equal(read_table(path)["step"], range(8, 8 + rows))
        assert path.read_bytes() == b"step,loss\n" + b"".join(whole.splitlines(keepends=True)[1 : 1 + rows])


def test_a_row_of_rubbish_is_dropped(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_bytes(b"step,a,b\n1,1.0,2.0\n2,\0\0\0,2.0\n3,1.0\n4,1.0,2.0,3.0\n\xff\xfe,,\n\n5,,1.5\n")
    Table(path, ["a", "b"], start_step=9).close()
    assert path.read_text() == "step,a,b\n1,1.0,2.0\n5,,1.5\n"


def test_a_resumed_table_equals_the_uninterrupted_one(tmp_path):
    def run(path: Path, start_step: int, end_step: int) -> None:
        table = Table(path, ["loss"], start_step)
        for step in range(start_step, end_step):
            table.append(step, {"loss": step / 3} | ({"late": step / 7} if step >= 4 else {}))
        table.close()

    run(tmp_path / "alone.csv", 0, 8)
    for kept in range(7):
        run(tmp_path / f"{kept}.csv", 0, 6)
        run(tmp_path / f"{kept}.csv", kept, 8)
        assert (tmp_path / f"{kept}.csv").read_bytes() == (tmp_path / "alone.csv").read_bytes()


def test_floats_round_trip(tmp_path):
    path = tmp_path / "metrics.csv"
    table = Table(path, ["single", "double"], 0)
    doubles = np.append(FLOATS[:-1].astype(np.float64) / 3, np.pi)
    for step, (single, double) in enumerate(zip(FLOATS, doubles, strict=True)):
        table.append(step, {"single": single, "double": double})
    table.close()
    read = read_table(path)
    assert read["step"].dtype == np.int64 and read["single"].dtype == np.float64
    np.testing.assert_array_equal(read["single"].astype(np.float32), FLOATS)
    np.testing.assert_array_equal(read["single"], FLOATS)
    np.testing.assert_array_equal(np.signbit(read["single"]), np.signbit(FLOATS))
    np.testing.assert_array_equal(read["double"], doubles)


def test_missing_values_are_empty_and_others_need_not_be_finite(tmp_path):
    path = tmp_path / "metrics.csv"
    table = Table(path, ["a", "b"], 0)
    table.append(1, {"b": 2})
    table.append(2, {"a": np.inf, "b": -np.inf})
    table.append(3, {"a": np.nan})
    table.close()
    assert path.read_text() == "step,a,b\n1,,2.0\n2,inf,-inf\n3,nan,\n"
    np.testing.assert_array_equal(read_table(path)["a"], [np.nan, np.inf, np.nan])


def test_a_tag_seen_late_widens_the_table(tmp_path):
    path = tmp_path / "metrics.csv"
    table = Table(path, ["a"], 0)
    table.append(1, {"a": 1.0})
    table.append(2, {"b": 2.0, "a": 1.5})
    table.append(3, {"c": 3.0})
    table.close()
    with open(path, newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [["step", "a", "b", "c"], ["1", "1.0", "", ""], ["2", "1.5", "2.0", ""], ["3", "", "", "3.0"]]


def test_each_row_is_on_the_disk_at_once(tmp_path):
    table = Table(tmp_path / "metrics.csv", ["a"], 0)
    for step in range(3):
        table.append(step, {"a": 0.5})
        assert len(read_table(tmp_path / "metrics.csv")["step"]) == step + 1
    table.close()


@pytest.mark.parametrize("tag", ["step", "a,b", 'a"b', "a\nb", "a\rb"])
def test_a_tag_that_would_break_the_table_is_refused(tmp_path, tag):
    with pytest.raises(ValueError, match="rename it"):
        Table(tmp_path / "metrics.csv", [tag], 0)
    table = Table(tmp_path / "metrics.csv", ["a"], 0)
    with pytest.raises(ValueError, match="rename it"):
        table.append(1, {tag: 1.0})
    table.append(2, {"a": 1.0})
    table.close()
    assert (tmp_path / "metrics.csv").read_text() == "step,a\n2,1.0\n"


def test_what_is_no_table_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_table(tmp_path / "metrics.csv")
    (tmp_path / "metrics.csv").write_text("time,loss\n1,2\n")
    with pytest.raises(ValueError, match="not a table of scalars"):
        read_table(tmp_path / "metrics.csv")
