from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from toy_plan import toy_benchmark

from pytest_synebench.backends.protocol import AttemptKey, AttemptReported
from pytest_synebench.errors import TrialError
from pytest_synebench.experiment.journal.trials import TrialRecord
from pytest_synebench.experiment.tuner.intake import Intake, same_value
from pytest_synebench.testing.histories import SCALARS
from pytest_synebench.trial import Report, TrialId

T0 = TrialId(0)


def sent(sequence: int = 0, **metrics: Any) -> AttemptReported:
    return AttemptReported(key=AttemptKey(T0, 0), sequence=sequence, metrics=metrics)


def trial(*losses: float) -> TrialRecord:
    record = TrialRecord(T0, {}, None)
    for level, loss in enumerate(losses, 1):
        metrics: dict[str, Any] = {"epoch": level, "loss": loss}
        record.reports.append(
            Report(trial_id=T0, resource=level, loss=loss, at_s=0.0, metrics=metrics)
        )
    return record


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("toy")


@pytest.fixture
def intake(folder: Path) -> Intake:
    return Intake(toy_benchmark(folder))


# -- the metric ----------------------------------------------------------------------------------


@given(value=SCALARS)
@example(value=True)
@example(value="1")
@example(value=None)
def test_only_a_number_becomes_a_loss(folder: Path, value: object) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    for mode, sign in (("min", 1.0), ("max", -1.0)):
        read = Intake(toy_benchmark(folder, mode=mode)).read
        if not number:
            with pytest.raises(TrialError, match=r"trial 0 reported loss=.*; the metric must be a"):
                read(sent(epoch=1, loss=value), trial(), 0, 2.0)
            continue
        report = read(sent(epoch=1, loss=value), trial(), 0, 2.0)
        assert repr(report.loss) == repr(sign * float(value))  # type: ignore[arg-type] # a number
        assert (report.trial_id, report.resource, report.at_s) == (T0, 1, 2.0)


def test_mode_max_is_negated_once_and_what_was_sent_is_kept(folder: Path) -> None:
    intake = Intake(toy_benchmark(folder, mode="max"))
    report = intake.read(sent(epoch=1, loss=-120.5), trial(), 0, 0.0)
    assert report.loss == 120.5
    assert report.metrics == {"epoch": 1, "loss": -120.5}


@pytest.mark.parametrize("mode", ["min", "max"])
def test_nan_stays_nan(folder: Path, mode: str) -> None:
    report = Intake(toy_benchmark(folder, mode=mode)).read(
        sent(epoch=1, loss=math.nan), trial(), 0, 0.0
    )
    assert math.isnan(report.loss)


def test_an_integer_beyond_every_float_fails_its_trial_only(intake: Intake) -> None:
    with pytest.raises(
        TrialError, match="an integer as loss that is beyond every float; the metric"
    ):
        intake.read(sent(epoch=1, loss=10**400), trial(), 0, 0.0)


@pytest.mark.parametrize(
    ("missing", "what"), [("loss", "the metric"), ("epoch", "which resource_attr names")]
)
def test_a_key_that_no_report_has_had_may_be_named_wrong_in_the_definition(
    intake: Intake, missing: str, what: str
) -> None:
    metrics: dict[str, Any] = {"epoch": 1, "loss": 0.5, "extra": 1}
    del metrics[missing]
    rest = ", ".join(metrics)
    with pytest.raises(
        TrialError,
        match=rf"a report of trial 0 has no '{missing}', {what} \(its keys: {rest}\); "
        rf"report\({missing}=...\) in the script, or name the right key",
    ):
        intake.read(sent(**metrics), trial(), 0, 0.0)


@pytest.mark.parametrize("missing", ["loss", "epoch"])
def test_a_key_that_another_report_had_is_the_trials_fault(intake: Intake, missing: str) -> None:
    metrics: dict[str, Any] = {"epoch": 1, "loss": 0.5}
    intake.read(sent(**metrics), trial(), 0, 0.0)
    del metrics[missing]
    with pytest.raises(TrialError, match=f"has no '{missing}', .*; report it at every level"):
        intake.read(sent(**metrics), trial(), 0, 0.0)


@pytest.mark.parametrize("missing", ["loss", "epoch"])
def test_what_the_trial_itself_reported_before_counts_after_a_restart(
    intake: Intake, missing: str
) -> None:
    metrics: dict[str, Any] = {"epoch": 2, "loss": 0.5}
    del metrics[missing]
    with pytest.raises(TrialError, match="report it at every level"):
        intake.read(sent(**metrics), trial(0.5), 0, 0.0)


def test_a_report_without_any_key_says_none(intake: Intake) -> None:
    with pytest.raises(TrialError, match=r"\(its keys: none\)"):
        intake.read(sent(), trial(), 0, 0.0)


# -- the level -----------------------------------------------------------------------------------


@given(value=SCALARS)
@example(value=0)
@example(value=1)
@example(value=True)
@example(value=1.0)
def test_levels_are_integers_from_1_up(folder: Path, value: object) -> None:
    intake = Intake(toy_benchmark(folder))
    good = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    if good:
        report = intake.read(sent(epoch=value, loss=0.5), trial(), 0, 0.0)
        assert report.resource == value
    else:
        with pytest.raises(TrialError, match="resource levels are integers from 1 up"):
            intake.read(sent(epoch=value, loss=0.5), trial(), 0, 0.0)


