"""pytest's own options, and other plugins, do to experiments what their users expect."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from .conftest import Go

ONE = ("--synebench", "toy", "--variant", "base", "-v")


def reported(result: pytest.RunResult) -> list[str]:
    lines = [line.split()[0] for line in result.outlines if line.startswith("synebench::")]
    return [line.rsplit("::", 1)[1] for line in lines]


def test_last_failed_runs_the_experiment_and_reports_that_trial(go: Go) -> None:
    go(*ONE, "--behave", "1:fail")
    result = go(*ONE, "--behave", "1:fail", "--lf")
    assert reported(result) == ["trial[1]"]


def test_last_failed_works_beside_ordinary_failures(go: Go, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_ordinary="def test_bad(): assert 0\ndef test_good(): pass")
    go(*ONE, "--behave", "1:fail", "test_ordinary.py")
    result = go(*ONE, "--behave", "1:fail", "--lf", "test_ordinary.py")
    assert result.parseoutcomes()["failed"] == 2
    assert reported(result) == ["trial[1]"]


def test_failed_first_keeps_an_experiment_together(go: Go) -> None:
    go("--synebench", "toy", "-v", "--behave", "1:fail")
    result = go("--synebench", "toy", "-v", "--ff", "--num_workers", "1")
    assert reported(result)[:6] == ["launch", *[f"trial[{i}]" for i in range(4)], "sound"]
    result.assert_outcomes(passed=12)


def test_stepwise_goes_on_at_the_failed_trial(go: Go) -> None:
    go(*ONE, "--behave", "1:fail", "--num_workers", "1", "--sw")
    result = go(*ONE, "--num_workers", "1", "--sw")
    assert reported(result)[0] == "trial[1]"


def test_keywords_select_trials(go: Go) -> None:
    assert reported(go(*ONE, "-k", "sound")) == ["sound"]


def test_junit_has_a_testcase_per_trial_with_its_config(go: Go, pytester: pytest.Pytester) -> None:
    go(*ONE, "--junitxml=out.xml", "--behave", "1:fail")
    cases = list(ElementTree.parse(pytester.path / "out.xml").iter("testcase"))
    trials = [case for case in cases if str(case.get("name")).startswith("trial")]
    assert len(cases) == 6
    assert len(trials) == 4
    for case in trials:
        properties = {p.get("name"): p.get("value") for p in case.iter("property")}
        assert 0 <= float(str(properties["config.x"])) <= 1
        assert properties["state"] in {"completed", "failed"}
    assert [case.get("name") for case in trials if case.find("failure") is not None] == ["trial[1]"]


def test_durations_are_the_trials_own(go: Go) -> None:
    result = go(*ONE, "--durations=0", "--durations-min=0", "-vv")
    result.stdout.fnmatch_lines(["*s call     synebench::toy::base-fifo-random-r0::trial[[]?]"])


def test_a_timeout_ends_a_trial_that_is_waited_for_in_its_item(go: Go) -> None:
    # Launch is deselected: the first trial waits inside of its own item, under the timer.
    args = ("-k", "trial", "--behave", "0:hang 1:hang", "--timeout=0.5", "-p", "no:faulthandler")
    result = go(*ONE, *args, "-x")
    result.stdout.fnmatch_lines(["*Timeout*0.5*"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_random_order_leaves_experiments_whole(go: Go, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\naddopts = -p no:hypothesispytest\n")
    args = ("--synebench", "toy", "-v", "--num_workers", "1", "--randomly-seed=3")
    result = go(*args)
    names = reported(result)
    whole = ["launch", *[f"trial[{i}]" for i in range(4)], "sound"]
    assert names == [*whole, *whole]


def test_quiet_dots_are_letters_of_outcomes(go: Go) -> None:
    result = go("--synebench", "toy", "--variant", "base", "-q", "--behave", "1:fail")
    result.stdout.fnmatch_lines(["*F*[[]100%]*"])
