"""A session that uses no benchmark pays nothing for the plugin."""

from __future__ import annotations

import pytest

PROBE = """
import sys

def pytest_unconfigure(config):
    heavy = [m for m in sys.modules if m == "numpy" or m.startswith((
        "pytest_synebench.experiment", "pytest_synebench.benchmarks", "pytest_synebench.definition",
        "pytest_synebench.plugin.session", "pytest_synebench.plugin.nodes"))]
    print("HEAVY", heavy)
"""


def test_a_plain_session_imports_no_experiment_no_definition_no_numpy(
    pytester: pytest.Pytester,
) -> None:
    pytester.makeconftest(PROBE)
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture
        def mine(): return 1

        @pytest.mark.parametrize("number", [1, 2])
        def test_it(mine, number, tmp_path): pass
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:randomly", "-p", "no:hypothesispytest")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["HEAVY []"])


MARKED = """
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_addoption(pluginmanager):  # as pytest marks what is installed as a wheel
    pluginmanager.rewrite_hook.mark_rewrite("pytest_synebench")
"""


def test_our_modules_are_imported_as_they_were_compiled_and_the_suites_rewritten(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        marked=MARKED,
        test_loaders="""
        import sys

        def test_it():
            from pytest_synebench import definition
            from pytest_synebench.testing import scheduler_suite

            rewriting = "_pytest.assertion.rewrite"
            assert type(definition.__spec__.loader).__module__ != rewriting
            assert type(scheduler_suite.__spec__.loader).__module__ == rewriting
        """,
    )
    options = ["-p", "marked", "-p", "no:randomly"]
    for plain in ([], ["--assert=plain"]):
        passed = 0 if plain else 1
        result = pytester.runpytest_subprocess(*options, *plain)
        result.assert_outcomes(passed=passed, failed=1 - passed)
