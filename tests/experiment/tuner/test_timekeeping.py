from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from toy_plan import toy_plan

from pytest_synebench.backends.protocol import AttemptKey, AttemptReported
from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.journal import timings
from pytest_synebench.experiment.journal.timings import Arrival, Span
from pytest_synebench.experiment.journal.trials import TrialRecord, TrialTable
from pytest_synebench.experiment.tuner.timekeeping import Timekeeping, check_deterministic, wall_s
from pytest_synebench.trial import Report, TrialId

T0 = TrialId(0)


def keeping(folder: Path, **params: Any) -> Timekeeping:
    plan = toy_plan(folder, fields={"elapsed_time_attr": "elapsed"}, **params)
    table = TrialTable()
    table.at_s = 4.0
    return Timekeeping.of(plan, table, folder)


def sent(level: int, elapsed: float) -> AttemptReported:
    metrics = {"epoch": level, "loss": 1.0, "elapsed": elapsed}
    return AttemptReported(key=AttemptKey(T0, 0), sequence=0, metrics=metrics)


def test_measured_time_counts_unless_asked(tmp_path: Path) -> None:
    kept = keeping(tmp_path, scheduler_timeout=60.0)
    assert not kept.order.virtual
    assert kept.order.now_s(7.0) == 7.0
    assert kept.budget.scheduler_timeout_s == 60.0
    assert (kept.spent_s, kept.session_s) == (None, None)
    report = kept.intake.read(sent(1, 2.5), TrialRecord(T0, {}, None), 0, 0.0)
    assert report.metrics["elapsed"] == 2.5


def test_a_deterministic_run_goes_on_at_the_time_of_its_journal(tmp_path: Path) -> None:
    kept = keeping(tmp_path, deterministic=True, scheduler_timeout=60.0)
    assert kept.order.virtual
    assert kept.order.now_s(7.0) == 4.0
    assert kept.budget.scheduler_timeout_s is None, "measured time ends no run"
    assert kept.session_s == 60.0


def test_elapsed_time_is_kept_apart_from_a_deterministic_journal(tmp_path: Path) -> None:
    timings.append(
        tmp_path, [Span(AttemptKey(T0, 0), 0.0, 9.0), Arrival(AttemptKey(T0, 0), 1, 8.0, 6.5)]
    )
    kept = keeping(tmp_path, deterministic=True)
    assert kept.spent_s == 9.0
    trial = TrialRecord(T0, {}, None)
    trial.reports.append(Report(trial_id=T0, resource=1, loss=1.0, at_s=1.0))
    trial.beginnings[0] = (1, 1)
    report = kept.intake.read(sent(2, 2.5), trial, 0, 2.0)
    assert "elapsed" not in report.metrics
    assert kept.intake.elapsed(trial, 2) == 9.0, "on from the 6.5 of the level it resumed from"


def test_what_is_judged_by_elapsed_time_is_refused(tmp_path: Path) -> None:
    fields = {"metric": "elapsed", "elapsed_time_attr": "elapsed"}
    check_deterministic(toy_plan(tmp_path, fields=fields))
    check_deterministic(toy_plan(tmp_path, deterministic=True))
    with pytest.raises(UsageError, match=r"metric of toy is 'elapsed', its elapsed_time_attr; .*"):
        check_deterministic(toy_plan(tmp_path, fields=fields, deterministic=True))


@pytest.mark.parametrize(
    ("scheduler", "fields", "words"),
    [
        ("asha_cost_promotion", {"cost_attr": "elapsed"}, "the cost_attr, which asha_cost_promo"),
        ("mo_asha", {}, "the second metric of mo_asha of toy is 'elapsed'"),
    ],
)
def test_a_scheduler_that_compares_elapsed_times_is_refused_too(
    tmp_path: Path, scheduler: str, fields: dict[str, str], words: str
) -> None:
    fields = {"elapsed_time_attr": "elapsed", **fields}
    check_deterministic(toy_plan(tmp_path, fields=fields, scheduler=scheduler))
    check_deterministic(toy_plan(tmp_path, fields=fields, deterministic=True))
    plan = toy_plan(tmp_path, fields=fields, scheduler=scheduler, deterministic=True)
    with pytest.raises(UsageError, match=words):
        check_deterministic(plan)


def test_the_time_people_see_is_measured(tmp_path: Path) -> None:
    timings.append(tmp_path, [Span(AttemptKey(T0, 0), 0.0, 9.0)])
    table = TrialTable()
    table.at_s = 4.0
    assert wall_s(toy_plan(tmp_path), table, tmp_path) == 4.0
    assert wall_s(toy_plan(tmp_path, deterministic=True), table, tmp_path) == 9.0


def test_a_simulated_run_has_times_of_its_trials_and_needs_no_sequence(tmp_path: Path) -> None:
    kept = keeping(tmp_path, backend="simulated", deterministic=True, scheduler_timeout=60.0)
    assert not kept.order.virtual
    assert kept.budget.scheduler_timeout_s == 60.0
    trial = TrialRecord(T0, {}, None)
    trial.reports.append(
        Report(trial_id=T0, resource=1, loss=1.0, at_s=0.0, metrics={"elapsed": 2.0})
    )
    trial.beginnings[0] = (1, 1)
    # The curve counts on: nothing is added to what it says.
    assert kept.intake.read(sent(2, 5.0), trial, 1, 0.0).metrics["elapsed"] == 5.0
