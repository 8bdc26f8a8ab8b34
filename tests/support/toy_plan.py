"""Plans of a benchmark with a script that does nothing: for tests that start no process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_synebench.definition import Benchmark
from pytest_synebench.experiment.plan.parameter_table import GLOBALS
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.space import loguniform


def toy_benchmark(folder: Path, **fields: Any) -> Benchmark:
    script = folder / "train.py"
    if not script.exists():
        script.write_text("print('a script')\n")
    defaults: dict[str, Any] = {
        "script": script,
        "config_space": {"lr": loguniform(1, 50), "epochs": 9},
        "metric": "loss",
        "resource_attr": "epoch",
        "max_resource_attr": "epochs",
    }
    return Benchmark(**(defaults | fields))


def toy_params(**params: Any) -> dict[str, Any]:
    return {name: parameter.default for name, parameter in GLOBALS.items()} | params


def toy_plan(
    folder: Path,
    *,
    fields: dict[str, Any] | None = None,
    run_id: int = 0,
    variant: str = "small",
    listed: tuple[str, ...] = (),
    **params: Any,
) -> Plan:
    return Plan(
        benchmark="toy",
        variant=variant,
        params=toy_params(**params),
        definition=toy_benchmark(folder, **(fields or {})),
        run_id=run_id,
        listed=listed,
    )
