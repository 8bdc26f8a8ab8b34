"""Sweeping ends every child of a process: its cases have a process of their own.

The one that runs all tests has other children, as services of the session, which are no strays.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CASES = Path(__file__).with_name("sweeping_cases.py")


def test_every_case_holds_in_a_process_that_has_no_other_children() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(CASES)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
