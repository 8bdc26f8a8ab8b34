from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.backends.protocol import (
    AttemptBegan,
    AttemptEnded,
    AttemptKey,
    AttemptReported,
    AttemptSaved,
    AttemptSpec,
    Observation,
)
from pytest_synebench.backends.simulated.backend import Delays, SimulatedBackend
from pytest_synebench.blackboxes.protocol import Point
from pytest_synebench.clock import VirtualClock
from pytest_synebench.trial import TrialId

INF = float("inf")


def nine(spec: AttemptSpec) -> Iterator[Point]:
    """Nine levels; each takes trial + 1 seconds."""
    for level in range(1, 10):
        yield Point(level, level * (spec.key.trial_id + 1.0), {"epoch": level})


def spec(trial: int, number: int = 0, **changed: Any) -> AttemptSpec:
    given: dict[str, Any] = {
        "key": AttemptKey(TrialId(trial), number),
        "config": {},
        "seed": 0,
        "directory": Path(),
        "resource_attr": "epoch",
        "until": None,
        "resume_at_most": 0,
        "checkpoint_at": None,
    }
    return AttemptSpec(**(given | changed))


class World:
    """A back-end, and what was seen of it when."""

    def __init__(self, now_s: float = 0.0, **delays: float) -> None:
        self.clock = VirtualClock(now_s)
        self.backend = SimulatedBackend(nine, self.clock, Delays(**delays))
        self.story: list[tuple[float, Observation]] = []

    def run(self, polls: int = 100) -> None:
        for _ in range(polls):
            seen = self.backend.poll(INF)
            self.story += [(self.clock.now_s(), one) for one in seen]

    def reports(self, trial: int = 0) -> list[tuple[float, object]]:
        return [
            (at_s, one.metrics["epoch"])
            for at_s, one in self.story
            if isinstance(one, AttemptReported) and one.key.trial_id == trial
        ]

    def of(self, kind: type[Observation]) -> list[tuple[float, Any]]:
        return [(at_s, one) for at_s, one in self.story if isinstance(one, kind)]


def test_reports_come_when_their_levels_were_reached_and_delays_are_added() -> None:
    world = World(now_s=100.0, start=10.0, report=0.5, completion=3.0)
    world.backend.start(spec(1, until=3, started_s=100.0))
    world.run()
    assert world.reports(1) == [(112.5, 1), (114.5, 2), (116.5, 3)]
    assert [at_s for at_s, _ in world.of(AttemptEnded)] == [119.5]


def test_at_one_moment_the_trials_come_in_their_order_and_an_end_that_was_asked_for_first() -> None:
    world = World()
    world.backend.start(spec(1, until=1))
    world.backend.start(spec(0, until=4))
    world.run(polls=2)
    # At 2 s: level 2 of trial 0, then level 1 of trial 1, whoever was started first.
    assert world.reports(0) == [(1.0, 1), (2.0, 2)]
    world.backend.stop(AttemptKey(TrialId(0), 0))
    world.run()
    kinds = [(at_s, type(one), one.key.trial_id) for at_s, one in world.story[3:]]
    assert kinds[1] == (2.0, AttemptEnded, 0)
    assert kinds[-2:] == [(2.0, AttemptReported, 1), (2.0, AttemptEnded, 1)]


def test_with_checkpoints_an_attempt_goes_on_where_the_last_one_is() -> None:
    world = World(now_s=50.0)
    world.backend.start(
        spec(0, 1, checkpoint_at=(3, 9), started_s=50.0, started_from=4, resume_at_most=4)
    )
    world.run()
    assert world.reports() == [(51.0 + i, 4 + i) for i in range(6)]
    (_, began), (_, saved) = world.of(AttemptBegan)[0], world.of(AttemptSaved)[0]
    assert (began.resumed_from, began.checkpoints, saved.level) == (3, True, 9)


