"""What a job is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from remote_jobs import orders

from pytest_synebench.errors import TrialError
from pytest_synebench.training.agent.orders import Orders


@given(
    st.none() | st.integers(1, 9),
    st.none() | st.lists(st.integers(1, 9)),
    st.dictionaries(st.text(), st.none() | st.integers() | st.text()),
)
def test_what_was_written_is_read_as_it_was(
    until: int | None, checkpoint_at: list[int] | None, config: dict[str, Any]
) -> None:
    told = orders(until=until, checkpoint_at=checkpoint_at, config=config)
    assert Orders.of_json(told.to_json()) == told


@pytest.mark.parametrize("name", [*Orders.__dataclass_fields__, "schema"])
@pytest.mark.parametrize("how", ["missing", "wrong"])
def test_another_form_is_refused(name: str, how: str) -> None:
    told = json.loads(orders().to_json())
    told[name] = {"no": "such"} if name != "config" else 3
    if how == "missing":
        del told[name]
    with pytest.raises(TrialError, match="orders cannot be read"):
        Orders.of_json(json.dumps(told).encode())


@pytest.mark.parametrize("data", [b"", b"3", b"[]", b"\xff"])
def test_what_is_no_object_is_refused(data: bytes) -> None:
    with pytest.raises(TrialError, match="orders cannot be read"):
        Orders.of_json(data)
