"""What is written down of a submission, and what it is called."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_plan import toy_plan

from pytest_synebench.backends.sagemaker.reaping.tuners import first_name
from pytest_synebench.clock import VirtualClock
from pytest_synebench.errors import StoreError
from pytest_synebench.experiment.remote.tuning.record import Named, Record

RECORD = Record(
    name="toy-20000101T000000-ab12cd",
    title="toy::small-fifo-random-r0",
    benchmark="toy",
    run="toy/small-fifo-random/r0-20000101T000000.000000Z-ab12cd",
    folder=".",
    settings={"num_trials": "4,8"},
    groups="",
    request={"TrainingJobName": "toy-20000101T000000-ab12cd"},
)


def test_what_was_written_is_read_as_it_was() -> None:
    assert Record.of_json(RECORD.to_json()) == RECORD
    assert RECORD.node == "synebench::toy::small-fifo-random-r0"


@pytest.mark.parametrize(
    "changes",
    [{"schema": 2}, {"settings": []}, {"name": 1}, {"more": 1}],
    ids=["schema", "settings", "name", "more"],
)
def test_what_is_none_is_refused(changes: dict[str, Any]) -> None:
    told = {**json.loads(RECORD.to_json()), **changes}
    with pytest.raises(StoreError, match="must be of one version"):
        Record.of_json(json.dumps(told).encode())
    with pytest.raises(StoreError, match="must be of one version"):
        Record.of_json(b"[]")


@given(benchmark=st.text(min_size=1, max_size=80))
def test_a_name_is_one_that_the_service_allows(
    benchmark: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    plan = replace(toy_plan(Path(str(tmp_path_factory.getbasetemp()))), benchmark=benchmark)
    named = Named.now(plan, VirtualClock())
    assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", f"{named.name}-999")
    assert first_name(f"{named.name}-999") == first_name(named.name) == named.name


def test_two_submissions_of_one_moment_have_two_names(tmp_path: Path) -> None:
    plan, clock = toy_plan(tmp_path, run_id=3), VirtualClock()
    one, other = Named.now(plan, clock), Named.now(plan, clock)
    assert one.name != other.name
    assert one.run != other.run
    assert one.name.startswith("toy-20000101T000000-")
    assert one.run.startswith("toy/small-fifo-random/r3-20000101T000000.000000Z-")
