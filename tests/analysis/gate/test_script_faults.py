"""Faults that are planted in a training script: each has its line; runs are kept as they are."""

from __future__ import annotations

import math
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from pytest_synebench.analysis.curves import Curve, Step

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The program as a module."""
    monkeypatch.syspath_prepend(str(ROOT / "perf"))
    return import_module("gate_scripts")


def test_each_fault_has_its_one_line_in_the_script(scripts: Any) -> None:
    text = (ROOT / "benchmarks/lstm_wikitext2/train.py").read_text()
    assert {fault.name: text.count(fault.right) for fault in scripts.FAULTS} == dict.fromkeys(
        (fault.name for fault in scripts.FAULTS), 1
    )


def test_runs_are_read_back_as_they_were_stored(scripts: Any, tmp_path: Path) -> None:
    scores = {"sum:val_loss": 1.5, "sum:train_loss": math.inf}
    run = scripts.Told(Curve((Step(1, 0.5), Step(2, 0.25)), 0.25), scores)
    scripts.write(tmp_path / "scripts.json", {"as it is": {"0": run}})
    assert scripts.read(tmp_path / "scripts.json") == {"as it is": {"0": run}}


def test_a_fault_that_moves_every_run_is_detected_and_none_is_not(scripts: Any) -> None:
    fault = scripts.FAULTS[0].name

    def runs(by: float) -> dict[str, Any]:
        losses = [((7 * i) % 60) / 60 + by for i in range(60)]
        return {
            str(i): scripts.Told(Curve((Step(1, x),), x), dict.fromkeys(scripts.DECLARED, x))
            for i, x in enumerate(losses)
        }

    worse = {scripts.HONEST: runs(0.0), fault: runs(2.0)}
    assert scripts.rates(worse, fault, 5) == [5, 5, 5, 5]
    same = {scripts.HONEST: runs(0.0), fault: runs(0.0)}
    assert scripts.rates(same, fault, 5)[0] == 0
