"""Trials run in the order in which they end; everything else in the order of collection."""

from __future__ import annotations

import pytest

from pytest_synebench.plugin.nodes.experiment import Experiment

from .conftest import Go

ONE = ("--synebench", "toy", "--variant", "base", "-v")


def reported(result: pytest.RunResult) -> list[str]:
    """Names of the items in the order of their lines."""
    lines = [line.split()[0] for line in result.outlines if line.startswith("synebench::")]
    return [line.rsplit("::", 1)[1] for line in lines]


def test_a_trial_is_reported_when_it_ends(go: Go) -> None:
    result = go(*ONE, "--num_workers", "4", "--behave", "0:late 2:fail")
    assert reported(result) == ["launch", "trial[2]", "trial[1]", "trial[3]", "trial[0]", "sound"]


def test_only_selected_trials_are_reported_still_as_they_end(go: Go) -> None:
    result = go(*ONE, "--num_workers", "4", "--behave", "0:late", "-k", "launch or 0 or 3")
    assert reported(result)[:1] == ["launch"]
    assert reported(result).index("trial[3]") < reported(result).index("trial[0]")


def test_stopping_early_leaves_the_rest_unrun(go: Go) -> None:
    result = go(*ONE, "--num_workers", "4", "--behave", "0:hang 2:fail", "-x")
    assert reported(result) == ["launch", "trial[2]"]
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["go on with what is unfinished: pytest *--synebench-resume"])


def test_maxfail_counts_failed_trials(go: Go) -> None:
    result = go(*ONE, "--num_workers", "1", "--behave", "0:fail 1:fail 2:fail", "--maxfail=2")
    assert reported(result) == ["launch", "trial[0]", "trial[1]"]


def test_collection_errors_stop_the_session_as_ever(go: Go, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_broken="import nothing_of_that_name")
    result = go(*ONE, "test_broken.py")
    result.stdout.fnmatch_lines(["*Interrupted: 1 error during collection*"])
    result = go(*ONE, "test_broken.py", "--continue-on-collection-errors", "--behave", "0:late")
    assert reported(result)[1] == "trial[1]"


def test_choosing_costs_one_look_per_trial(go: Go, monkeypatch: pytest.MonkeyPatch) -> None:
    pumps = 0
    pump = Experiment.pump

    def counted(self: Experiment) -> None:
        nonlocal pumps
        pumps += 1
        pump(self)

    monkeypatch.setattr(Experiment, "pump", counted)
    go(*ONE, "--num_trials", "60", "--num_workers", "60").assert_outcomes(passed=62)
    # All trials end in the same few polls: waiting is per event, never per item.
    assert pumps < 20
