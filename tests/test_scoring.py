"""Scores that a benchmark declares: their names, and how they are read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_synebench.errors import BenchmarkError
from pytest_synebench.scoring import COUNTS, Declared, checked_scores


def test_every_kind_of_name_is_known() -> None:
    names = [*COUNTS, "sum:cost", "incumbent:test_loss", "units_to:0.3", "seconds_to:-1e-3"]
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
