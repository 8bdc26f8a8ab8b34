from __future__ import annotations

from pathlib import Path

from pytest_synebench.backends.protocol import AttemptKey
from pytest_synebench.experiment.journal import timings
from pytest_synebench.experiment.journal.timings import Arrival, Span
from pytest_synebench.trial import TrialId

T0, T1 = TrialId(0), TrialId(1)


def test_times_of_all_attempts_of_a_trial_add_up(tmp_path: Path) -> None:
    timings.append(tmp_path, [Span(AttemptKey(T0, 0), 1.0, 2.5), Span(AttemptKey(T1, 0), 1.0, 2.0)])
    timings.append(tmp_path, [Span(AttemptKey(T0, 1), 4.0, 4.25)])
    assert timings.total_s(tmp_path) == {T0: 1.75, T1: 1.0}


def test_a_run_without_times_has_none(tmp_path: Path) -> None:
    assert timings.total_s(tmp_path) == {}


def test_a_torn_line_costs_itself_only(tmp_path: Path) -> None:
    timings.append(tmp_path, [Span(AttemptKey(T0, 0), 0.0, 2.0), Span(AttemptKey(T1, 0), 0.0, 1.0)])
    path = tmp_path / "timings.jsonl"
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        timings.append(tmp_path, [Span(AttemptKey(T0, 1), 3.0, 4.0)])
        assert timings.total_s(tmp_path)[T0] in {1.0, 3.0}


def test_arrivals_are_found_again_by_trial_and_level(tmp_path: Path) -> None:
    first = Arrival(AttemptKey(T0, 0), 1, 2.0, 1.5)
    second = Arrival(AttemptKey(T0, 1), 2, 7.0)
    timings.append(tmp_path, [first, Span(AttemptKey(T0, 0), 0.5, 3.0), second])
    assert timings.arrivals(tmp_path) == {(T0, 1): first, (T0, 2): second}
    assert timings.total_s(tmp_path) == {T0: 2.5}
    assert timings.last_s(tmp_path) == 7.0


def test_without_a_file_nothing_was_measured(tmp_path: Path) -> None:
    assert timings.arrivals(tmp_path) == {}
    assert timings.last_s(tmp_path) == 0.0


def test_a_line_of_another_kind_is_passed_over(tmp_path: Path) -> None:
    timings.append(tmp_path, [Span(AttemptKey(T0, 0), 0.0, 2.0)])
    with (tmp_path / "timings.jsonl").open("a") as file:
        file.write('{"trial": 0, "of a later version": 1}\n["and no mapping"]\n')
    assert timings.total_s(tmp_path) == {T0: 2.0}
    assert timings.last_s(tmp_path) == 2.0
    assert timings.arrivals(tmp_path) == {}
