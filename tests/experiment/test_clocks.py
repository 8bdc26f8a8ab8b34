"""Row 22 of the fault matrix: wall clocks that jump, monotonic ones that begin again, downtime."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import cycle, pairwise
from pathlib import Path
from unittest import mock

import pytest
import tuner_bench
from hypothesis import given
from hypothesis import strategies as st
from toy_plan import toy_plan
from toy_project import SCRIPT
from tuner_bench import Bench, finish

from pytest_synebench.clock import SystemClock, VirtualClock
from pytest_synebench.experiment.journal.journal import Entry, read_journal
from pytest_synebench.experiment.journal.timings import Span
from pytest_synebench.experiment.run import Run
from pytest_synebench.experiment.store import directories
from pytest_synebench.space import uniform

HOUR = timedelta(hours=1)


class JumpingClock:
    """As after a boot: another origin of the monotonic clock, and a wall clock nobody can trust."""

    def __init__(self, origin_s: float, wall: datetime) -> None:
        self._offset_s = origin_s - SystemClock().now_s()
        self._wall = wall
        self._jumps = cycle([timedelta(), HOUR, -2 * HOUR, HOUR])

    def now_s(self) -> float:
        return SystemClock().now_s() + self._offset_s

    def utc(self) -> datetime:
        self._wall += next(self._jumps)
        return self._wall


def moments(entries: list[Entry]) -> list[float]:
    return [entry.event.at_s for entry in entries]


def assert_in_order(times: list[float]) -> None:
    assert times[0] >= 0
    assert all(earlier <= later for earlier, later in pairwise(times))


@given(
    origins=st.lists(st.floats(0, 1e7), min_size=1, max_size=4),
    pumps=st.lists(st.integers(0, 25), min_size=4, max_size=4),
)
def test_the_experiments_time_is_that_of_its_sessions_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, origins: list[float], pumps: list[int]
) -> None:
    bench = Bench(tmp_path_factory.mktemp("run"))
    worked_s = 0.0
    for origin_s, number in zip(origins, pumps, strict=False):
        clock = VirtualClock(now_s=origin_s)
        with mock.patch.object(tuner_bench, "VirtualClock", lambda clock=clock: clock):
            tuner = bench.session()
        for _ in range(number):
            tuner.pump(60.0)
        tuner.close("interrupted", finished=False)
        finish(tuner)
        worked_s += clock.now_s() - origin_s
        assert tuner.now_s() == pytest.approx(worked_s, abs=1e-6)
        spans = [line for line in tuner.timings if isinstance(line, Span)]
        assert all(0 <= span.began_s <= span.ended_s for span in spans)
    times = moments(read_journal(bench.root / "journal.jsonl")[1])
    assert_in_order(times)
    assert times[-1] == pytest.approx(worked_s, abs=1e-6)


def test_neither_downtime_nor_a_clock_that_was_set_shows_in_any_time(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    plan = toy_plan(
        tmp_path,
        fields={"config_space": {"x": uniform(0, 1), "epochs": 3, "work": 0}},
        num_trials=3,
        scheduler_timeout=3000.0,
        progress_timeout=3000.0,
        trial_timeout=3000.0,
    )
    noon = datetime(2024, 5, 1, 12, tzinfo=UTC)
    root = tmp_path / "s"
    first = Run.open(plan, root=root, clock=JumpingClock(1e6, noon))
    while not first.table.units:
        first.pump(10.0)
    first.close()
    # A boot and a day later; the wall clock goes back a year.
    second = Run.open(plan, root=root, resume=True, clock=JumpingClock(5.0, noon - 8760 * HOUR))
    while not second.done:
        second.pump(10.0)
    second.close()

    assert second.directory == first.directory
    assert second.finished, second.reason
    assert_in_order(moments(read_journal(second.directory / "journal.jsonl")[1]))
    assert 0 < second.summary().wall_s < 3000
    lines = (second.directory / "timings.jsonl").read_text().splitlines()
    spans = [json.loads(line) for line in lines]
    assert len(spans) >= 3
    assert all(0 <= span["from"] <= span["to"] < 3000 for span in spans)
    assert all(0 < second.busy_s(trial_id) < 3000 for trial_id in second.trials)

    again = Run.open(plan, root=root, clock=JumpingClock(0.0, noon - 8760 * HOUR))
    again.close()
    assert directories.newest(root, plan) == again.directory
