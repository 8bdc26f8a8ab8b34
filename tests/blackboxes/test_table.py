from __future__ import annotations

import math
from typing import Any

import pytest
from toy_tables import SPACE, toy_table

from pytest_synebench.blackboxes.protocol import Point
from pytest_synebench.blackboxes.rows import RowSpace
from pytest_synebench.errors import UsageError
from pytest_synebench.space import ConfigSpace, uniform

TIMES = [[[1.0, 2.0, 3.0]]] * 4


def test_a_curve_is_what_was_measured() -> None:
    points = list(toy_table().curve({"x": 0.25, "kind": "b", "epochs": 9}, 1))
    assert points == [
        Point(1, 2.0, {"loss": 1 + 0.1 + 1}),
        Point(2, 4.0, {"loss": 1 + 0.1 + 1 / 2}),
        Point(3, 6.0, {"loss": 1 + 0.1 + 1 / 3}),
    ]


def test_levels_that_were_not_measured_do_not_come() -> None:
    table = toy_table(levels=[1, 9], values={"loss": [[[2, 1]]] * 4}, elapsed_s=[[[1, 9]]] * 4)
    assert [p.level for p in table.points(0, 0)] == [1, 9]
    assert (table.last_level, table.seeds) == (9, 1)


def test_what_is_no_row_has_no_curve_and_only_rows_are_suggested() -> None:
    table = toy_table()
    with pytest.raises(UsageError, match="is no row of the table; suggest rows only"):
        list(table.curve({"x": 0.3, "kind": "b"}, 0))
    assert isinstance(table.space(SPACE), RowSpace)
    assert table.remark("loss") == ""
    with pytest.raises(UsageError, match="has not kind"):
        table.space(ConfigSpace({"x": uniform(0, 1)}))


def test_a_metric_may_be_nan() -> None:
    table = toy_table(values={"loss": [[[1.0, math.nan, 0.5]]] * 4}, elapsed_s=TIMES)
    assert [str(p.metrics["loss"]) for p in table.points(0, 0)] == ["1.0", "nan", "0.5"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"levels": [1, 1, 2]}, "must ascend from 1 up"),
        ({"levels": [0, 1, 2]}, "must ascend from 1 up"),
        ({"metrics": {"loss": "low"}}, "mode of 'loss' is 'low'; it must be 'min' or 'max'"),
        ({"metrics": {}, "values": {}}, "names no metric"),
        ({"values": {"loss": [[[1.0, 2.0]]] * 4}}, r"loss has the shape \(4, 1, 2\)"),
        ({"values": {"loss": [1.0, 2.0]}}, "loss has 1 dimensions"),
        ({"values": {"loss": [[[1.0], [1.0, 2.0]]] * 4}}, "no array of numbers of one shape"),
        (
            {"elapsed_s": [[[1.0, 2.0, 3.0], [1.0, 0.5, 3.0]]] * 4},
            "row 0, seed 1, level 2: the elapsed time is 0.5 s after 1.0 s",
        ),
        ({"elapsed_s": [[[-1.0, 2.0, 3.0]] * 2] * 4}, "row 0, seed 0, level 1"),
        ({"elapsed_s": [[[1.0, 2.0, math.nan]] * 2] * 4}, "row 0, seed 0, level 3"),
    ],
)
def test_a_wrong_array_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        toy_table(**changed)