@given(before=st.integers(0, 5), now=st.integers(1, 6))
def test_levels_go_up_within_an_attempt(folder: Path, before: int, now: int) -> None:
    intake = Intake(toy_benchmark(folder))
    if now > before:
        # What earlier attempts have reported does not matter here: a level may come again.
        assert intake.read(sent(epoch=now, loss=0.5), trial(0.5, 0.4), before, 0.0).resource == now
    else:
        with pytest.raises(TrialError, match=f"trial 0 reported epoch {now} after {before}; level"):
            intake.read(sent(epoch=now, loss=0.5), trial(), before, 0.0)


def test_without_resource_attr_reports_are_counted(folder: Path) -> None:
    intake = Intake(toy_benchmark(folder, resource_attr=None, max_resource_attr=None))
    assert intake.read(sent(0, loss=0.5), trial(), 0, 0.0).resource == 1
    assert intake.read(sent(1, loss=0.5), trial(), 1, 0.0).resource == 2


# -- a level that comes again --------------------------------------------------------------------


def test_a_repeated_level_with_another_metric_is_remarked(intake: Intake) -> None:
    known = trial(0.5, 0.4)
    assert intake.differs(known, sent(epoch=2, loss=0.4)) == ""
    assert intake.differs(known, sent(epoch=3, loss=0.1)) == ""
    assert intake.differs(known, sent(epoch=2, loss=0.3)) == (
        "trial 0 repeated epoch 2 with loss=0.3, where it was 0.4: "
        "the script does not continue as it began"
    )


def test_nan_that_comes_again_is_the_same(intake: Intake) -> None:
    assert intake.differs(trial(math.nan), sent(epoch=1, loss=math.nan)) == ""
    assert intake.differs(trial(math.nan), sent(epoch=1, loss=1.0)) != ""
    assert same_value("a", "a")
    assert not same_value(math.nan, "nan")


# -- the end -------------------------------------------------------------------------------------


def test_an_end_without_a_report_is_no_success(intake: Intake) -> None:
    problem = intake.missing(trial(), None)
    assert problem.startswith("ended with exit code 0 without one report of 'loss'; call report()")


@pytest.mark.parametrize(
    ("level", "until", "last"), [(2, None, 9), (2, 3, 3), (3, 3, None), (9, None, None)]
)
def test_an_end_before_the_last_level_is_no_success(
    intake: Intake, level: int, until: int | None, last: int | None
) -> None:
    problem = intake.missing(trial(*[0.5] * level), until)
    if last is None:
        assert problem == ""
    else:
        assert f"exit code 0 after epoch {level} of {last}; a script runs to its last" in problem


def test_a_script_without_levels_may_end_after_one_report(folder: Path) -> None:
    intake = Intake(toy_benchmark(folder, resource_attr=None, max_resource_attr=None))
    assert intake.missing(trial(0.5), None) == ""


# -- virtual time --------------------------------------------------------------------------------


@given(value=SCALARS)
@example(value=True)
@example(value=1.0)
def test_the_level_of_a_report_is_what_a_report_with_it_would_have(
    folder: Path, value: object
) -> None:
    intake = Intake(toy_benchmark(folder))
    try:
        expected = intake.read(sent(epoch=value, loss=0.5), trial(), 0, 0.0).resource
    except TrialError:
        assert intake.level(sent(epoch=value)) is None
    else:
        assert intake.level(sent(epoch=value)) == expected


def test_the_level_of_a_report_without_one_is_its_number(folder: Path) -> None:
    counted = Intake(toy_benchmark(folder, resource_attr=None, max_resource_attr=None))
    assert counted.level(sent(4, loss=0.5)) == 5
    assert Intake(toy_benchmark(folder)).level(sent(4, loss=0.5)) is None


def test_elapsed_time_that_is_kept_apart_is_that_of_the_first_report(folder: Path) -> None:
    definition = toy_benchmark(folder, elapsed_time_attr="elapsed")
    intake = Intake(definition, apart={})
    known = trial(0.5)
    first = intake.read(sent(epoch=2, loss=0.4, elapsed=3.0), known, 1, 0.0)
    assert first.metrics == {"epoch": 2, "loss": 0.4}
    known.reports.append(first)
    again = intake.read(sent(epoch=2, loss=0.4, elapsed=7.0), known, 1, 0.0)
    assert "elapsed" not in again.metrics
    assert intake.elapsed(known, 2) == 3.0
    assert Intake(definition).elapsed(trial(0.5), 1) is None


def test_a_gap_between_levels_is_told_once(intake: Intake) -> None:
    known = trial()
    known.beginnings[0] = (3, 0)
    assert intake.gap(known, 4, 0) == "", "it began from level 3"
    assert intake.gap(known, 6, 4).startswith("trial 0 reported level 6 after 4: levels in between")
    assert intake.gap(known, 9, 6) == ""
