from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_plan import toy_plan
from tuner_jobs import NAME, waiting

from pytest_synebench.backends.sagemaker.reaping.tuners import (
    carries_out,
    is_tuner,
    key,
    may_be_tuner,
)
from pytest_synebench.backends.sagemaker.tuner import VARIABLE
from pytest_synebench.clock import VirtualClock
from pytest_synebench.experiment.remote.tuning.record import Named

CLOCK = VirtualClock()


@given(
    benchmark=st.text(min_size=1, max_size=80),
    prefix=st.sampled_from(["", "hpo/", "a/b/remote/"]),
    life=st.sampled_from(["", "-2", "-17"]),
)
def test_what_is_submitted_is_found_again_and_carries_its_own_run_out(
    benchmark: str, prefix: str, life: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    base = toy_plan(Path(str(tmp_path_factory.getbasetemp())), run_id=3)
    plan = replace(base, benchmark=benchmark)
    one, other = Named.now(plan, CLOCK), Named.now(plan, CLOCK)
    job = waiting(f"{one.name}{life}")
    job["Environment"] = {VARIABLE: f"s3://team/{key(prefix, one.name)}"}
    assert is_tuner(job)
    assert carries_out(job["TrainingJobName"], one.run)
    assert not carries_out(job["TrainingJobName"], other.run)


def job(name: str = NAME, **environment: str) -> dict[str, Any]:
    return {**waiting(name), "Environment": environment or waiting()["Environment"]}


def test_what_differs_is_no_tuner() -> None:
    assert is_tuner(job())
    assert not is_tuner(job(NAME.replace("toy", "boy")))
    assert not is_tuner(job("theirs"))
    assert not is_tuner(job(**{VARIABLE: f"s3://team/remote/{NAME}/other.json"}))
    assert not is_tuner(job(**{VARIABLE: f"s3://team/more-remote/{NAME}/experiment.json"}))
    assert not is_tuner(job(**{VARIABLE: f"https://team/remote/{NAME}/experiment.json"}))
    assert not is_tuner(job(OTHER="x"))
    assert not may_be_tuner("toy-fbfqlyjq2x4kn2kq-000012-0003")


def test_a_run_of_this_machine_is_no_tuners() -> None:
    assert not carries_out(NAME, "toy/one/r0-lives")
    assert not carries_out("theirs", "toy/small/r0-20000101T000000.000000Z-ab12cd")
