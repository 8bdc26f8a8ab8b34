"""Keys and bytes of what a job says."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.channel import Message
from pytest_synebench.errors import ReportError
from pytest_synebench.training.agent import letters
from pytest_synebench.training.agent.letters import Letter

NUMBERS = st.integers(0, 10**9)
LETTERS = st.builds(Letter, NUMBERS, NUMBERS, st.integers(0, 9999), NUMBERS)
PREFIXES = st.sampled_from(["", "hpo/", "hpo/one/r0/"])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.floats())


def same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    both_nan = isinstance(one, float) and math.isnan(one) and math.isnan(other)
    return both_nan or (type(one) is type(other) and one == other)


@given(PREFIXES, LETTERS)
def test_a_key_gives_back_its_letter(prefix: str, letter: Letter) -> None:
    assert letters.of_key(prefix, letters.key(prefix, letter)) == letter


@given(st.lists(st.builds(Letter, st.just(1), st.just(0), st.integers(0, 50), NUMBERS), max_size=9))
def test_keys_of_an_attempt_sort_as_they_were_written(written: list[Letter]) -> None:
    of_width = [letter for letter in written if letter.number < 10**8]
    keys = [letters.key("p/", letter) for letter in sorted(of_width)]
    assert keys == sorted(keys)


@given(LETTERS, LETTERS)
def test_no_attempt_begins_as_another(one: Letter, other: Letter) -> None:
    start = letters.of_attempt("p/", one.trial, one.attempt)
    mine = letters.key("p/", other).startswith(start)
    assert mine == ((one.trial, one.attempt) == (other.trial, other.attempt))


@pytest.mark.parametrize(
    "name",
    [
        "letters/00000001/000000/0000/1.json",
        "letters/00000001/000000/0000/00000001.json.part",
        "letters/00000001/000000/0000/0000000\u0661.json",
        "jobs/00000001/000000/orders.json",
        "letters/000000001/000000/0000/00000001.json",
    ],
)
def test_what_is_no_letter_is_told(name: str) -> None:
    assert letters.of_key("", name) is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["hello", "report", "saved"]),
            st.dictionaries(
                st.text(min_size=1).filter(lambda name: name != "kind"),
                st.none() | st.booleans() | st.integers() | st.text(),
                max_size=3,
            ),
            st.dictionaries(st.text(), SCALARS, max_size=3),
        ),
        max_size=4,
    )
)
def test_what_was_written_is_read_as_it_was(told: list[tuple[str, dict[str, Any], Any]]) -> None:
    sent = [
        Message(kind, n, {**fields, "metrics": metrics})
        for n, (kind, fields, metrics) in enumerate(told)
    ]
    read = letters.read(letters.write(sent))
    assert [(m.kind, m.sequence) for m in read] == [(m.kind, m.sequence) for m in sent]
    assert all(same(one.fields, other.fields) for one, other in zip(sent, read, strict=True))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"schema":2,"messages":[]}',
        b'{"schema":1,"messages":3}',
        b'{"schema":1,"messages":[3]}',
        b'{"schema":1,"messages":[{"kind":1}]}',
        b'{"schema":1,"messages":[{"kind":"report","metrics":{"a":[1]}}]}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_letter_is_refused(data: bytes) -> None:
    with pytest.raises(ReportError):
        letters.read(data)
