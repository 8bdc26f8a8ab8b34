from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.backends.protocol import (
    AttemptBegan,
    AttemptEnded,
    AttemptKey,
    AttemptReported,
)
from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.journal.trials import TrialRecord
from pytest_synebench.experiment.tuner.order import Told
from pytest_synebench.experiment.tuner.sequencer import Sequencer
from pytest_synebench.trial import Report, Scalar, TrialId

A, B, C = TrialId(0), TrialId(1), TrialId(2)


def level_of(seen: AttemptReported) -> int | None:
    level = seen.metrics["epoch"]
    return level if isinstance(level, int) else None


@dataclass(frozen=True)
class Script:
    """One attempt: how it was started, and what it sends, whenever that arrives."""

    trial: TrialId
    start_s: float = 0.0
    began_from: int = 0
    reported: int = 0  #: by earlier attempts
    until: int | None = None
    cost_s: float = 1.0
    levels: tuple[Scalar, ...] = ()
    ok: bool = True

    @property
    def key(self) -> AttemptKey:
        return AttemptKey(self.trial, 0)

    def record(self) -> TrialRecord:
        trial = TrialRecord(self.trial, {"cost": self.cost_s}, self.until)
        trial.started_s, trial.started_from = self.start_s, self.began_from
        if self.reported:
            trial.reports.append(
                Report(trial_id=self.trial, resource=self.reported, loss=0.0, at_s=0.0)
            )
        return trial

    def sends(self) -> list[Told]:
        return [
            AttemptBegan(key=self.key, resumed_from=0, checkpoints=False),
            *(sent(self.trial, level, i) for i, level in enumerate(self.levels)),
            ended(self.trial, ok=self.ok),
        ]


def sent(trial: TrialId, level: Scalar, sequence: int = 0) -> AttemptReported:
    key = AttemptKey(trial, 0)
    return AttemptReported(key=key, sequence=sequence, metrics={"epoch": level})


def ended(trial: TrialId, *, ok: bool = True) -> AttemptEnded:
    return AttemptEnded(key=AttemptKey(trial, 0), ok=ok, detail="")


def sequencer(*scripts: Script, now_s: float = 0.0) -> Sequencer:
    order = Sequencer(level_of, lambda config: float(config["cost"] or 0), now_s=now_s)
    for script in scripts:
        order.launched(script.key, script.record())
    return order


Release = tuple[float, tuple[Told, ...]]


def all_of(
    order: Sequencer, on_release: Callable[[Told], None] = lambda seen: None
) -> list[Release]:
    out: list[Release] = []
    while told := order.release():
        out.append((order.now_s(0.0), told))
        on_release(told[-1])
    return out


def played(
    scripts: Sequence[Script], chance: random.Random, cuts: dict[TrialId, int] | None = None
) -> tuple[list[Release], Sequencer]:
    """Let everything arrive in a random order which keeps that of each attempt."""
    order = sequencer(*scripts)

    def cut(seen: Told) -> None:
        level = level_of(seen) if isinstance(seen, AttemptReported) else None
        if cuts and level is not None and level == cuts.get(seen.key.trial_id):
            order.cut(seen.key)

    left = [script.sends() for script in scripts]
    out: list[Release] = []
    while any(left):
        which = chance.choice([one for one in left if one])
        order.offer(which.pop(0))
        if chance.random() < 0.7:
            out += all_of(order, cut)
    return out + all_of(order, cut), order


LEVELS = st.lists(st.integers(1, 9), max_size=6, unique=True).map(sorted).map(tuple)
WILD = st.lists(st.one_of(st.none(), st.integers(-1, 9)), max_size=6).map(tuple)


@st.composite
def scripts(
    draw: st.DrawFn, levels: st.SearchStrategy[tuple[Scalar, ...]] = LEVELS
) -> list[Script]:
    def one(number: int) -> Script:
        before = draw(st.integers(0, 3))
        return Script(
            trial=TrialId(number),
            start_s=draw(st.sampled_from([0.0, 1.0, 2.5])),
            began_from=before,
            reported=before + draw(st.integers(0, 2)),
            until=draw(st.one_of(st.none(), st.integers(1, 9))),
            cost_s=draw(st.sampled_from([0.5, 1.0, 10.0])),
            levels=draw(levels),
            ok=draw(st.booleans()),
        )

    return [one(number) for number in range(draw(st.integers(1, 4)))]


CHANCES = st.randoms(use_true_random=False)
CUTS = st.dictionaries(st.integers(0, 3).map(TrialId), st.integers(1, 9))


