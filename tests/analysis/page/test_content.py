from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from pictured_runs import RUNS, record

from pytest_synebench.analysis.page import content as content_module
from pytest_synebench.analysis.page.content import content
from pytest_synebench.errors import JournalError
from pytest_synebench.experiment.store.results import RunRecord, Runs


def runs_of(*records: RunRecord) -> Runs:
    return Runs(records=records)


@settings(max_examples=15, deadline=None)
@given(runs=RUNS)
def test_every_run_has_a_row_and_every_trial_one(runs: list[RunRecord]) -> None:
    made = content(runs_of(*runs), title="t")
    assert len(made.runs) == len(runs)
    assert len(made.trials) == sum(len(run.trials) for run in runs)
    setups = [setup for section in made.sections for setup in section.setups]
    assert sum(setup.runs for setup in setups) == len(runs)


def test_values_have_the_users_sign_and_the_best_config_can_be_copied() -> None:
    run = record([({"x": 1.0, "s": "a b"}, [5.0, 2.0]), ({"x": 2.0}, [math.nan])], mode="max")
    made = content(runs_of(run), title="t")
    (setup,) = made.sections[0].setups
    assert (setup.best, setup.median, setup.units) == (-2.0, -2.0, 3)
    assert setup.best_config == "--x=1.0 '--s=a b'"
    assert [row["best"] for row in made.trials] == [-2.0, None]
    assert math.isnan(float(str(made.trials[1]["last"])))
    assert (made.runs[0]["best"], made.runs[0]["state"]) == (-2.0, "finished")


def test_the_median_is_over_the_best_of_each_run() -> None:
    records = [record([({}, [loss])], run_id=i) for i, loss in enumerate([4.0, 1.0, 2.0, 9.0])]
    assert content(runs_of(*records), title="t").sections[0].setups[0].median == 3.0


def test_a_run_that_cannot_be_read_is_named() -> None:
    def broken() -> list[object]:
        raise JournalError("line 3 is damaged")

    bad = RunRecord(directory=Path("/bad"), metadata={}, finished=True, reason="", read=broken)  # type: ignore[arg-type] # it never returns
    made = content(runs_of(record([({}, [1.0])]), bad), title="t")
    assert made.problems == {Path("/bad"): "line 3 is damaged"}
    assert len(made.runs) == 1


def test_what_is_left_out_for_its_size_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_module, "TRIALS_AT_MOST", 2)
    monkeypatch.setattr(content_module, "LOOKED_INTO", 1)
    trials = [({"x": float(i)}, [float(i), 1.0]) for i in range(3)]
    made = content(runs_of(record(trials), record(trials, setup="base-pbt")), title="t")
    assert (len(made.trials), made.trials_left_out) == (2, 4)
    assert [row["setup"] for row in made.trials] == ["base-fifo-random", "base-pbt"], "one of each"
    assert [row["best"] for row in made.trials] == [0.0, 0.0], "the best one"
    assert [bool(setup.pictures) for setup in made.sections[0].setups] == [True, False]
