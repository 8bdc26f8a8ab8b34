"""The local back-end is the default, and needs nothing of the cloud."""

from __future__ import annotations

from pathlib import Path

from toy_project import run_pytest

CONFTEST = """
import sys

def pytest_unconfigure():
    print("CLOUD", sorted(name for name in sys.modules if name.startswith("boto")))
"""


def test_a_run_on_this_machine_imports_no_boto(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    done = run_pytest(tmp_path, "--synebench", "height_with_cost", "--num_trials", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "CLOUD []" in done.stdout
