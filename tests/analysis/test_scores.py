"""Scores of a run: worked by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.analysis.scores import run_scores
from pytest_synebench.experiment.journal.trials import TrialRecord
from pytest_synebench.trial import CheckpointRef, Report, Scalar, TrialId, TrialState

NAN = math.nan


def trial(number: int, *told: tuple[float, Scalar], **more: Any) -> TrialRecord:
    """A trial that reports (loss, test) at levels 1, 2, …, each at its level plus its number."""
    record = TrialRecord(TrialId(number), more.pop("config", {"x": number}), None, **more)
    record.reports += [
        Report(
            trial_id=TrialId(number),
            resource=level,
            loss=loss,
            at_s=float(level + number),
            metrics={"test": test, "cost": 2.0 * level},
        )
        for level, (loss, test) in enumerate(told, record.level + 1)
    ]
    return record


TRIALS = [
    trial(0, (5.0, 0.1), (3.0, 0.2)),
    trial(1, (NAN, 0.3), config={"x": 0}, state=TrialState.FAILED),
    trial(2, (4.0, 0.4), (2.0, "n/a")),
]


def score(name: str, trials: list[TrialRecord] = TRIALS, mode: str = "min") -> float:
    return run_scores(trials, 4, mode=mode, declared=[name])[name]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("trials", 3),
        ("failed", 1),
        ("diverged", 1),
        ("duplicates", 1),
        ("units", 5),
        ("repeated", 0),
        ("seconds", 4),
        ("sum:cost", 4 + 2 + 4),
        ("sum:none", NAN),
        ("sum:test", NAN),
        ("incumbent:cost", 4),
        ("incumbent:test", NAN),
        ("units_to:3", 2),
        ("units_to:1", NAN),
        ("seconds_to:3", 2),
        ("seconds_to:1", NAN),
    ],
)
def test_by_hand(name: str, value: float) -> None:
    assert score(name) == pytest.approx(value, nan_ok=True)


def test_what_is_trained_anew_counts_by_its_mean() -> None:
    def of(*losses: float, mode: str = "min") -> float:
        names = ["reevaluated:2"]
        told = run_scores(TRIALS, 4, mode=mode, declared=names, reevaluated=losses)
        return told["reevaluated:2"]

    assert of(1.0, 3.0, 99.0) == 2.0
    assert of(-0.5, -0.7, mode="max") == pytest.approx(0.6)
    assert math.isnan(of(1.0))
    assert math.isnan(of(1.0, NAN))
    assert math.isnan(of())


def test_a_target_is_in_the_metric_s_own_sign() -> None:
    accurate = [trial(0, (-0.5, 0), (-0.9, 0))]
    assert score("units_to:0.9", accurate, "max") == 2
    assert run_scores(accurate, 2, mode="max", floor=0.7)["area"] == pytest.approx(-0.6)


def test_what_lies_beyond_the_floor_counts_as_the_floor() -> None:
    assert run_scores(TRIALS, 5, mode="min")["area"] == pytest.approx((5 + 3 + 3 + 3 + 2) / 5)
    assert run_scores(TRIALS, 5, mode="min", floor=3.0)["area"] == pytest.approx(17 / 5)


def test_a_copy_did_not_run_the_levels_of_another() -> None:
    copy = trial(1, (1.0, 0), checkpoint=CheckpointRef(trial_id=TrialId(0), level=2, sha256=""))
    assert copy.level == 3
    assert score("units", [copy]) == 1


def test_levels_that_are_run_again_are_counted() -> None:
    again = trial(0, (1.0, 0), beginnings={1: (0, 2)})
    assert score("repeated", [again]) == 2


def test_a_run_without_trials_has_counts_and_nothing_measured() -> None:
    assert score("trials", []) == 0
    assert math.isnan(score("seconds", []))
    assert math.isnan(score("incumbent:test", []))


@given(st.permutations(range(3)))
def test_the_order_of_trials_does_not_matter(order: list[int]) -> None:
    names = ["units", "sum:cost", "incumbent:cost", "units_to:3", "duplicates"]
    shuffled = [TRIALS[i] for i in order]
    assert repr(run_scores(shuffled, 5, mode="min", declared=names)) == repr(
        run_scores(TRIALS, 5, mode="min", declared=names)
    )
