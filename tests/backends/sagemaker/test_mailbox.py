"""Which letter is read next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.backends.sagemaker.mailbox import Mailbox, Next


def read(box: Mailbox, there: set[tuple[int, int]], *, ended: bool = False) -> list[Next]:
    """Read on as far as can be; ``there`` is what the store has."""
    out = []
    while (letter := box.next(ended=ended)) is not None:
        if (letter.life, letter.number) in there:
            box.found(letter)
            out.append(letter)
        else:
            box.missed(letter)
    return out


def test_what_is_listed_is_read_in_order_and_nothing_else_is_asked_for() -> None:
    box = Mailbox()
    box.listed([(0, 1), (0, 0), (0, 3)])
    assert read(box, {(0, 0), (0, 1), (0, 3)}) == [Next(0, 0, True), Next(0, 1, True)]
    assert box.next(ended=False) is None
    box.listed([(0, 2)])
    assert [letter.number for letter in read(box, {(0, 2), (0, 3)})] == [2, 3]


def test_before_a_later_life_the_place_of_the_next_letter_is_looked_into() -> None:
    box = Mailbox()
    box.listed([(0, 0), (2, 0)])
    there = {(0, 0), (0, 1), (2, 0)}
    expected = [Next(0, 0, True), Next(0, 1, False), Next(2, 0, True)]
    assert read(box, there) == expected


def test_an_ended_job_is_drained_once_nothing_is_where_its_last_letter_would_be() -> None:
    box = Mailbox()
    assert read(box, {(0, 0)}) == []
    assert not box.drained
    assert [letter.number for letter in read(box, {(0, 0), (0, 1)}, ended=True)] == [0, 1]
    assert box.drained


@given(st.lists(st.integers(0, 5), max_size=4), st.data())
def test_each_letter_comes_once_in_order_whatever_lists_leave_out(
    lives: list[int], data: st.DataObject
) -> None:
    written = [(life, number) for life, count in enumerate(lives) for number in range(count)]
    box, out, there = Mailbox(), [], set[tuple[int, int]]()
    for upto in sorted(data.draw(st.lists(st.integers(0, len(written)), max_size=4))):
        there.update(written[:upto])
        box.listed(data.draw(st.lists(st.sampled_from(sorted(there)))) if there else [])
        out += read(box, there)
    box.listed(written)
    out += read(box, {*written}, ended=True)
    assert [(letter.life, letter.number) for letter in out] == written
    assert box.drained
