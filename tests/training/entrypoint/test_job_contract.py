"""Our entry point under the contract of jobs; AWS's own toolkit: test_toolkit.py."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from job_contract import JobContract, Start, ours


class TestOurs(JobContract):
    """It breaks no rule."""

    def start(self, folder: Path) -> Start:
        return ours(folder)


def test_the_differences_of_the_toolkit_are_rules_with_a_reason() -> None:
    # Read, not imported: where the toolkit is not installed its tests are skipped as a whole.
    tree = ast.parse(Path(__file__).with_name("test_toolkit.py").read_text())
    (known,) = [
        ast.literal_eval(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "DIFFERS"
    ]
    assert known
    assert all(hasattr(JobContract, name) for name in known)
    assert all(known.values())
