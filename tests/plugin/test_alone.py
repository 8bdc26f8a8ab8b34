"""Options of experiments without ``--synebench``: refused, never ignored."""

from __future__ import annotations

import pytest

from .conftest import CONFTEST, Go


@pytest.mark.parametrize(
    "option",
    [
        "--synebench-resume",
        "--synebench-dry-run",
        "--synebench-takeover",
        "--synebench-remote",
        "--synebench-items=trial",
        "--synebench-storage=kept",
        "--variant=small",
        "--run-id=3",
        "--audit",
        "--num_workers=2",
        "--scale=2",
    ],
)
def test_an_option_of_experiments_alone_is_a_usage_error(go: Go, option: str) -> None:
    result = go(option)
    flag = option.split("=")[0]
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in result.errlines if line]
    assert line.startswith(f"ERROR: {flag} is given without --synebench: ")
    assert f"pytest --synebench NAME {flag} ..." in line


def test_what_stands_in_addopts_for_all_sessions_is_left_alone(
    go: Go, pytester: pytest.Pytester
) -> None:
    pytester.makeini(
        "[pytest]\naddopts = -p no:randomly -p no:hypothesispytest --synebench-storage=kept\n"
    )
    go().assert_outcomes(passed=2)


def test_a_parameter_set_for_ordinary_tests_is_left_alone(go: Go) -> None:
    go("--synebench-set", "toy.scale=2").assert_outcomes(passed=2)


def test_an_option_that_another_plugin_owns_is_left_alone(
    go: Go, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(
        CONFTEST + "\ndef pytest_addoption(parser): parser.addoption('--num_workers')\n"
    )
    go("--num_workers=2").assert_outcomes(passed=2)


def test_an_option_that_nobody_has_is_pytests_to_refuse(go: Go) -> None:
    go("--numworkers=2").stderr.fnmatch_lines(["*unrecognized arguments: --numworkers=2*"])
