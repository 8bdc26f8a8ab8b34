from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.backends.protocol import (
    AttemptBegan,
    AttemptEnded,
    AttemptKey,
    AttemptReported,
)
from pytest_synebench.experiment.journal.trials import TrialRecord
from pytest_synebench.experiment.tuner.order import AsItComes, Told
from pytest_synebench.trial import TrialId

KEYS = [AttemptKey(TrialId(i), 0) for i in range(3)]
SEEN: st.SearchStrategy[Told] = st.one_of(
    st.builds(AttemptBegan, key=st.sampled_from(KEYS), resumed_from=st.just(0), checkpoints=...),
    st.builds(
        AttemptReported,
        key=st.sampled_from(KEYS),
        sequence=st.integers(0, 9),
        metrics=st.just({}),
    ),
    st.builds(AttemptEnded, key=st.sampled_from(KEYS), ok=..., detail=st.just("")),
)


def all_of(order: AsItComes) -> list[Told]:
    out: list[Told] = []
    while told := order.release():
        out += told
    return out


@given(seen=st.lists(SEEN))
def test_as_it_comes_everything_is_told_once_in_the_order_of_arrival(seen: list[Told]) -> None:
    order = AsItComes()
    order.launched(KEYS[0], TrialRecord(TrialId(0), {}, None))
    for one in seen:
        order.offer(one)
    assert order.settled == (not seen)
    assert all_of(order) == seen
    assert order.settled
    assert order.now_s(12.5) == 12.5


@given(seen=st.lists(SEEN), cut=st.booleans())
def test_reports_of_a_sealed_attempt_are_left_out_and_nothing_else(
    seen: list[Told], cut: bool
) -> None:
    order = AsItComes()
    (order.cut if cut else order.seal)(KEYS[0])
    for one in seen:
        order.offer(one)
    until_end = True
    expected = []
    for one in seen:
        sealed = until_end and one.key == KEYS[0] and isinstance(one, AttemptReported)
        expected += [] if sealed else [one]
        until_end = until_end and not (isinstance(one, AttemptEnded) and one.key == KEYS[0])
    assert all_of(order) == expected


@given(seen=st.lists(SEEN))
def test_what_was_not_told_is_given_up_once(seen: list[Told]) -> None:
    order = AsItComes()
    for one in seen:
        order.offer(one)
    assert order.drain() == seen
    assert order.drain() == []
    assert order.release() == ()


def test_as_it_comes_it_is_empty_exactly_when_everything_was_told() -> None:
    order = AsItComes()
    empty = [order.empty]
    order.offer(AttemptEnded(key=KEYS[0], ok=True, detail=""))
    empty.append(order.empty)
    order.release()
    assert [*empty, order.empty] == [True, False, True]
