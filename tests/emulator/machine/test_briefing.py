from __future__ import annotations

import json
from pathlib import Path

import pytest
from training_jobs import request

from pytest_synebench.emulator.machine import briefing, containers

AWS = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_DEFAULT_REGION": "eu-west-1"}


def test_a_job_finds_the_files_that_the_service_documents(tmp_path: Path) -> None:
    ml = containers.lay_out(tmp_path / "root")
    briefing.write_config(request("a", lr="0.1"), ml)
    read = {path.stem: json.loads(path.read_text()) for path in (ml / "input/config").iterdir()}
    assert read["hyperparameters"] == {"epochs": "3", "lr": "0.1"}
    assert read["inputdataconfig"]["code"]["TrainingInputMode"] == "File"
    assert read["resourceconfig"]["current_host"] == "algo-1"
    assert read["resourceconfig"]["hosts"] == ["algo-1"]


def test_nothing_of_the_emulators_own_environment_reaches_a_job(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    told = request("a", Environment={"MODE": "fast"})
    given = briefing.environment(told, "arn:x", AWS, "/venv/bin")
    assert "AWS_PROFILE" not in given
    assert given["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert given["AWS_REGION"] == "eu-west-1"
    assert given["TRAINING_JOB_NAME"] == "a"
    assert given["MODE"] == "fast"
    assert given["PATH"].startswith("/venv/bin:")


def test_an_images_own_entry_point_is_called_with_train() -> None:
    told = request("a")
    assert briefing.program(told, ("x",))[0] == "python3"
    told["AlgorithmSpecification"].pop("ContainerEntrypoint")
    assert briefing.program(told, ("toolkit",)) == ["toolkit", "train"]
    assert briefing.program(told, ()) == []
