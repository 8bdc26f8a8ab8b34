"""The fixture ``synebench`` in a user's tests, with real processes."""

from __future__ import annotations

from pathlib import Path

import pytest
from toy_project import make_project, run_pytest

TESTS = '''
import pytest
from pytest_synebench import UsageError


def test_by_name(synebench, tmp_path):
    """A conftest's benchmark; own parameters and the table's."""
    result = synebench.run("toy", num_trials=2, max_resource_level=2, storage=tmp_path)
    assert result.finished and len(result.trials) == 2
    assert result.metadata["max_resource"] == 2
    assert result.directory.is_relative_to(tmp_path)


def test_by_fixture(synebench, toy):
    result = synebench.run(toy, scheduler="fifo", num_trials=1)
    assert result.metadata["setup"] == "one-fifo-random"
    assert result.trials[0].level == 9
    assert result.directory.parts[-5:-2] == (".synebench", "runs", "toy")


def test_by_fixture_made_anew(synebench, toy):
    assert synebench.run(toy, num_trials=1, max_resource_level=2).trials[0].level <= 2


def test_wrong(synebench, toy):
    with pytest.raises(UsageError, match="Did you mean 'num_trials'"):
        synebench.run(toy, num_trails=1)
    with pytest.raises(UsageError, match="the fixture 'toy' of this test is 'one'"):
        synebench.run(toy, variant="two")
    with pytest.raises(UsageError, match="no installed benchmark is called 'tay'"):
        synebench.run("tay")


async def test_async(synebench):
    pass
'''

OVERRIDDEN = """
from dataclasses import replace
import pytest

@pytest.fixture(scope="session")
def toy(toy):
    return replace(toy, dataset="mine")
"""
IN_BELOW = """
import pytest
from pytest_synebench import UsageError

def test_it(synebench, toy):
    assert synebench.run(toy, num_trials=1).metadata["dataset"] == "mine"
    with pytest.raises(UsageError, match="'toy' is made with work, and of other fixtures"):
        synebench.run(toy, work=3)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    make_project(tmp_path)
    (tmp_path / "test_mine.py").write_text(TESTS)
    return tmp_path


def test_tests_run_experiments_as_their_fixtures_say(project: Path) -> None:
    done = run_pytest(project, "-q", "test_mine.py")
    assert "4 passed, 1 error" in done.stdout, done.stdout + done.stderr
    assert "test_async is async, and synebench.run() waits" in done.stdout


def test_on_the_workers_of_xdist_it_is_the_same(project: Path) -> None:
    pytest.importorskip("xdist")
    done = run_pytest(project, "-q", "-n2", "test_mine.py", "-k", "by_name or wrong")
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_what_is_set_for_all_tests_holds_and_a_list_is_refused(project: Path) -> None:
    told = ("--synebench-set", "num_trials=1")
    (project / "test_mine.py").write_text(
        "def test_it(synebench):\n    assert len(synebench.run('toy').trials) == 1\n"
    )
    assert "1 passed" in run_pytest(project, "-q", *told).stdout
    done = run_pytest(project, "-q", "--synebench-set", "num_trials=1,2")
    assert "num_trials has several values, '1,2', and run() runs one experiment" in done.stdout


def test_a_benchmark_that_a_fixture_has_changed_is_run_as_it_is(project: Path) -> None:
    below = project / "below"
    below.mkdir()
    (below / "conftest.py").write_text(OVERRIDDEN)
    (below / "test_below.py").write_text(IN_BELOW)
    done = run_pytest(project, "-q", "below")
    assert "1 passed" in done.stdout, done.stdout + done.stderr
