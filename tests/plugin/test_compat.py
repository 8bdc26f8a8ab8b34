"""Every private name of pytest stands in compat.py."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import pytest_synebench.plugin

PLUGIN = Path(pytest_synebench.plugin.__file__).parent
FILES = sorted(path for path in PLUGIN.rglob("*.py") if path.name != "compat.py")


def foreign_private_names(path: Path) -> list[str]:
    """Attributes that begin with "_" on anything but self, cls and the module's own names."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
            own = isinstance(node.value, ast.Name) and node.value.id in {"self", "cls", "sys"}
            if not own and not node.attr.startswith("__"):
                found.append(f"{path.name}:{node.lineno} {node.attr}")
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("_pytest"):
            found.append(f"{path.name}:{node.lineno} {node.module}")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_private_names_of_pytest_are_used_in_compat_only(path: Path) -> None:
    assert foreign_private_names(path) == []
