"""A benchmark is a pytest fixture like any other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_synebench import BenchmarkError, benchmark, extend, variant

from .conftest import CONFTEST, Go


def test_an_ordinary_test_takes_the_benchmark_once_per_default_variant(
    toy: Path, pytester: pytest.Pytester
) -> None:
    result = pytester.runpytest_inprocess("-v")
    result.stdout.fnmatch_lines(
        ["*test_ordinary[[]base] PASSED*", "*test_ordinary[[]small] PASSED*"]
    )
    result.assert_outcomes(passed=2)


def test_fixtures_shows_docstring_and_place(toy: Path, pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess("--fixtures")
    result.stdout.fnmatch_lines(["toy [[]session scope] -- conftest.py:[56]", "    A toy problem."])


def test_setup_plan_shows_the_fixture_and_runs_nothing(go: Go) -> None:
    result = go("--synebench", "toy", "--setup-plan", "--variant", "tiny")
    result.stdout.fnmatch_lines(["SETUP    S toy[[]tiny]", "*trial[[]0] (fixtures used:*"])
    result.stdout.no_fnmatch_line("*--- synebench ---*")


def test_a_benchmark_takes_other_fixtures_as_axes(go: Go, pytester: pytest.Pytester) -> None:
    axis = """
import pytest

@pytest.fixture(scope="session", params=["fp32", "bf16"])
def precision(request):
    return request.param
"""
    pytester.makeconftest(axis + CONFTEST.replace("def toy(params)", "def toy(params, precision)"))
    result = go("--synebench", "toy", "--variant", "tiny", "-k", "launch", "--collect-only", "-q")
    result.stdout.fnmatch_lines(
        [
            "synebench::toy::tiny-fp32-fifo-random-r0::launch",
            "synebench::toy::tiny-bf16-fifo-random-r0::launch",
        ]
    )


def test_an_extension_adds_variants_defaults_and_domains(go: Go, pytester: pytest.Pytester) -> None:
    pytester.mkdir("sub").joinpath("conftest.py").write_text(
        "from pytest_synebench import extend, variant\n"
        "from pytest_synebench.space import uniform\n"
        "toy = extend('toy', variant('ours', scale=7.0), default_params={'num_trials': 1},\n"
        "             config_space={'x': uniform(0.25, 0.26), 'more': 3})\n"
    )
    (pytester.path / "sub" / "test_sub.py").write_text(
        "def test_sub(toy, request):\n"
        "    assert 'more' in toy.config_space and toy.space.midpoint() == {'x': 0.255}\n"
        "    print('SCALE', toy.config_space['scale'])\n"
    )
    result = go("sub", "-v", "-s")
    result.stdout.fnmatch_lines(["*test_sub[[]base]*", "*test_sub[[]ours] SCALE 7.0"])
    result.assert_outcomes(passed=3)
    # What it extends is unchanged.
    go("test_ordinary.py").assert_outcomes(passed=2)


def test_an_extension_with_only_keeps_its_own_variants(go: Go, pytester: pytest.Pytester) -> None:
    pytester.mkdir("sub").joinpath("conftest.py").write_text(
        "from pytest_synebench import extend, variant\n"
        "toy = extend('toy', variant('ours', scale=7.0), only=True)\n"
    )
    (pytester.path / "sub" / "test_sub.py").write_text("def test_sub(toy): pass\n")
    result = go("sub", "--collect-only", "-q")
    result.stdout.fnmatch_lines(["*test_sub[[]ours]", "", "1 test collected*"])


def test_a_plain_fixture_narrows_a_benchmark(go: Go, pytester: pytest.Pytester) -> None:
    pytester.mkdir("sub").joinpath("conftest.py").write_text(
        "import dataclasses, pytest\n"
        "from pytest_synebench.space import uniform\n"
        "@pytest.fixture(scope='session')\n"
        "def toy(toy):\n"
        "    narrow = {**toy.config_space, 'x': uniform(0, 0.1)}\n"
        "    return dataclasses.replace(toy, config_space=narrow)\n"
    )
    (pytester.path / "sub" / "test_sub.py").write_text(
        "def test_sub(toy): assert toy.space.midpoint() == {'x': 0.05}\n"
    )
    go("sub").assert_outcomes(passed=2)


def test_an_extension_of_nothing_is_refused(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("from pytest_synebench import extend\nnothing = extend('nothing')\n")
    pytester.makepyfile("def test_it(nothing): pass")
    result = pytester.runpytest_inprocess("-p", "no:randomly", "-p", "no:hypothesispytest")
    result.stdout.fnmatch_lines(
        ["*conftest.py:2: extend('nothing') finds no benchmark of that name to extend; install*"]
    )
    assert result.ret == pytest.ExitCode.INTERRUPTED


def test_two_variants_with_one_id_are_refused() -> None:
    with pytest.raises(BenchmarkError, match="two variants are called 'a'; each needs an id"):
        benchmark(variants=[variant("a"), variant("a", x=1)])(lambda params: None)


def test_a_variant_that_is_none_is_refused() -> None:
    not_one: Any = "base"
    with pytest.raises(BenchmarkError, match="a variant is 'base'; make it with variant"):
        benchmark(variants=[not_one])(lambda params: None)


def test_a_generator_is_refused() -> None:
    def generator(params: object) -> Any:
        yield params

    with pytest.raises(BenchmarkError, match="generator uses yield; return the Benchmark, and"):
        benchmark(generator)


def test_only_without_variants_is_refused() -> None:
    with pytest.raises(BenchmarkError, match="only=True\\) names no variant to keep"):
        extend("toy", only=True)


def test_what_is_no_benchmark_is_refused_with_file_and_line(
    go: Go, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(
        "from pytest_synebench import benchmark\n@benchmark\ndef toy(params):\n    return 3\n"
    )
    result = go("--synebench", "toy")
    result.stdout.fnmatch_lines(
        ["*conftest.py:2: toy returned 3; a benchmark's function returns a pytest_synebench.B*"]
    )
    assert result.ret == pytest.ExitCode.INTERRUPTED
