"""Plans of a torch-free script that trains: for tests that start processes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toy_project import SCRIPT

from pytest_synebench.definition import Benchmark
from pytest_synebench.experiment.plan.parameter_table import GLOBALS, resolve
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.space import uniform


def plan_in(folder: Path, text: str = SCRIPT, **params: Any) -> Plan:
    script = folder / "train.py"
    script.write_text(text)
    definition = Benchmark(
        script=script,
        config_space={"x": uniform(0, 1), "epochs": 3, "work": 0},
        metric="loss",
        resource_attr="epoch",
        max_resource_attr="epochs",
    )
    mine: Mapping[str, Any] = {
        "scheduler": "asha_promotion",
        "num_workers": 2,
        "num_trials": 3,
        **params,
    }
    values = resolve(GLOBALS, [("user", mine)], "toy")
    return Plan(benchmark="toy", variant="v", params=values, definition=definition)
