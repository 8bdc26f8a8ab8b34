from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pytest_synebench.backends.protocol import AttemptKey
from pytest_synebench.backends.sagemaker.queueing import Queue, Why
from pytest_synebench.trial import TrialId


def key(number: int) -> AttemptKey:
    return AttemptKey(TrialId(number), 0)


@given(refusals=st.integers(1, 5000), seed=st.integers(0, 2**32), why=st.sampled_from(Why))
def test_a_wait_grows_and_stays_below_its_bound(refusals: int, seed: int, why: Why) -> None:
    pace = why.value
    wait_s = pace.wait_s(refusals, random.Random(seed))
    assert pace.first_s / 2 <= wait_s <= pace.longest_s
    if refusals > 20:
        assert wait_s >= pace.longest_s / 2


def test_an_instance_that_became_free_is_asked_for_at_once() -> None:
    queue = Queue(random.Random(0))
    queue.add(key(1))
    assert queue.ask(0.0) == key(1)
    queue.refused(Why.NO_INSTANCE, 0.0)
    assert queue.ask(7.0) is None
    queue.freed()
    assert queue.ask(7.0) == key(1)
    queue.refused(Why.THROTTLED, 7.0)
    queue.freed()  # which is no reason to ask a busy service sooner
    assert queue.ask(7.1) is None


def test_the_wait_begins_anew_after_a_grant_and_for_another_reason() -> None:
    queue = Queue(random.Random(0))
    for number in range(3):
        queue.add(key(number))
    for _ in range(9):
        queue.ask(queue.due_s() or 0.0)
        queue.refused(Why.NO_INSTANCE, 0.0)
    queue.ask(queue.due_s() or 0.0)
    queue.refused(Why.THROTTLED, 0.0)
    assert (queue.due_s() or 0.0) <= Why.THROTTLED.value.first_s
    queue.ask(queue.due_s() or 0.0)
    queue.granted()
    assert (queue.due_s(), queue.why) == (0.0, None)


class Queues(RuleBasedStateMachine):
    """A queue beside a list that says who waits."""

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        self.queue = Queue(random.Random(seed))
        self.waiting: list[AttemptKey] = []
        self.asked: AttemptKey | None = None
        self.now_s = 0.0
        self.not_before_s = 0.0

    @rule(number=st.integers(0, 5))
    def add(self, number: int) -> None:
        self.queue.add(key(number))
        if key(number) not in self.waiting:
            self.waiting.append(key(number))

    @rule(number=st.integers(0, 5))
    def withdraw(self, number: int) -> None:
        may = key(number) in self.waiting and key(number) != self.asked
        assert self.queue.withdraw(key(number)) is may
        if may:
            self.waiting.remove(key(number))

    @rule(seconds=st.sampled_from([0.1, 1.0, 20.0, 300.0]))
    def ask(self, seconds: float) -> None:
        self.now_s += seconds
        got = self.queue.ask(self.now_s)
        if self.asked is not None or not self.waiting or self.now_s < self.not_before_s:
            assert got is None
        else:
            assert got == self.waiting[0]
            self.asked = got

    @precondition(lambda self: self.asked is not None)
    @rule(why=st.sampled_from(Why))
    def refuse(self, why: Why) -> None:
        self.queue.refused(why, self.now_s)
        self.asked = None
        due_s = self.queue.due_s()
        assert due_s is not None
        assert self.now_s < due_s <= self.now_s + why.value.longest_s
        self.not_before_s = due_s

    @precondition(lambda self: self.asked is not None)
    @rule()
    def grant(self) -> None:
        self.queue.granted()
        assert self.asked is not None
        self.waiting.remove(self.asked)
        self.asked, self.not_before_s = None, 0.0

    @rule()
    def free(self) -> None:
        waits_for_one = self.queue.why is Why.NO_INSTANCE
        self.queue.freed()
        if waits_for_one:
            self.not_before_s = 0.0

    @invariant()
    def nobody_is_lost(self) -> None:
        assert len(self.queue) == len(self.waiting)
        idle = self.asked is None and bool(self.waiting)
        assert (self.queue.due_s() is not None) is idle


TestQueues = Queues.TestCase
