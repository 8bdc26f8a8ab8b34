from __future__ import annotations

from pathlib import Path

from pytest_synebench.backends.protocol import AttemptKey
from pytest_synebench.experiment.journal import timings
from pytest_synebench.trial import TrialId

T0, T1 = TrialId(0), TrialId(1)


def test_times_of_all_attempts_of_a_trial_add_up(tmp_path: Path) -> None:
    timings.append(tmp_path, [(AttemptKey(T0, 0), 1.0, 2.5), (AttemptKey(T1, 0), 1.0, 2.0)])
    timings.append(tmp_path, [(AttemptKey(T0, 1), 4.0, 4.25)])
    assert timings.total_s(tmp_path) == {T0: 1.75, T1: 1.0}


def test_a_run_without_times_has_none(tmp_path: Path) -> None:
    assert timings.total_s(tmp_path) == {}


def test_a_torn_line_costs_itself_only(tmp_path: Path) -> None:
    timings.append(tmp_path, [(AttemptKey(T0, 0), 0.0, 2.0), (AttemptKey(T1, 0), 0.0, 1.0)])
    path = tmp_path / "timings.jsonl"
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        timings.append(tmp_path, [(AttemptKey(T0, 1), 3.0, 4.0)])
        assert timings.total_s(tmp_path)[T0] in {1.0, 3.0}
