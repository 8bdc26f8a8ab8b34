"""What a container finds, and leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.training.entrypoint.contract import (
    MOST_FAILURE_CHARS,
    Contract,
    arguments,
)


def container(root: Path, hyperparameters: object = None, channels: object = None) -> Contract:
    config = root / "input" / "config"
    config.mkdir(parents=True, exist_ok=True)
    resources = {"current_host": "algo-1", "hosts": ["algo-1", "algo-2"]}
    told = {"hyperparameters": hyperparameters or {}, "inputdataconfig": channels or {}}
    for name, value in {**told, "resourceconfig": resources}.items():
        (config / f"{name}.json").write_text(json.dumps(value))
    return Contract(root)


def test_variables_and_arguments_are_the_platforms(tmp_path: Path) -> None:
    told = {
        "lr": "0.1",
        "model": "lstm",
        "n": '"5"',
        "sagemaker_program": "train.py",
        "deep": "[1]",
    }
    contract = container(tmp_path, told, {"training": {}, "synebench": {}})
    assert contract.arguments() == ["--deep", "[1]", "--lr", "0.1", "--model", "lstm", "-n", "5"]
    found = contract.variables()
    assert found["SM_MODEL_DIR"] == str(tmp_path / "model")
    assert found["SM_OUTPUT_DATA_DIR"] == str(tmp_path / "output" / "data")
    assert found["SM_CHANNEL_TRAINING"] == str(tmp_path / "input" / "data" / "training")
    assert json.loads(found["SM_CHANNELS"]) == ["synebench", "training"]
    assert json.loads(found["SM_HOSTS"]) == ["algo-1", "algo-2"]
    assert found["SM_CURRENT_HOST"] == "algo-1"
    assert json.loads(found["SM_HPS"]) == {"lr": 0.1, "model": "lstm", "n": "5", "deep": [1]}
    assert found["SM_HP_LR"] == "0.1"
    assert found["SM_HP_MODEL"] == "lstm"
    assert found["SM_USER_ENTRY_POINT"] == "train.py"
    assert found["SM_MODULE_NAME"] == "train"


def test_a_dash_in_a_name_may_be_read_in_both_ways(tmp_path: Path) -> None:
    found = container(tmp_path, {"batch-size": "8"}).variables()
    assert found["SM_HP_BATCH-SIZE"] == found["SM_HP_BATCH_SIZE"] == "8"


def test_what_a_job_runs_on_is_told_where_it_is_known(tmp_path: Path) -> None:
    found = container(tmp_path).variables()
    assert "SM_CURRENT_INSTANCE_TYPE" not in found, "the platform has set it"
    assert found["SM_NETWORK_INTERFACE_NAME"] == "eth0"
    group = {"instance_group_name": "g", "instance_type": "ml.m5.large", "hosts": ["algo-1"]}
    resources = {
        "current_host": "algo-1",
        "current_instance_type": "ml.m5.large",
        "current_group_name": "g",
        "instance_groups": [group],
    }
    (tmp_path / "input" / "config" / "resourceconfig.json").write_text(json.dumps(resources))
    found = Contract(tmp_path).variables()
    assert found["SM_CURRENT_INSTANCE_TYPE"] == "ml.m5.large"
    assert json.loads(found["SM_CURRENT_INSTANCE_GROUP_HOSTS"]) == ["algo-1"]
    assert found["SM_IS_HETERO"] == "false"


@given(
    st.dictionaries(
        st.text("abc", min_size=1),
        st.text() | st.booleans() | st.integers() | st.floats(allow_nan=False),
    )
)
def test_a_value_arrives_as_it_was_typed(tmp_path_factory: Any, typed: dict[str, Any]) -> None:
    sent = {name: json.dumps(value) for name, value in typed.items()}
    contract = container(tmp_path_factory.mktemp("c"), sent)
    assert contract.hyperparameters == typed
    assert contract.arguments() == arguments(typed)


@pytest.mark.parametrize("data", [None, "", "[1]", "{"])
def test_what_the_platform_did_not_write_is_empty(tmp_path: Path, data: str | None) -> None:
    if data is not None:
        config = tmp_path / "input" / "config"
        config.mkdir(parents=True)
        for name in ("hyperparameters", "resourceconfig", "inputdataconfig"):
            (config / f"{name}.json").write_text(data)
    contract = Contract(tmp_path)
    assert contract.arguments() == []
    assert contract.variables()["SM_CURRENT_HOST"] == "algo-1"


def test_one_letter_has_one_dash_and_none_is_left_out() -> None:
    assert arguments({"x": 1, "yes": True, "no": None}) == ["-x", "1", "--yes", "True"]


@given(st.text("ab\n", max_size=3000))
def test_the_text_of_a_failure_is_bounded_and_ends_as_it_ended(text: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        Contract(folder).fail(text)
        told = (Path(folder) / "output" / "failure").read_bytes().decode()
    assert len(told) <= MOST_FAILURE_CHARS
    assert text.endswith(told[-500:])
    assert len(text) > MOST_FAILURE_CHARS or told == text