def test_a_checkpoint_of_every_level_is_that_of_the_last() -> None:
    world = World()
    world.backend.start(spec(0, 1, checkpoint_at=(), started_from=4, resume_at_most=4, until=5))
    world.run()
    assert world.reports() == [(1.0, 5)]
    assert [one.level for _, one in world.of(AttemptSaved)] == [5]


def test_without_checkpoints_the_levels_are_played_again_and_take_their_time() -> None:
    world = World(now_s=50.0)
    world.backend.start(spec(0, 1, started_s=50.0, started_from=3, resume_at_most=3, until=4))
    world.run()
    assert world.reports() == [(51.0, 1), (52.0, 2), (53.0, 3), (54.0, 4)]
    ((_, began),) = world.of(AttemptBegan)
    assert (began.resumed_from, began.checkpoints) == (0, False)


@given(
    died_s=st.floats(0.5, 8.5),
    at=st.sampled_from([None, (), (3,)]),
    trial=st.integers(0, 2),
    start=st.sampled_from([0.0, 1.5]),
)
def test_what_a_controllers_death_cut_off_goes_on_as_if_nobody_had_died(
    died_s: float, at: tuple[int, ...] | None, trial: int, start: float
) -> None:
    whole = World(now_s=10.0, start=start)
    first = {"checkpoint_at": at, "started_s": 10.0, "started_from": 3, "resume_at_most": 3}
    whole.backend.start(spec(trial, 1, **first))
    whole.run()
    told = [one for one in whole.reports(trial) if one[0] <= 10.0 + died_s]
    level = max((int(str(level)) for _, level in told), default=0)

    after = World(now_s=10.0 + died_s, start=start)
    again = {**first, "resume_at_most": max(3, level)}
    after.backend.start(spec(trial, 2, **again))
    after.run()
    expected = [one for one in whole.reports(trial) if int(str(one[1])) > max(3, level)]
    assert after.reports(trial) == expected


def test_a_stop_ends_an_attempt_after_its_delay_and_nothing_is_heard_meanwhile() -> None:
    world = World(stop=2.5)
    world.backend.start(spec(0))
    world.run(polls=2)
    world.backend.stop(spec(0).key)
    world.backend.stop(spec(0).key)
    world.run()
    assert world.reports() == [(1.0, 1), (2.0, 2)]
    ((at_s, end),) = world.of(AttemptEnded)
    assert (at_s, end.ok) == (4.5, False)


def test_a_wait_moves_the_clock_by_no_more_than_asked() -> None:
    world = World()
    world.backend.start(spec(0))
    assert world.backend.poll(0.25) == []
    assert world.clock.now_s() == 0.25
    assert world.backend.poll(0.0) == []
    assert world.backend.poll(0.75) != []
    assert world.clock.now_s() == 1.0


@given(
    trials=st.integers(1, 4),
    ends=st.lists(st.none() | st.integers(1, 9), min_size=4, max_size=4),
    checkpoint_at=st.sampled_from([None, (), (1, 3)]),
    completion=st.sampled_from([0.0, 1.5]),
    before_s=st.sampled_from([0.0, 4.0, 11.0, INF]),
)
def test_reports_that_come_alone_are_those_that_polls_would_bring(
    trials: int,
    ends: list[int | None],
    checkpoint_at: tuple[int, ...] | None,
    completion: float,
    before_s: float,
) -> None:
    polled, mixed = World(completion=completion), World(completion=completion)
    for world in (polled, mixed):
        for trial in range(trials):
            world.backend.start(spec(trial, until=ends[trial], checkpoint_at=checkpoint_at))
    polled.run()
    alone = 0
    for _ in range(100):
        for seen in mixed.backend.reports(before_s):
            assert mixed.clock.now_s() < before_s
            mixed.story.append((mixed.clock.now_s(), seen))
            alone += 1
        mixed.run(polls=1)
    assert mixed.story == polled.story
    if before_s == INF and ends[0] is None and checkpoint_at is None:
        assert alone >= 7  # of nine: the first comes with a beginning, the last perhaps with an end
