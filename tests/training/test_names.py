"""The names a training script imports, and what importing them costs."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_synebench
from pytest_synebench import training

ROOT = Path(pytest_synebench.__file__).parent.parent

HELPERS = (
    "Reporter, add_checkpointing_to_argparse, checkpoint_model_at_rung_level, "
    "resume_from_checkpointed_model, pytorch_load_save_functions"
)
COSTLY = {"dataclasses", "typing", "pathlib", "json", "re", "enum", "threading", "hashlib"}


def loaded(names: str) -> set[str]:
    """Return the modules that a bare interpreter loads to import names."""
    code = f"import sys; from pytest_synebench.training import {names}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_all_names_load_the_standard_library_and_ours_only() -> None:
    known = {*sys.stdlib_module_names, "pytest_synebench", "__main__"}
    assert {n for n in loaded(", ".join(training.__all__)) if n.split(".")[0] not in known} == set()


def test_reporting_and_checkpointing_load_none_of_the_costly_modules() -> None:
    modules = loaded(HELPERS)
    assert "pytest_synebench.training.torch_state" in modules
    assert modules & (COSTLY | {"random", "numpy", "torch"}) == set()


def test_the_four_helpers_have_the_signatures_that_scripts_rely_on() -> None:
    def arguments(function: object) -> list[str]:
        assert callable(function)
        return [
            name if p.default is p.empty else f"{name}={p.default!r}"
            for name, p in inspect.signature(function).parameters.items()
        ]

    assert arguments(training.add_checkpointing_to_argparse) == ["parser"]
    assert arguments(training.resume_from_checkpointed_model) == ["config", "load_model_fn"]
    assert arguments(training.checkpoint_model_at_rung_level) == [
        "config",
        "save_model_fn",
        "resource",
    ]
    assert arguments(training.pytorch_load_save_functions) == [
        "state_dict_objects",
        "mutable_state=None",
        "fname='checkpoint.json'",
    ]


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'report'"):
        _ = training.report
