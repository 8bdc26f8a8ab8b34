"""A script's own values, there and back."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.errors import CheckpointError
from pytest_synebench.training.values import put_back, restored, storable

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
KEYS = st.text() | st.sampled_from(["float", "tuple", "dict"])  # ours mean nothing in theirs
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(KEYS, inner, max_size=3)
    ),
    max_leaves=10,
)


@given(VALUES)
def test_what_is_stored_comes_back_equal_and_of_the_same_types(value: Any) -> None:
    text = json.dumps(storable(value, "value"), allow_nan=False)
    assert repr(restored(json.loads(text))) == repr(value)


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({1, 2}, r"value is \{1, 2\} of type set"),
        ([0, b"x"], r"value\[1\] is b'x' of type bytes"),
        ({"a": (1, 1j)}, r"value\['a'\]\[1\] is 1j of type complex"),
        ({"a": {3: 0}}, r"value\['a'\] has the key 3 of type int; .*: write str\(key\)"),
    ],
)
def test_anything_else_is_refused_by_where_it_is(value: object, where: str) -> None:
    with pytest.raises(CheckpointError, match=f"^{where}"):
        storable(value, "value")


@pytest.mark.parametrize(
    "told", [{}, {"float": 1}, {"tuple": 1}, {"dict": []}, {"set": []}, {"a": 1, "b": 2}, math.nan]
)
def test_what_was_never_stored_is_an_error(told: object) -> None:
    with pytest.raises(ValueError, match="not a scalar"):
        restored(told)


@pytest.mark.parametrize(
    ("now", "value"), [([1], [2, 3]), ({"a": 1}, {"b": 2}), ([1], {"b": 2}), (None, [1]), (1, 2)]
)
def test_a_list_or_dict_that_is_put_back_is_the_one_that_was_there(now: Any, value: Any) -> None:
    state = {"key": now}
    put_back(state, "key", value)
    assert state == {"key": value}
    same = type(now) is type(value) and isinstance(now, list | dict)
    assert (state["key"] is now) is same
