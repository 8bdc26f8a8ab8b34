"""The emulator stands alone: who tests another program with it gets nothing else of ours."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import pytest_synebench.emulator

FOLDER = Path(str(pytest_synebench.emulator.__file__)).parent


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda path: path.stem)
def test_it_imports_nothing_of_the_project_but_errors(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("pytest_synebench"):
            assert str(node.module).startswith(
                ("pytest_synebench.emulator", "pytest_synebench.errors")
            )


def test_what_is_assumed_is_numbered_in_the_guide_and_named_by_a_test() -> None:
    here = Path(__file__)
    guide = (here.parents[2] / "docs" / "guide" / "emulator.md").read_text()
    numbered = re.findall(r"^\| (ASSUMED-\d\d) \|", guide, re.MULTILINE)
    named = {
        number
        for path in here.parent.rglob("test_*.py")
        for number in re.findall(r"ASSUMED-\d\d", path.read_text())
    }
    assert numbered == [f"ASSUMED-{number:02d}" for number in range(1, len(numbered) + 1)]
    assert named == set(numbered)
