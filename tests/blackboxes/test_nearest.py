from __future__ import annotations

import math

import pytest
from toy_tables import SPACE, columns, toy_table

from pytest_synebench.blackboxes.nearest import NearestRow
from pytest_synebench.blackboxes.rows import Rows
from pytest_synebench.blackboxes.synthetic import Synthetic
from pytest_synebench.blackboxes.table import Table
from pytest_synebench.errors import UsageError
from pytest_synebench.space import ConfigSpace, choice, uniform


def test_a_row_has_its_own_curve_and_a_config_between_rows_the_nearest_ones() -> None:
    table = toy_table()
    nearest = NearestRow(table)
    for row in range(4):
        assert list(nearest.curve(table.rows.config(row), 1)) == list(table.points(row, 1))
    assert list(nearest.curve({"x": 0.3, "kind": "b"}, 0)) == list(table.points(1, 0))
    assert (nearest.metrics, nearest.seeds, nearest.last_level) == ({"loss": "min"}, 2, 3)


def test_the_space_is_the_one_asked_for_within_the_tables_domains() -> None:
    asked = ConfigSpace({**SPACE, "epochs": 3})
    assert NearestRow(toy_table()).space(asked) is asked
    wider = ConfigSpace({"x": uniform(0, 2), "kind": choice(["a", "b"])})
    with pytest.raises(UsageError, match="take the table's"):
        NearestRow(toy_table()).space(wider)


def test_the_hold_out_guesses_each_row_from_the_others() -> None:
    # Within a kind the next row is the other one: the guesses are the truths, swapped.
    count, correlation = NearestRow(toy_table()).holdout("loss")
    assert (count, round(correlation, 6)) == (4, -0.6)
    assert "rank correlation of loss at the last level, 4 rows held out, is -0.60" in NearestRow(
        toy_table()
    ).remark("loss")


def test_where_neighbours_are_alike_the_correlation_is_high_and_reproducible() -> None:
    table = Synthetic(dimensions=1, last_level=2).table(400)
    count, correlation = NearestRow(table).holdout("loss")
    assert count == 200
    assert correlation > 0.99
    assert NearestRow(table).holdout("loss") == (count, correlation)


def test_where_nothing_can_be_ranked_there_is_no_correlation() -> None:
    alike = Table(
        Rows(SPACE, columns()),
        levels=[1],
        metrics={"loss": "min"},
        values={"loss": [[[1.0]]] * 4},
        elapsed_s=[[[1.0]]] * 4,
    )
    assert math.isnan(NearestRow(alike).holdout("loss")[1])
