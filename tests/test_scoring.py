"""Scores that a benchmark declares: their names, and how they are read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_synebench.errors import BenchmarkError
from pytest_synebench.scoring import (
    COUNTS,
    Declared,
    checked_scores,
    is_tolerance,
    of_the_chosen,
    retrainings,
)


def test_every_kind_of_name_is_known() -> None:
    names = [*COUNTS, "sum:cost", "incumbent:test_loss", "units_to:0.3", "seconds_to:-1e-3"]
    names += ["reevaluated:1", "reevaluated:100"]
    assert list(checked_scores(dict.fromkeys(names, "min"))) == names


def test_a_direction_may_have_a_tolerance() -> None:
    assert checked_scores({"trials": "same", "units": ("max", 5)}) == {
        "trials": Declared("same"),
        "units": Declared("max", 5.0),
    }


def test_what_a_baseline_keeps_is_read_back() -> None:
    declared = checked_scores({"trials": "same", "sum:cost": ("min", 0.5)})
    assert checked_scores(json.loads(json.dumps(declared))) == declared


@pytest.mark.parametrize(
    ("scores", "text"),
    [
        (["trials"], r"scores is \['trials'\]; it must be a mapping"),
        ({"trial": "same"}, r"scores has 'trial', which is no score; .* Did you mean 'trials'\?"),
        ({"final": "min"}, "scores has 'final', .*; final and area are always judged"),
        ({"sum": "min"}, "scores has 'sum', which is no score"),
        ({"sum:": "min"}, "scores has 'sum:', which is no score"),
        ({"trials:3": "min"}, "scores has 'trials:3', which is no score"),
        ({"units_to:soon": "min"}, "scores has 'units_to:soon', which is no score"),
        ({"units_to:nan": "min"}, "scores has 'units_to:nan', which is no score"),
        ({"reevaluated": "min"}, "scores has 'reevaluated', .* Did you mean 'reevaluated:N'"),
        ({"reevaluated:0": "min"}, "scores has 'reevaluated:0', which is no score"),
        ({"reevaluated:101": "min"}, "scores has 'reevaluated:101', which is no score"),
        ({"reevaluated:03": "min"}, "scores has 'reevaluated:03', which is no score"),
        ({3: "min"}, "scores has 3, which is no score"),
        ({"trials": "less"}, r"scores\['trials'\] is 'less'; it must be 'min' .* or 'same'"),
        ({"trials": None}, r"scores\['trials'\] is None; it must be 'min'"),
        ({"trials": ("min", -1)}, r"scores\['trials'\] has the tolerance -1; it must be a number"),
        ({"trials": ("min", True)}, r"scores\['trials'\] has the tolerance True"),
    ],
)
def test_what_is_no_score_is_refused_with_what_there_is(scores: Any, text: str) -> None:
    with pytest.raises(BenchmarkError, match=text):
        checked_scores(scores)


def test_the_best_config_is_trained_as_often_as_any_score_asks() -> None:
    assert retrainings([]) == retrainings(["trials", "sum:reevaluated:9"]) == 0
    assert retrainings(["reevaluated:2", "reevaluated:10", "trials"]) == 10


def test_some_scores_tell_what_the_best_config_is_worth_otherwise() -> None:
    names = ["incumbent:test_loss", "reevaluated:3", "units_to:3", "trials", "final"]
    assert [of_the_chosen(name) for name in names] == [True, True, False, False, False]


@pytest.mark.parametrize("value", [0, 0.5, 10, "10%", ".5%", "0%"])
def test_a_tolerance_is_a_number_or_a_share(value: object) -> None:
    assert is_tolerance(value)


@pytest.mark.parametrize("value", [-1, float("inf"), True, "10", "%", "-1%", "1e3%", None, [1]])
def test_nothing_else_is_a_tolerance(value: object) -> None:
    assert not is_tolerance(value)
