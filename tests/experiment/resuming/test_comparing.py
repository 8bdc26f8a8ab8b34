from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.experiment.resuming.comparing import (
    Difference,
    Rule,
    compare,
    differing_keys,
    same_bits,
)
from pytest_synebench.experiment.resuming.training import How, Resumed, Training

LOSSES = [0.5, 0.4, 0.3]
NAN = math.nan


def training(
    folder: Path,
    losses: list[float],
    *,
    resumes: tuple[Resumed, ...] = (),
    problem: str = "",
    state: dict[str, Any] | None = None,
    **metrics: float,
) -> Training:
    folder.mkdir(parents=True, exist_ok=True)
    made = Training(
        how=How(),
        directory=folder,
        reports={i: {"loss": loss, **metrics} for i, loss in enumerate(losses, 1)},
        resumes=resumes,
        problem=problem,
    )
    if state is not None:
        made.checkpoint(len(losses)).mkdir(parents=True)
        (made.checkpoint(len(losses)) / "state.json").write_text(json.dumps(state))
    return made


def found(tmp_path: Path, rule: Rule | None = None, **other: Any) -> Difference | None:
    given_losses = other.pop("losses", LOSSES)
    mine = training(tmp_path / "whole", LOSSES, state=other.pop("mine", None), t=1.0)
    theirs = training(tmp_path / "broken", given_losses, **{"t": 1.0, **other})
    return compare(mine, theirs, rule or Rule())


def test_equal_trainings_do_not_differ(tmp_path: Path) -> None:
    assert found(tmp_path, mine={"w": 1.5}, state={"w": 1.5}) is None


def test_the_first_difference_is_that_of_the_lowest_level(tmp_path: Path) -> None:
    one = found(tmp_path, losses=[0.5, math.nextafter(0.4, 1), 0.9])
    assert one is not None
    assert one.told("epoch") == (
        f"epoch 2, loss: 0.4 without a break, {math.nextafter(0.4, 1)!r} with one"
    )


def test_a_resume_from_an_earlier_level_differs_though_every_report_is_equal(
    tmp_path: Path,
) -> None:
    resumed = Resumed(paused_at=2, began_from=1, told="REJECTED: bad; resumed@1")
    one = found(tmp_path, resumes=(resumed,))
    assert one is not None
    assert one.told("epoch") == (
        "after the pause at epoch 2, training went on from level 1 (REJECTED: bad; resumed@1)"
    )


def test_a_training_that_does_not_get_through_differs_where_it_ends(tmp_path: Path) -> None:
    one = found(tmp_path, losses=LOSSES[:2], problem="exit code 1")
    assert one is not None
    assert one.told("epoch") == "after epoch 2, exit code 1"


def test_what_the_last_checkpoint_holds_is_compared(tmp_path: Path) -> None:
    one = found(tmp_path, mine={"w": [1.0, 2.0]}, state={"w": [1.0, 2.5]})
    assert one is not None
    assert (one.where, one.level, one.key) == ("state", 3, "checkpoint: state.json: w[1]")
    assert (one.whole, one.broken) == ("2.0", "2.5")


def test_numbers_within_the_tolerance_are_equal_in_reports_and_states(tmp_path: Path) -> None:
    changed = {"losses": [0.5, 0.41, 0.3], "mine": {"w": 1.0}, "state": {"w": 0.995}}
    assert found(tmp_path / "1", Rule(tolerance=0.011), **changed) is None
    assert found(tmp_path / "2", Rule(tolerance=0.009), **changed) is not None


def test_what_is_left_out_is_not_compared(tmp_path: Path) -> None:
    assert found(tmp_path / "1", t=2.0) is not None
    assert found(tmp_path / "2", Rule(ignored=frozenset({"t"})), t=2.0) is None


def test_keys_that_differ_without_a_break_are_told_unless_the_metric_is_one(
    tmp_path: Path,
) -> None:
    one = training(tmp_path / "1", LOSSES, t=1.0, u=1.0, state={"at": 1})
    two = training(tmp_path / "2", LOSSES, t=2.0, u=1.0, state={"at": 2})
    assert differing_keys(one, two, "loss", Rule()) == frozenset(
        {"t", "checkpoint: state.json: at"}
    )
    assert differing_keys(one, one, "loss", Rule()) == frozenset()
    other = training(tmp_path / "3", [0.5, 0.4, 0.2], t=1.0, u=1.0)
    assert differing_keys(one, other, "loss", Rule()) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [(NAN, NAN, True), (NAN, 1.0, False), (0.0, -0.0, False), (1, True, False), (2, 2.0, True)],
)
def test_numbers_are_equal_bit_for_bit(one: float, other: float, same: bool) -> None:
    assert same_bits(one, other) is same


@given(st.floats(allow_nan=True), st.floats(allow_nan=True))
def test_any_two_floats_are_equal_where_their_bits_are(one: float, other: float) -> None:
    assert same_bits(one, other) == (one.hex() == other.hex())
