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
