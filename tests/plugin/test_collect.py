"""The tree: ids, and what a broken definition looks like at collection."""

from __future__ import annotations

import pytest

from .conftest import CONFTEST, Go


def test_the_ids_of_an_experiment(go: Go) -> None:
    result = go("--synebench", "toy", "--variant", "tiny", "--collect-only", "-q")
    names = ("launch", "trial[[]0]", "trial[[]1]", "sound")
    result.stdout.fnmatch_lines([f"synebench::toy::tiny-fifo-random-r0::{n}" for n in names])


def test_the_tree_shows_directory_benchmark_experiment(go: Go, pytester: pytest.Pytester) -> None:
    result = go("--synebench", "toy", "--variant", "tiny", "--collect-only")
    result.stdout.fnmatch_lines(
        [
            f"<Dir {pytester.path.name}>",
            "  <BenchmarkNode toy>",
            "    <Experiment tiny-fifo-random-r0>",
            "      <LaunchItem launch>",
            "      <TrialItem trial[[]0]>",
        ]
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'metric="loss"',
            'metric=""',
            "*conftest.py:5: benchmark 'toy': metric is ''; it must be *",
        ),
        (
            '"train.py"',
            '"trein.py"',
            "*conftest.py:5: benchmark 'toy': script is *, and there is no*",
        ),
        (
            'params["max_resource_level"]',
            "7",
            "*conftest.py:5: benchmark 'toy': config_space[[]'epochs'] is 7 although *",
        ),
    ],
)
def test_a_broken_definition_is_one_error_at_collection(
    go: Go, pytester: pytest.Pytester, old: str, new: str, message: str
) -> None:
    pytester.makeconftest(CONFTEST.replace(old, new))
    result = go("--synebench", "toy")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert result.parseoutcomes() == {"errors": 1}
    result.stdout.fnmatch_lines(["*ERROR collecting synebench*", message])


def test_what_a_definition_itself_raises_keeps_its_traceback(
    go: Go, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(CONFTEST.replace('params["scale"]', 'params["skale"]'))
    result = go("--synebench", "toy")
    result.stdout.fnmatch_lines(["*conftest.py:*in toy", "*KeyError: 'skale'"])


def test_a_variant_with_an_unknown_key_is_refused(go: Go, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST.replace("scale=0.5", "skale=0.5"))
    result = go("--synebench", "toy")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*(variant small) has no parameter 'skale'. Did you mean 'scale'?"]
    )


def test_a_plain_fixture_in_between_hides_a_benchmark(go: Go, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        CONFTEST + "\nimport pytest\ndel toy\n@pytest.fixture\ndef toy(): return 1\n"
    )
    result = go("--synebench", "toy")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
