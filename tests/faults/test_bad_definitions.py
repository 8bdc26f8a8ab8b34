"""A definition that is broken: named with file and line, before any trial starts.

What parameters alone can tell is a collection error (exit code 2); what needs pytest's fixtures is
an error of the first item (exit code 1), and the others are skipped.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from bad_project import make_bad_project, run_in_process

HEAD = """\
from pathlib import Path

import pytest

from pytest_synebench import Benchmark, benchmark, variant
from pytest_synebench.space import uniform

SOUND = dict(
    script=Path(__file__).parent / "train.py",
    config_space={"x": uniform(0, 1), "epochs": 3},
    metric="loss",
    resource_attr="epoch",
    max_resource_attr="epochs",
)


"""
PLAIN = "@benchmark\ndef toy(params):\n    return "
LINE = HEAD.count("\n") + 1  # where each text below begins
AT_COLLECTION = {
    "missing_field": (
        PLAIN + "Benchmark(script=SOUND['script'], config_space=SOUND['config_space'])",
        (
            "benchmark 'toy': Benchmark is given no metric; it needs script=..., config_space=..., "
            "metric=..."
        ),
    ),
    "unknown_field": (
        PLAIN + "Benchmark(**SOUND, metrik='loss')",
        "benchmark 'toy': Benchmark has no field 'metrik'; its fields: script, config_space, ",
    ),
    "not_a_benchmark": (
        PLAIN + "SOUND",
        "a benchmark's function returns a pytest_synebench.Benchmark",
    ),
    "nothing_returned": (
        PLAIN + "None",
        "toy returned None; a benchmark's function returns a pytest_synebench.Benchmark",
    ),
    "missing_script": (
        PLAIN + "Benchmark(**{**SOUND, 'script': Path(__file__).parent / 'tarin.py'})",
        "and there is no such file; correct the path, or write the training script there",
    ),
    "relative_script": (
        PLAIN + "Benchmark(**{**SOUND, 'script': 'train.py'})",
        "script is 'train.py', a relative path, which would depend on where pytest is started",
    ),
    "wrong_max_resource_attr": (
        PLAIN + "Benchmark(**{**SOUND, 'max_resource_attr': 'epoch'})",
        (
            "max_resource_attr is 'epoch', which config_space does not have (its keys: x, epochs); "
            "add 'epoch': params['max_resource_level'] to config_space"
        ),
    ),
    "last_level_is_a_domain": (
        PLAIN + "Benchmark(**{**SOUND, 'config_space': {'x': uniform(0, 1), "
        "'epochs': uniform(1, 3)}})",
        "config_space['epochs'] is uniform(1, 3); as max_resource_attr it must be a constant",
    ),
    "last_level_is_another": (
        (
            "@benchmark(default_params={'max_resource_level': 9})\ndef toy(params):\n"
            "    return Benchmark(**SOUND)"
        ),
        "config_space['epochs'] is 3 although max_resource_level is 9; build config_space with",
    ),
    "asha_without_resource_attr": (
        (
            "@benchmark(default_params={'scheduler': 'asha_promotion'})\ndef toy(params):\n"
            "    return Benchmark(**{**SOUND, 'resource_attr': None, 'max_resource_attr': None})"
        ),
        (
            "asha_promotion compares trials at resource levels, and the benchmark has no "
            "resource_attr; set it to the metric that counts epochs, or choose --scheduler fifo"
        ),
    ),
    "point_outside_the_space": (
        PLAIN + "Benchmark(**SOUND, points_to_evaluate=[{'x': 2}])",
        "points_to_evaluate[0]: x: 2 is not in uniform(0, 1); it must be a number from 0 to 1",
    ),
    "a_domain_that_is_none": (
        PLAIN + "Benchmark(**{**SOUND, 'config_space': {'x': uniform(1, 0), 'epochs': 3}})",
        "uniform: lower is 1, above upper, which is 0; swap them",
    ),
}


def broken(folder: Path, text: str) -> Path:
    (make_bad_project(folder) / "conftest.py").write_text(HEAD + text + "\n")
    return folder


@pytest.mark.parametrize("case", AT_COLLECTION)
def test_a_broken_definition_is_one_collection_error(pytester: pytest.Pytester, case: str) -> None:
    text, message = AT_COLLECTION[case]
    folder = broken(pytester.path, text)
    code, output = run_in_process(pytester)

    assert code == pytest.ExitCode.INTERRUPTED, output
    assert message in output
    assert f"conftest.py:{LINE}: " in output
    assert "Traceback" not in output
    assert "1 error in" in output
    assert not (folder / ".synebench").exists()


@pytest.mark.parametrize("raises", ["1 / 0", "params['nope']"])
def test_what_a_definition_raises_is_shown_with_its_line(
    pytester: pytest.Pytester, raises: str
) -> None:
    folder = broken(pytester.path, PLAIN + raises)
    code, output = run_in_process(pytester)

    assert code == pytest.ExitCode.INTERRUPTED, output
    assert f"return {raises}" in output
    assert f"conftest.py:{LINE + 2}: in toy" in output
    assert not (folder / ".synebench").exists()


AS_TYPED = {
    "default_of_the_wrong_type": (
        "@benchmark(default_params={'num_workers': 'two'})\ndef toy(params): ...",
        "benchmark 'toy': num_workers is 'two'; it must be an integer from 1 up",
    ),
    "unknown_key_of_a_variant": (
        "@benchmark(variants=[variant('a', numworkers=3)])\ndef toy(params): ...",
        "has no parameter 'numworkers'. Did you mean 'num_workers'?",
    ),
    "two_variants_of_one_name": (
        "@benchmark(variants=[variant('a'), variant('a')])\ndef toy(params): ...",
        "two variants are called 'a'; each needs an id of its own",
    ),
    "variant_that_is_none": (
        "@benchmark(variants=['a'])\ndef toy(params): ...",
        "a variant is 'a'; make it with variant('name', key=value)",
    ),
    "generator": (
        "@benchmark\ndef toy(params): yield",
        "toy uses yield; return the Benchmark",
    ),
}


@pytest.mark.parametrize("case", AS_TYPED)
def test_what_makes_options_impossible_is_a_usage_error(
    pytester: pytest.Pytester, case: str
) -> None:
    text, message = AS_TYPED[case]
    folder = broken(pytester.path, text)
    code, output = run_in_process(pytester)

    assert code == pytest.ExitCode.USAGE_ERROR, output
    (line,) = [line for line in output.splitlines() if line]
    assert f"conftest.py:{LINE}: " in line
    assert message in line
    assert not (folder / ".synebench").exists()


FIXTURE = "@pytest.fixture(scope='session')\ndef data():\n    {}\n\n\n"
TAKES = "@benchmark\ndef toy(params, data):\n    return "
AT_LAUNCH = {
    "fixture_that_raises": (
        FIXTURE.format("raise OSError('the data is not there')") + TAKES + "Benchmark(**SOUND)",
        "OSError: the data is not there",
    ),
    "broken_behind_a_fixture": (
        FIXTURE.format("return 1") + TAKES + "Benchmark(**{**SOUND, 'mode': 'up'})",
        "benchmark 'toy': mode is 'up'; it must be 'min' or 'max'",
    ),
    "asha_behind_a_fixture": (
        FIXTURE.format("return 1")
        + "@benchmark(default_params={'scheduler': 'asha_promotion', 'grace_period': 5})\n"
        + "def toy(params, data):\n    return Benchmark(**SOUND)",
        "min_resource (grace_period) is 5; it must be at most max_resource",
    ),
    "fixture_that_is_not_there": (TAKES + "Benchmark(**SOUND)", "fixture 'data' not found"),
}


@pytest.mark.parametrize("case", AT_LAUNCH)
def test_what_needs_fixtures_is_one_error_at_launch(pytester: pytest.Pytester, case: str) -> None:
    text, message = AT_LAUNCH[case]
    folder = broken(pytester.path, text)
    code, output = run_in_process(pytester, "--num_trials", "3", "-rs")

    assert code == pytest.ExitCode.TESTS_FAILED, output
    assert message in output
    assert "4 skipped, 1 error" in output
    assert "experiment not launched: " in output
    assert not (folder / ".synebench").exists()
