"""Runs of a torch-free script, in this process, whose checkpoints are kept in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from toy_project import SCRIPT

from pytest_synebench.checkpoints.protocol import Place
from pytest_synebench.definition import Benchmark
from pytest_synebench.experiment.plan.parameter_table import GLOBALS, resolve
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.run import Run
from pytest_synebench.space import uniform
from pytest_synebench.trial import TrialId


def plan_in(folder: Path, text: str = SCRIPT, **params: Any) -> Plan:
    """Return a plan whose script and archive are in a folder."""
    script = folder / "train.py"
    script.write_text(text)
    definition = Benchmark(
        script=script,
        config_space={"x": uniform(0, 1), "epochs": 9, "work": 0},
        metric="loss",
        resource_attr="epoch",
        max_resource_attr="epochs",
    )
    mine = {
        "scheduler": "asha_promotion",
        "num_workers": 2,
        "num_trials": 9,
        "oversubscribe": True,
        "checkpoint_store": str(folder / "archive"),
        **params,
    }
    return Plan(
        benchmark="toy",
        variant="v",
        params=resolve(GLOBALS, [("user", mine)], "toy"),
        definition=definition,
    )


def finish(run: Run) -> Run:
    """Drive a run to its end."""
    while not run.done:
        run.pump(10.0)
    run.close()
    return run


def kept_places(folder: Path) -> list[Place]:
    """Return which checkpoints are in the archive, of whatever run."""
    found = (folder / "archive").glob("*/*/*/[0-9]*/*/*/manifest.json")
    parts = [path.parts for path in found]
    return [Place(TrialId(int(p[-4])), int(p[-3]), int(p[-2])) for p in parts]
