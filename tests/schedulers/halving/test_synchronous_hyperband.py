from __future__ import annotations

import math
from dataclasses import dataclass, field

import pytest
from by_hand import (
    FREE,
    FREE_BUT_CAPPED,
    Numbered,
    completed,
    failed,
    pause,
    reported,
    resume,
    start,
)

from pytest_synebench.errors import UsageError
from pytest_synebench.events import (
    Decision,
    Ended,
    Event,
    Pause,
    Reported,
    Resume,
    SlotFreed,
    Start,
)
from pytest_synebench.schedulers.halving.synchronous_hyperband import (
    SynchronousHyperband,
    first_size,
)
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.searchers.random_search import RandomSearch
from pytest_synebench.space import ConfigSpace, loguniform
from pytest_synebench.testing.game import Rules
from pytest_synebench.testing.scheduler_suite import SchedulerSuite
from pytest_synebench.trial import TrialId

SPACE = ConfigSpace({"lr": loguniform(1e-4, 1.0)})


@dataclass
class Tournament:
    """One bracket: its rungs as lists, all that ever came to each kept."""

    levels: tuple[int, ...]
    sizes: list[int]
    members: list[list[TrialId]]  #: by rung, in the order in which they got their place
    losses: list[dict[TrialId, float]]  #: by rung
    gone: set[TrialId] = field(default_factory=set)
    closed: bool = False

    @property
    def rung(self) -> int:
        """The rung that is being filled."""
        return max(rung for rung, members in enumerate(self.members) if members or not rung)

    def through(self) -> bool:
        """Whether every place of the rung has come."""
        known = {*self.losses[self.rung], *self.gone}
        return self.closed and set(self.members[self.rung]) <= known

    def climb(self) -> None:
        rung = self.rung
        if not self.through() or rung + 1 == len(self.levels):
            return
        came = [(loss, trial) for trial, loss in self.losses[rung].items()]
        good = [one for one in came if math.isfinite(one[0]) and one[1] not in self.gone]
        ranked = [trial for _, trial in sorted(good, key=lambda one: one[0])]
        self.members[rung + 1] = ranked[: self.sizes[rung + 1]]


