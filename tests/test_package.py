"""The package as a user's import sees it, and as a trial's process pays for it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import pytest_synebench


def loaded_by(statement: str) -> set[str]:
    """Return the modules that a fresh interpreter has after a statement and not before."""
    code = (
        "import json, sys\nbefore = set(sys.modules)\n"
        f"{statement}\nprint(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(json.loads(done.stdout))


def test_importing_the_package_loads_nothing_else() -> None:
    assert loaded_by("import pytest_synebench") == {"pytest_synebench"}


@pytest.mark.parametrize("name", ["UsageError", "CheckpointError"])
def test_an_error_costs_neither_numpy_nor_pytest(name: str) -> None:
    loaded = loaded_by(f"from pytest_synebench import {name}")
    assert loaded == {"pytest_synebench", "pytest_synebench.errors"}


def test_the_record_of_a_benchmark_costs_neither_numpy_nor_pytest() -> None:
    loaded = loaded_by("from pytest_synebench import Benchmark, product, variant")
    assert not loaded & {"numpy", "pytest", "scipy", "torch"}


def test_domains_cost_only_themselves_and_errors() -> None:
    loaded = {name.split(".")[0] for name in loaded_by("import pytest_synebench.space")}
    assert not loaded & {"dataclasses", "typing", "pathlib", "random", "hashlib", "inspect", "re"}


def test_no_more_than_twenty_names_stand_at_the_top() -> None:
    assert len(pytest_synebench.__all__) <= 20
    assert sorted(pytest_synebench.__all__) == pytest_synebench.__all__


@pytest.mark.parametrize("name", pytest_synebench.__all__)
def test_each_public_name_is_what_it_says(name: str) -> None:
    assert getattr(pytest_synebench, name).__name__ == name


def test_another_name_is_refused_by_name() -> None:
    with pytest.raises(AttributeError, match="'pytest_synebench' has no attribute 'Bench'"):
        _ = pytest_synebench.Bench