@given(several=st.one_of(scripts(), scripts(WILD)), one=CHANCES, other=CHANCES, cuts=CUTS)
def test_all_is_told_in_one_order_however_arrivals_interleave(
    several: list[Script], one: random.Random, other: random.Random, cuts: dict[TrialId, int]
) -> None:
    assert played(several, one, cuts)[0] == played(several, other, cuts)[0]


@given(several=st.one_of(scripts(), scripts(WILD)), chance=CHANCES, cuts=CUTS)
def test_when_every_attempt_has_ended_everything_was_told(
    several: list[Script], chance: random.Random, cuts: dict[TrialId, int]
) -> None:
    releases, order = played(several, chance, cuts)
    ends = [told[-1] for _, told in releases if isinstance(told[-1], AttemptEnded)]
    assert sorted(end.key.trial_id for end in ends) == [script.trial for script in several]
    assert order.drain() == []
    assert order.settled


@given(several=scripts(), chance=CHANCES)
def test_time_never_goes_back_and_reports_are_told_in_the_order_of_time_trial_level(
    several: list[Script], chance: random.Random
) -> None:
    releases, _ = played(several, chance)
    moments = [
        (at_s, seen.key.trial_id, level_of(seen))
        for at_s, told in releases
        if isinstance(seen := told[-1], AttemptReported)
    ]
    assert moments == sorted(moments)
    assert [at_s for at_s, _ in releases] == sorted(at_s for at_s, _ in releases)
    by_trial = {script.trial: script for script in several}
    for at_s, trial, level in moments:
        of = by_trial[trial]
        assert level is not None
        assert at_s == of.start_s + (level - of.began_from) * of.cost_s


@given(several=scripts(), chance=CHANCES, part=st.floats(0, 1))
def test_nothing_is_told_while_an_attempt_can_still_send_what_counts_before_it(
    several: list[Script], chance: random.Random, part: float
) -> None:
    order = sequencer(*several)
    last = {script.key: max(script.reported, script.began_from) for script in several}
    left = [script.sends()[:-1] for script in several]
    told: list[Release] = []
    for _ in range(int(part * sum(map(len, left)))):
        seen = chance.choice([one for one in left if one]).pop(0)
        order.offer(seen)
        told += all_of(order)
        level = level_of(seen) if isinstance(seen, AttemptReported) else 0
        last[seen.key] = max(last[seen.key], level or 0)
    # Now the worst that can come: of every attempt the very next level, at once.
    for key, level in last.items():
        order.offer(sent(key.trial_id, level + 1, 99))
        told += all_of(order)
    moments = [
        (at_s, seen.key.trial_id, level_of(seen) or 0)
        for at_s, one in told
        if isinstance(seen := one[-1], AttemptReported)
    ]
    assert moments == sorted(moments)


def test_a_fast_attempt_waits_for_a_slow_one() -> None:
    order = sequencer(Script(A, until=9), Script(B, until=9))
    for level in (1, 2, 3):
        order.offer(sent(B, level))
    assert all_of(order) == [], "trial 0 may report level 1, which counts before"
    order.offer(sent(A, 1))
    assert [told[-1].key.trial_id for _, told in all_of(order)] == [A, B]
    assert not order.settled or order.now_s(0.0) == 1.0


def test_a_slow_start_costs_nothing_and_goes_with_the_first_report() -> None:
    order = sequencer(Script(A, start_s=4.0))
    hello = AttemptBegan(key=AttemptKey(A, 0), resumed_from=0, checkpoints=True)
    order.offer(hello)
    assert order.release() == ()
    order.offer(sent(A, 1))
    assert order.release() == (hello, sent(A, 1))
    assert order.now_s(99.0) == 5.0


def test_levels_that_come_again_go_with_the_first_new_one() -> None:
    order = sequencer(Script(A, start_s=4.0, began_from=2, reported=2, levels=(1, 2, 3)))
    for level in (1, 2):
        order.offer(sent(A, level, level))
        assert order.release() == ()
    order.offer(sent(A, 3, 3))
    assert [level_of(one) for one in order.release() if isinstance(one, AttemptReported)] == [
        1,
        2,
        3,
    ]
    assert order.now_s(0.0) == 5.0


def test_an_attempt_that_a_dead_controller_had_keeps_its_time() -> None:
    order = sequencer(Script(A, start_s=4.0, began_from=0, reported=2), now_s=6.0)
    order.offer(sent(A, 3))
    assert order.release()
    assert order.now_s(0.0) == 7.0


