from __future__ import annotations

from itertools import islice

import pytest

from pytest_synebench.blackboxes.formula import Formula
from pytest_synebench.blackboxes.protocol import Point
from pytest_synebench.errors import UsageError
from pytest_synebench.space import ConfigSpace, uniform
from pytest_synebench.trial import Config, Scalar


def formula(cost_s: float = 0.1) -> tuple[Formula, list[int]]:
    asked: list[int] = []

    def report(config: Config, level: int, elapsed_s: float) -> dict[str, Scalar]:
        asked.append(level)
        return {"loss": float(str(config["x"])) / level, "cost": elapsed_s}

    made = Formula(
        report, level_cost_s=lambda config: cost_s, metrics={"loss": "min"}, last_level=9
    )
    return made, asked


def test_a_level_is_computed_when_it_is_asked_for_and_its_time_is_a_sum() -> None:
    made, asked = formula()
    points = list(islice(made.curve({"x": 6.0}, 0), 3))
    assert asked == [1, 2, 3]
    assert points[0] == Point(1, 0.1, {"loss": 6.0, "cost": 0.1})
    assert points[2].elapsed_s == 0.1 + 0.1 + 0.1
    assert len(list(made.curve({"x": 6.0}, 0))) == 9


def test_every_config_is_known() -> None:
    space = ConfigSpace({"x": uniform(0, 1)})
    made, _ = formula()
    assert made.space(space) is space
    assert (made.seeds, made.remark("loss")) == (1, "")


@pytest.mark.parametrize("cost_s", [-1.0, float("inf"), float("nan")])
def test_a_cost_that_is_none_is_refused(cost_s: float) -> None:
    made, _ = formula(cost_s=cost_s)
    with pytest.raises(UsageError, match=f"costs {cost_s} s; it must be finite, from 0 up"):
        list(made.curve({"x": 6.0}, 0))
