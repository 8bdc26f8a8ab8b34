from __future__ import annotations

from collections import Counter
from random import Random

import numpy as np
import pytest
from toy_tables import SPACE, columns

from pytest_synebench.blackboxes.rows import Rows, RowSpace, check_names
from pytest_synebench.errors import UsageError
from pytest_synebench.space import ConfigSpace, choice, randint, uniform

ROWS = Rows(SPACE, columns())


def test_a_config_is_found_where_each_value_matches_whatever_else_it_holds() -> None:
    assert ROWS.find({"x": 0.25, "kind": "b"}) == 1
    assert ROWS.find({"kind": "b", "x": 0.25, "epochs": 9}) == 1
    assert ROWS.find({"x": 0.25, "kind": "a"}) is None
    assert ROWS.find({"x": 0.25}) is None
    assert ROWS.find({"x": 7.0, "kind": "a"}) is None
    assert [ROWS.find(ROWS.config(row)) for row in range(4)] == [0, 1, 2, 3]


def test_one_config_in_two_rows_is_refused_with_both() -> None:
    with pytest.raises(UsageError, match=r"rows 0 and 2 have one config, \{'x': 0.0"):
        Rows(SPACE, {"x": [0.0, 1.0, 0.0], "kind": ["a", "a", "a"]})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x": [0.0, float("nan"), 0.5, 1.0]}, "row 1, column 'x': nan is not in uniform"),
        ({"kind": ["a", "b", "c", "b"]}, "row 2, column 'kind': 'c' is not in choice"),
        ({"x": [0.0, 0.25, [1], 1.0]}, "row 2, column 'x'"),
        ({"x": [0.0]}, r"unequal lengths \(x 1, kind 4\)"),
        ({"x": [], "kind": []}, "no rows"),
    ],
)
def test_a_wrong_column_is_refused_with_its_row(
    changed: dict[str, list[object]], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        Rows(SPACE, columns() | changed)


def test_a_missing_column_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="no column 'kind'"):
        Rows(SPACE, {"x": [0.0]})


def test_the_nearest_row_is_the_first_at_the_smallest_distance_that_is_not_taken() -> None:
    assert ROWS.nearest({"x": 0.3, "kind": "b"}) == 1
    # Another category is a whole unit apart: further than any number.
    assert ROWS.nearest({"x": 0.9, "kind": "a"}) == 2
    taken = np.array([False, True, False, True])
    assert ROWS.nearest({"x": 0.3, "kind": "b"}, taken) == 2
    assert ROWS.nearest({"x": 0.3, "kind": "b"}, np.ones(4, dtype=bool)) is None
    even = Rows(ConfigSpace({"x": uniform(0, 1)}), {"x": [0.25, 0.75]})
    assert even.nearest({"x": 0.5}) == 0


def test_a_space_of_rows_gives_rows_and_each_as_often() -> None:
    space = RowSpace(ConfigSpace({**SPACE, "epochs": 9}), ROWS)
    assert space.size == 4
    assert space.at(3) == {"x": 1.0, "kind": "b"}
    assert space.midpoint() == {"x": 0.5, "kind": "a"}
    rng = Random(0)
    drawn = Counter(ROWS.find(space.sample(rng)) for _ in range(4000))
    # Binomial(4000, 1/4) has a standard deviation of 27: 5 of them are left in 6e-7 of runs.
    assert all(abs(drawn[row] - 1000) < 137 for row in range(4))
    assert space.merged(space.at(0)) == {"epochs": 9, "x": 0.0, "kind": "a"}


def test_other_hyperparameters_than_the_tables_are_refused() -> None:
    asked = ConfigSpace({"x": uniform(0, 1), "depth": randint(1, 3)})
    with pytest.raises(UsageError, match="has not kind and has depth as well"):
        check_names(asked, SPACE)
    check_names(ConfigSpace({"kind": choice(["a"]), "x": uniform(0, 1), "epochs": 9}), SPACE)