@pytest.mark.parametrize("ok", [True, False])
def test_an_end_before_the_last_level_counts_when_the_next_was_due(ok: bool) -> None:
    order = sequencer(Script(A, until=9), Script(B, start_s=0.5, until=9))
    order.offer(sent(A, 1))
    order.offer(ended(A, ok=ok))
    order.offer(sent(B, 1))
    order.offer(sent(B, 2))
    assert [at_s for at_s, _ in all_of(order)] == [1.0, 1.5, 2.0, 2.5]


def test_an_end_at_the_stop_level_counts_with_it_and_all_later_waits_for_it() -> None:
    order = sequencer(Script(A, until=1), Script(B, start_s=0.5, until=9))
    order.offer(sent(A, 1))
    order.offer(sent(B, 1))
    assert len(all_of(order)) == 1
    settled = [order.settled]  # its slot is free at 1.0, and who gets it is decided before 1.5
    order.offer(ended(A))
    assert order.release()[-1] == ended(A)
    assert order.now_s(0.0) == 1.0
    assert [*settled, order.settled] == [False, True]
    assert order.release()[-1] == sent(B, 1)


def test_what_ran_ahead_of_a_stop_is_not_told_and_its_end_counts_as_now() -> None:
    order = sequencer(Script(A, until=9), Script(B, start_s=0.5, until=9))
    for level in (1, 2, 3):
        order.offer(sent(A, level))
    order.offer(AttemptBegan(key=AttemptKey(A, 0), resumed_from=0, checkpoints=True))
    order.offer(sent(B, 1))
    assert order.release()[-1] == sent(A, 1)
    order.cut(AttemptKey(A, 0))
    assert order.release() == (), "the end is due"
    order.offer(sent(A, 4))
    order.offer(ended(A, ok=False))
    assert order.release() == (ended(A, ok=False),)
    assert order.now_s(0.0) == 1.0
    assert order.release()[-1] == sent(B, 1)


def test_an_attempt_that_is_ended_for_hanging_still_counts_as_far_as_it_came() -> None:
    order = sequencer(Script(A, until=9))
    order.offer(sent(A, 1))
    order.seal(AttemptKey(A, 0))
    order.offer(sent(A, 2))
    order.offer(ended(A, ok=False))
    assert [(at_s, told[-1]) for at_s, told in all_of(order)] == [
        (1.0, sent(A, 1)),
        (2.0, ended(A, ok=False)),
    ]


@pytest.mark.parametrize("level", [None, 0, 1])
def test_a_level_that_breaks_the_rules_is_told_when_the_next_was_due(level: Scalar) -> None:
    order = sequencer(Script(A, until=9))
    order.offer(sent(A, 1))
    order.offer(sent(A, level, 1))
    for number in range(2, 50):
        order.offer(sent(A, level, number))
    told = all_of(order)
    assert [(at_s, one[-1]) for at_s, one in told] == [(1.0, sent(A, 1)), (2.0, sent(A, level, 1))]


def test_what_comes_after_the_stop_level_is_not_told() -> None:
    order = sequencer(Script(A, until=2))
    for level in (1, 2, 3, 4):
        order.offer(sent(A, level))
    order.offer(ended(A))
    assert [at_s for at_s, _ in all_of(order)] == [1.0, 2.0, 2.0]


def test_costs_that_are_declared_move_the_levels_apart() -> None:
    order = sequencer(Script(A, cost_s=3.0, until=9), Script(B, cost_s=1.0, until=9))
    for trial in (A, B):
        for level in (1, 2):
            order.offer(sent(trial, level))
    # Level 1 of the one and level 3 of the other both count at 3: the lower trial is first.
    assert [one[-1].key.trial_id for _, one in all_of(order)] == [B, B, A]


@pytest.mark.parametrize("cost_s", [0.0, -1.0, math.inf, math.nan])
def test_a_cost_without_an_order_is_refused(cost_s: float) -> None:
    with pytest.raises(UsageError, match=r"level of trial 2 is .*; it must be a positive number"):
        sequencer(Script(C, cost_s=cost_s))


def test_what_no_attempt_here_sent_is_passed_over() -> None:
    order = sequencer()
    order.offer(sent(A, 1))
    order.cut(AttemptKey(A, 0))
    order.seal(AttemptKey(A, 0))
    assert order.release() == ()
    assert order.settled


def test_all_that_waits_is_given_up_when_the_run_is_closed() -> None:
    order = sequencer(Script(A), Script(B))
    order.offer(sent(B, 1))
    order.offer(ended(B))
    assert order.drain() == [sent(B, 1), ended(B)]
    assert order.drain() == []


def test_time_does_not_go_back_behind_what_the_journal_has() -> None:
    order = sequencer(Script(A, start_s=1.0), now_s=6.0)
    order.offer(sent(A, 1))
    assert order.release()
    assert order.now_s(0.0) == 6.0
