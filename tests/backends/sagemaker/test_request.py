from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sagemaker_jobs import GOLDEN, request, spec

from pytest_synebench.backends.sagemaker.request import ATTEMPT_TAG, definition, shown

FOLDER = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", GOLDEN)
def test_a_request_is_as_it_was(name: str) -> None:
    assert request(**GOLDEN[name]) == json.loads((FOLDER / f"{name}.json").read_text())


@pytest.mark.parametrize("name", GOLDEN)
def test_a_runtime_is_always_there(name: str) -> None:
    assert request(**GOLDEN[name])["StoppingCondition"]["MaxRuntimeInSeconds"] >= 1


def test_extra_fields_win_and_leave_their_neighbours() -> None:
    made = request(extra={"ResourceConfig": {"VolumeSizeInGB": 99}, "RoleArn": "other"})
    assert made["ResourceConfig"]["VolumeSizeInGB"] == 99
    assert made["ResourceConfig"]["InstanceType"] == "ml.m5.xlarge"
    assert made["RoleArn"] == "other"


def test_a_users_tag_never_hides_whose_job_it_is() -> None:
    tags = {tag["Key"]: tag["Value"] for tag in request(tags={ATTEMPT_TAG: "x"})["Tags"]}
    assert tags[ATTEMPT_TAG] == "12/3"


@given(
    config=st.dictionaries(
        st.text(min_size=1, max_size=400), st.none() | st.floats() | st.text(max_size=600),
        max_size=120,
    )
)  # fmt: skip
def test_hyperparameters_are_cut_to_what_the_service_takes(
    config: dict[str, float | str | None],
) -> None:
    told = shown(config)
    assert len(told) <= 99, "the program's is one more"
    assert all(len(key) <= 256 and len(value) <= 256 for key, value in told.items())
    assert request(spec(a=1))["HyperParameters"] == {"a": "1", "sagemaker_program": "train.py"}


@pytest.mark.parametrize("value", ["0.5", "12.5", "1e-05", "-3", "+2.5E+10", "1."])
def test_the_console_reads_numbers_whole(value: str) -> None:
    pattern = definition("loss")["Regex"]
    found = re.search(pattern, f"[report] epoch=1 val_loss=9 loss={value}")
    assert found is not None
    assert found[1] == value
