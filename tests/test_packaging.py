"""What pip installs is what the checkout has."""

from __future__ import annotations

import tomllib
from importlib.metadata import entry_points
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_every_package_of_the_checkout_is_listed() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = [
        ".".join(init.parent.relative_to(ROOT).parts)
        for init in sorted((ROOT / "pytest_synebench").rglob("__init__.py"))
    ]
    shipped = [
        ".".join(("pytest_synebench", *init.parent.relative_to(ROOT).parts))
        for init in sorted((ROOT / "benchmarks").rglob("__init__.py"))
    ]
    assert sorted(listed) == sorted(found + shipped)


def test_the_entry_points_can_be_loaded() -> None:
    ours = [
        point
        for group in ("pytest11", "synebench.benchmarks")
        for point in entry_points(group=group)
        if point.value.startswith("pytest_synebench.")
    ]
    assert {point.group for point in ours} == {"pytest11", "synebench.benchmarks"}
    for point in ours:
        point.load()