class TournamentRules(Rules):
    """Each decision, predicted."""

    def __init__(self, levels: tuple[int, ...], factor: int, brackets: int) -> None:
        self.levels, self.factor, self.brackets = levels, factor, brackets
        self.all: list[Tournament] = []
        self.resumed: set[tuple[TrialId, int]] = set()

    def see(self, event: Event, decisions: tuple[Decision, ...]) -> None:
        match event:
            case SlotFreed():
                self.see_slot(event, decisions)
            case Reported(report=report):
                bracket = self.of(report.trial_id)
                counts = bracket.levels[bracket.rung] <= report.resource < self.levels[-1]
                assert decisions == ((Pause(trial_id=report.trial_id),) if counts else ())
                if counts:
                    bracket.losses[bracket.rung][report.trial_id] = report.loss
                    bracket.climb()
            case Ended(trial_id=trial_id):
                self.of(trial_id).gone.add(trial_id)
                self.of(trial_id).climb()

    def see_slot(self, event: SlotFreed, decisions: tuple[Decision, ...]) -> None:
        due = self.promotion()
        if due is None and not event.may_start and self.all and not self.all[-1].closed:
            self.close(self.all[-1])
            due = self.promotion()
        if due is not None:
            assert decisions == (due,)
            self.resumed.add((due.trial_id, self.of(due.trial_id).rung))
            return
        for decision in decisions:
            assert isinstance(decision, Start)
            self.start(decision)

    def close(self, bracket: Tournament) -> None:
        bracket.closed = True
        sizes = [len(bracket.members[0])]
        for _ in bracket.levels[1:]:
            sizes.append(max(1, sizes[-1] // self.factor))
        bracket.sizes = sizes
        bracket.climb()

    def promotion(self) -> Resume | None:
        for bracket in self.all:
            rung = bracket.rung
            for trial in bracket.members[rung] if rung else []:
                waits = (trial, rung) not in self.resumed and trial not in bracket.gone
                if waits:
                    return Resume(trial_id=trial, until=bracket.levels[rung])
        return None

    def start(self, decision: Start) -> None:
        if not self.all or self.all[-1].closed:
            levels = self.levels[len(self.all) % self.brackets :]
            k = len(levels) - 1
            sizes = [math.ceil(len(self.levels) * self.factor**k / (k + 1))]
            for _ in levels[1:]:
                sizes.append(max(1, sizes[-1] // self.factor))
            nobody: list[list[TrialId]] = [[] for _ in levels]
            self.all.append(Tournament(levels, sizes, nobody, [{} for _ in levels]))
        bracket = self.all[-1]
        bracket.members[0].append(decision.trial_id)
        bracket.closed = len(bracket.members[0]) == bracket.sizes[0]
        assert decision.until == bracket.levels[0]

    def of(self, trial: TrialId) -> Tournament:
        return next(bracket for bracket in self.all if trial in bracket.members[0])


class TestSynchronousHyperband(SchedulerSuite):
    levels: tuple[int, ...] = (2, 4, 9)
    brackets = 3
    games = 30

    def make(self, seed: int) -> Scheduler:
        searcher = RandomSearch(SPACE, seed=seed)
        return SynchronousHyperband(
            searcher, levels=self.levels, reduction_factor=2, brackets=self.brackets
        )

    def rules(self) -> Rules:
        return TournamentRules(self.levels, 2, self.brackets)


class TestSynchronousHalving(TestSynchronousHyperband):
    levels = (1, 9)
    brackets = 1


class TestSynchronousHyperbandWithoutRungs(TestSynchronousHyperband):
    levels = (9,)
    brackets = 1
    games = 8


def hyperband(brackets: int | None = None, size: int = 10**6) -> SynchronousHyperband:
    return SynchronousHyperband(
        Numbered(size), levels=(1, 3, 9), reduction_factor=3, brackets=brackets
    )


def first_rung(scheduler: Scheduler, losses: list[float]) -> None:
    for trial in range(len(losses)):
        assert scheduler.handle(FREE) == start(trial, 1)
    for trial, loss in enumerate(losses):
        assert scheduler.handle(reported(trial, 1, loss)) == pause(trial)


def test_brackets_begin_with_the_sizes_of_algorithm_1() -> None:
    # R=81, eta=3, so s_max=4 and n = ceil(5 * 3**s / (s + 1)) for s = 4, 3, 2, 1, 0.
    assert [first_size(5, skip, 3) for skip in range(5)] == [81, 34, 15, 8, 5]


def test_nine_trials_become_three_and_then_one_as_algorithm_1_has_it() -> None:
    # R=9, eta=3, s=2: n=9 at r=1, then 3 at 3, then 1 at 9.
    scheduler = hyperband()
    first_rung(scheduler, [9, 8, 7, 6, 5, 4, 3, 2, 1])
    for trial in (8, 7, 6):
        assert scheduler.handle(FREE) == resume(trial, 3)
    for trial, loss in [(8, 0.3), (7, 0.2), (6, 0.1)]:
        assert scheduler.handle(reported(trial, 3, loss)) == pause(trial)
    assert scheduler.handle(FREE) == resume(6, 9)
    assert scheduler.handle(reported(6, 9, 0.1)) == ()
    assert scheduler.handle(completed(6)) == ()
    # The next bracket: s=1, n=ceil(3 * 3 / 2)=5 at r=3; the one after it: s=0, n=3 at r=9.
    firsts = [scheduler.handle(FREE) for _ in range(9)]
    levels = [first[0].until for first in firsts if isinstance(first[0], Start)]
    assert levels == [3] * 5 + [9] * 3 + [1]


def test_no_slot_waits_for_a_rung_the_next_bracket_is_opened() -> None:
    scheduler = hyperband()
    for trial in range(9):
        assert scheduler.handle(FREE) == start(trial, 1)
    assert scheduler.handle(FREE) == start(9, 3)


def test_nobody_moves_up_before_the_last_of_its_rung_has_come() -> None:
    scheduler = hyperband(1)
    for _ in range(9):
        scheduler.handle(FREE)
    for trial in range(8):
        scheduler.handle(reported(trial, 1, 0.1 * trial))
    assert scheduler.handle(FREE) == start(9, 1)
    scheduler.handle(reported(8, 1, 0.9))
    assert scheduler.handle(FREE) == resume(0, 3)


def test_the_earlier_bracket_comes_first() -> None:
    scheduler = hyperband(1)
    for _ in range(18):
        scheduler.handle(FREE)
    for trial in (*range(9, 18), *range(9)):
        scheduler.handle(reported(trial, 1, float(trial)))
    assert [scheduler.handle(FREE) for _ in range(4)] == [
        resume(0, 3),
        resume(1, 3),
        resume(2, 3),
        resume(9, 3),
    ]


def test_a_trial_that_fails_or_diverges_ranks_worst_and_nothing_waits_for_it() -> None:
    scheduler = hyperband(1)
    for _ in range(9):
        scheduler.handle(FREE)
    for trial in range(6):
        assert scheduler.handle(failed(trial)) == ()
    for trial, loss in [(6, math.nan), (7, 0.5), (8, -math.inf)]:
        assert scheduler.handle(reported(trial, 1, loss)) == pause(trial)
    # Three places, and one trial that can take one.
    assert scheduler.handle(FREE_BUT_CAPPED) == resume(7, 3)
    assert scheduler.handle(FREE_BUT_CAPPED) == ()
    assert scheduler.handle(reported(7, 3, 0.5)) == pause(7)
    assert scheduler.handle(FREE_BUT_CAPPED) == resume(7, 9)


def test_a_trial_that_fails_while_it_waits_is_passed_over() -> None:
    scheduler = hyperband(1)
    first_rung(scheduler, [float(trial) for trial in range(9)])
    assert scheduler.handle(failed(0)) == ()
    assert scheduler.handle(FREE) == resume(1, 3)
    waiting = hyperband(1)
    for _ in range(9):
        waiting.handle(FREE)
    for trial in range(8):
        waiting.handle(reported(trial, 1, float(trial)))
    waiting.handle(failed(0))
    waiting.handle(reported(8, 1, 8.0))
    assert [waiting.handle(FREE) for _ in range(3)] == [resume(1, 3), resume(2, 3), resume(3, 3)]


@pytest.mark.parametrize("slot", [FREE, FREE_BUT_CAPPED])
def test_a_bracket_that_nothing_fills_up_any_more_goes_on_with_those_it_has(
    slot: SlotFreed,
) -> None:
    scheduler = hyperband(1, size=6)  # of nine
    first_rung(scheduler, [6, 5, 4, 3, 2, 1])
    assert scheduler.handle(slot) == resume(5, 3)
    assert scheduler.handle(slot) == resume(4, 3)
    assert scheduler.handle(slot) == ()


def test_a_trial_at_its_end_leaves_its_place_to_the_others() -> None:
    scheduler = hyperband(1)
    for _ in range(9):
        scheduler.handle(FREE)
    assert scheduler.handle(reported(0, 9, 0.0)) == ()
    assert scheduler.handle(completed(0)) == ()
    for trial in range(1, 9):
        scheduler.handle(reported(trial, 1, float(trial)))
    assert scheduler.handle(FREE) == resume(1, 3)


def test_a_late_report_counts_nowhere() -> None:
    scheduler = hyperband(1)
    first_rung(scheduler, [0.5])
    assert scheduler.handle(reported(0, 3, 0.5)) == ()


@pytest.mark.parametrize("brackets", [0, 4])
def test_more_brackets_than_levels_are_refused(brackets: int) -> None:
    with pytest.raises(UsageError, match=f"brackets is {brackets}; .* 1, 3, 9 .* from 1 to 3"):
        hyperband(brackets)


def test_its_levels_end_below_the_last_and_without_any_it_never_pauses() -> None:
    assert (hyperband().levels, hyperband().pauses) == ((1, 3), True)
    alone = SynchronousHyperband(Numbered(), levels=(9,), reduction_factor=3)
    assert (alone.levels, alone.pauses) == ((), False)
