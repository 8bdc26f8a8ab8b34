"""The lines at the end: what was found, and what to do next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_synebench.experiment.store.summary import lines

from .conftest import CONFTEST, Go

ONE: dict[str, Any] = {
    "name": "toy::base-fifo-random-r0",
    "metric": "objective",
    "mode": "max",
    "best": -80.5,
    "best_trial": 4,
    "best_level": 9,
    "command": "python train.py --x 1",
    "outcomes": {"completed": 3, "paused": 5, "running": 1},
    "unit": "epoch",
    "units": 30,
    "saved": 12,
    "repeated": 2,
    "wall_s": 12.34,
    "dataset": "embedded corpus, sha256 12ab",
    "directory": "/there/r0",
    "reason": "all trials ended",
    "finished": True,
    "remarks": ["a remark"],
}


def test_an_experiment_in_lines() -> None:
    units = "epochs: 30 run, 12 saved by resuming, 2 repeated"
    assert lines(ONE) == [
        "toy::base-fifo-random-r0",
        "  best: objective -80.5 (trial 4, epoch 9, mode max)",
        "    python train.py --x 1",
        f"  trials: 3 completed, 5 paused, 1 unfinished; {units}",
        "  ended after 12.3 s: all trials ended",
        "  data: embedded corpus, sha256 12ab",
        "  files: /there/r0",
        "  note: a remark",
    ]


def test_nothing_measured_is_said() -> None:
    assert "  best: no finite objective was reported" in lines({**ONE, "best": None})


def test_the_summary_of_a_run(go: Go) -> None:
    result = go("--synebench", "toy", "--variant", "tiny")
    result.stdout.fnmatch_lines(
        [
            "*--- synebench ---*",
            "toy::tiny-fifo-random-r0",
            "  best: loss 0.8* (trial 0, epoch 3, mode min)",
            "    python *train.py *--x 0.5",
            "  trials: 2 completed; epochs: 6 run, 0 saved by resuming",
            "  ended after * s: all trials ended",
            "  data: none (toy)",
            "  files: *.synebench/runs/toy/tiny-fifo-random/r0-*",
        ]
    )
    result.stdout.no_fnmatch_line("go on with*")


def test_an_unfinished_experiment_says_how_to_go_on(go: Go) -> None:
    args = ("--synebench", "toy", "--variant", "base", "--behave", "0:hang 1:fail", "-x")
    result = go(*args)
    command = "pytest --synebench toy --variant base --behave '0:hang 1:fail' -x --synebench-resume"
    result.stdout.fnmatch_lines([f"go on with what is unfinished: {command}"])


def test_the_command_to_go_on_names_the_storage_so_that_it_runs(go: Go, tmp_path: Path) -> None:
    args = ("--synebench", "toy", "--variant", "base", "--behave", "0:hang 1:fail", "-x")
    storage = tmp_path / "elsewhere"
    result = go(*args, "--synebench-storage", str(storage))
    # The folder is there now, and apart from its option it would move pytest's root directory.
    assert storage.is_dir()
    result.stdout.fnmatch_lines(
        [f"go on with what is unfinished: *--synebench-storage={storage} --synebench-resume"]
    )


def test_what_the_plan_warned_of_is_noted(go: Go, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST.replace('max_resource_attr="epochs",', ""))
    result = go("--synebench", "toy", "--variant", "tiny")
    result.stdout.fnmatch_lines(["  note: toy names no max_resource_attr *"])
