from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reaped_jobs import RUN, left
from sagemaker_jobs import spec, template

from pytest_synebench.backends.sagemaker.layout import Layout
from pytest_synebench.backends.sagemaker.names import Names
from pytest_synebench.backends.sagemaker.reaping.ours import Ours, may_be_ours, ours
from pytest_synebench.backends.sagemaker.request import creation
from pytest_synebench.training.agent.orders import VARIABLE

SEGMENTS = st.text(st.characters(codec="utf-8", exclude_characters="/\n"), min_size=1).filter(
    lambda text: text not in {".", ".."}
)
PREFIXES = st.sampled_from(["", "hpo/", "a/b/jobs/"])


@given(
    names=st.tuples(SEGMENTS, SEGMENTS, SEGMENTS),
    prefix=PREFIXES,
    trial=st.integers(0, 999_999),
    number=st.integers(0, 9_999),
)
def test_a_job_that_the_back_end_makes_is_found_again(
    names: tuple[str, str, str], prefix: str, trial: int, number: int
) -> None:
    run = "/".join(names)
    told = spec(trial, number)
    layout = Layout(bucket="team", prefix=prefix, run=run)
    made = creation(template(), layout, Names(names[0], run), told)
    assert may_be_ours(made["TrainingJobName"])
    assert ours(made) == Ours(name=made["TrainingJobName"], run=run, key=told.key)


CHANGES: dict[str, tuple[str, str, str]] = {
    "trial": ("url", "jobs/00000001/", "jobs/00000002/"),
    "attempt": ("name", "-0000", "-0001"),
    "run": ("url", "r0-", "r1-"),
    "slug": ("name", "toy-", "boy-"),
    "width": ("url", "jobs/00000001/", "jobs/000000001/"),
    "elsewhere": ("url", ".json", ".jsonx"),
    "above": ("url", "hpo/", "hpo/../"),
}


def changed(field: str, before: str, after: str) -> dict[str, Any]:
    made = left()
    told = {"name": made["TrainingJobName"], "url": made["Environment"][VARIABLE]}
    assert before in told[field]
    told[field] = told[field].replace(before, after)
    return {**made, "TrainingJobName": told["name"], "Environment": {VARIABLE: told["url"]}}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_one_that_differs_in_a_single_sign_is_nobodys(change: tuple[str, str, str]) -> None:
    assert ours(left()) is not None
    assert ours(changed(*change)) is None


def test_one_with_another_hash_is_nobodys() -> None:
    name = left()["TrainingJobName"]
    at = name.index("-") + 1
    other = "a" if name[at] != "a" else "b"
    assert ours({**left(), "TrainingJobName": f"{name[:at]}{other}{name[at + 1 :]}"}) is None


def test_jobs_of_others_are_none() -> None:
    assert ours({"TrainingJobName": "theirs"}) is None
    assert ours({"TrainingJobName": left()["TrainingJobName"]}) is None
    assert ours({"TrainingJobName": "x", "Environment": {VARIABLE: "s3://b/k"}}) is None
    assert RUN.startswith("toy/")
