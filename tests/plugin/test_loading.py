"""Installed benchmarks are imported when something asks, and lie further than conftests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

INSTALLED = """
from pathlib import Path
from pytest_synebench import Benchmark, benchmark, variant
from pytest_synebench.space import uniform
print("IMPORTED shipped")

@benchmark(default_params=dict(num_trials=2, wide=1.0), variants=[variant("one"), variant("two")])
def shipped(params):
    return Benchmark(
        script=Path(__file__), config_space={"x": uniform(0, params["wide"])}, metric="loss"
    )
"""
QUIET = ("-p", "no:randomly", "-p", "no:hypothesispytest", "-s")


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository beside an installed package with an entry point of ours."""
    site = pytester.mkdir("site")
    (site / "shipped_package.py").write_text(INSTALLED)
    info = site / "shipped_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shipped-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[synebench.benchmarks]\nshipped = shipped_package\n")
    monkeypatch.syspath_prepend(site)
    # For runs in a process of their own.
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)
    repository = pytester.mkdir("repository")
    monkeypatch.chdir(repository)
    (repository / "pytest.ini").write_text("[pytest]\n")
    return repository


def test_plain_pytest_imports_no_definition(project: Path, pytester: pytest.Pytester) -> None:
    (project / "test_it.py").write_text("def test_it(tmp_path): pass\n")
    result = pytester.runpytest_inprocess(*QUIET)
    result.stdout.no_fnmatch_line("*IMPORTED*")
    result.assert_outcomes(passed=1)


def test_a_test_that_names_one_gets_it(project: Path, pytester: pytest.Pytester) -> None:
    (project / "test_it.py").write_text("def test_it(shipped): assert shipped.metric == 'loss'\n")
    result = pytester.runpytest_inprocess(*QUIET)
    result.stdout.fnmatch_lines(["*IMPORTED shipped*"])
    result.assert_outcomes(passed=2)


def test_a_test_gets_one_through_a_fixture(project: Path, pytester: pytest.Pytester) -> None:
    (project / "test_it.py").write_text(
        "import pytest\n@pytest.fixture\ndef mine(shipped): return shipped\n"
        "def test_it(mine): assert mine.metric == 'loss'\n"
    )
    pytester.runpytest_inprocess(*QUIET).assert_outcomes(passed=2)


def test_an_extension_in_the_root_conftest_is_nearer(
    project: Path, pytester: pytest.Pytester
) -> None:
    (project / "conftest.py").write_text(
        "from pytest_synebench import extend, variant\n"
        "shipped = extend('shipped', variant('three', wide=0.5), only=True)\n"
    )
    (project / "test_it.py").write_text(
        "def test_it(shipped): assert shipped.space.midpoint() == {'x': 0.25}\n"
    )
    result = pytester.runpytest_inprocess(*QUIET, "-v")
    result.stdout.fnmatch_lines(["*test_it[[]three] PASSED*"])
    result.assert_outcomes(passed=1)


def test_a_plain_override_in_the_root_conftest_is_nearer(
    project: Path, pytester: pytest.Pytester
) -> None:
    (project / "conftest.py").write_text(
        "import dataclasses, pytest\n"
        "@pytest.fixture(scope='session')\n"
        "def shipped(shipped): return dataclasses.replace(shipped, dataset='mine')\n"
    )
    (project / "test_it.py").write_text("def test_it(shipped): assert shipped.dataset == 'mine'\n")
    pytester.runpytest_inprocess(*QUIET).assert_outcomes(passed=2)


def test_an_option_finds_it_by_glob(project: Path, pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess(*QUIET, "--synebench", "ship*", "--collect-only", "-q")
    result.stdout.fnmatch_lines(["synebench::shipped::one-fifo-random-r0::launch"])


def test_the_root_conftest_extends_what_an_option_runs(
    project: Path, pytester: pytest.Pytester
) -> None:
    (project / "conftest.py").write_text(
        "from pytest_synebench import extend, variant\n"
        "shipped = extend('shipped', variant('three', wide=0.5), default_params={'more': 1})\n"
    )
    args = ("--synebench", "shipped", "--more", "2", "--collect-only", "-q", "-k", "launch")
    result = pytester.runpytest_inprocess(*QUIET, *args)
    result.stdout.fnmatch_lines(
        [f"synebench::shipped::{v}-fifo-random-r0::launch" for v in ("one", "two", "three")]
    )


def test_one_run_does_not_see_what_another_found(project: Path, pytester: pytest.Pytester) -> None:
    (project / "test_it.py").write_text("def test_it(shipped): pass\n")
    pytester.runpytest_inprocess(*QUIET).assert_outcomes(passed=2)
    (project / "test_it.py").write_text("def test_it(): pass\n")
    result = pytester.runpytest_inprocess(*QUIET, "--fixtures")
    result.stdout.no_fnmatch_line("*shipped*")


def test_an_extension_in_a_plugin_is_nearer(project: Path, pytester: pytest.Pytester) -> None:
    (project / "plugin_that_extends.py").write_text(
        "from pytest_synebench import extend, variant\n"
        "shipped = extend('shipped', variant('three', wide=0.5), only=True)\n"
    )
    (project / "test_it.py").write_text(
        "def test_it(shipped): assert shipped.space.midpoint() == {'x': 0.25}\n"
    )
    args = (*QUIET, "-p", "plugin_that_extends", "-v")
    result = pytester.runpytest_subprocess(*args)
    result.stdout.fnmatch_lines(["*test_it[[]three] PASSED*"])
    result.assert_outcomes(passed=1)


def test_an_extension_answers_getfixturevalue(project: Path, pytester: pytest.Pytester) -> None:
    (project / "conftest.py").write_text(
        "from pytest_synebench import extend, variant\n"
        "shipped = extend('shipped', variant('three', wide=0.5), only=True)\n"
    )
    (project / "test_it.py").write_text(
        "def test_it(request):\n"
        "    assert request.getfixturevalue('shipped').space.midpoint() == {'x': 0.25}\n"
    )
    pytester.runpytest_inprocess(*QUIET).assert_outcomes(passed=1)


def test_an_extension_in_a_plugin_is_nearer_for_experiments_too(
    project: Path, pytester: pytest.Pytester
) -> None:
    (project / "plugin_that_extends.py").write_text(
        "from pytest_synebench import extend, variant\n"
        "shipped = extend('shipped', variant('three', wide=0.5), only=True)\n"
    )
    args = (*QUIET, "-p", "plugin_that_extends", "--synebench=shipped", "--collect-only", "-q")
    result = pytester.runpytest_subprocess(*args, "-k", "launch")
    assert [line for line in result.outlines if line.startswith("synebench::")] == [
        "synebench::shipped::three-fifo-random-r0::launch"
    ]
