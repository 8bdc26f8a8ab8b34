"""The SageMaker SDK's own ``ModelTrainer``: a client of the emulator, and a template of ours.

It brings a gigabyte of packages: ``tox -e sagemaker-sdk`` makes an environment that has it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

try:
    FOUND = importlib.util.find_spec("sagemaker.train")
except ModuleNotFoundError:
    FOUND = None
if FOUND is None:
    pytest.skip(
        "needs the SageMaker SDK, a gigabyte of packages: tox -e sagemaker-sdk",
        allow_module_level=True,
    )
pytest.importorskip("moto", reason="needs the extra 'emulator'")

import sdk_program
from requests_compared import different, justified, nameless, unjustified
from sagemaker_jobs import GOLDEN, ROLE, request
from sdk_jobs import OWN, TOLD, told

from pytest_synebench.backends.sagemaker.trainer import IGNORED, OURS, PARTS, TAKEN
from pytest_synebench.emulator import Emulator

KEPT = Path(__file__).parents[1] / "backends" / "sagemaker" / "golden" / "sdk"
SCRIPT = """
import json, os, sys
print("it ran with", json.dumps(sys.argv[1:]), os.environ["SM_HP_MODEL"], flush=True)
open(os.path.join(os.environ["SM_MODEL_DIR"], "w.txt"), "w").write("7")
"""


def ask(emulator: Emulator, folder: Path, verb: str, what: dict[str, Any]) -> Any:
    """Have the SDK do it, in a process of its own that meets nobody but the emulator."""
    opted_out = folder / "sdk.yaml"
    opted_out.write_text(
        "SchemaVersion: '1.0'\nSageMaker:\n  PythonSDK:\n    Modules:\n"
        "      TelemetryOptOut: true\n"
    )
    environment = {
        **os.environ,
        **emulator.variables,
        "SAGEMAKER_ADMIN_CONFIG_OVERRIDE": str(opted_out),
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(opted_out),
        "SAGEMAKER_VALIDATE_ROLE": "false",
    }
    done = subprocess.run(
        [sys.executable, sdk_program.__file__, verb, json.dumps(what)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("TOLD ")]
    assert lines, done.stdout[-3000:] + done.stderr[-6000:]
    return json.loads(lines[0].removeprefix("TOLD "))


@pytest.fixture
def source(sagemaker_emulator: Emulator, tmp_path: Path) -> str:
    sagemaker_emulator.client("s3").create_bucket(Bucket="team")
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "train.py").write_text(SCRIPT)
    return str(folder)


def test_a_model_trainer_submits_a_job_that_completes(
    sagemaker_emulator: Emulator, source: str, tmp_path: Path
) -> None:
    asked = ask(sagemaker_emulator, tmp_path, "submit", told("image_uri", source, wait=True))
    job = sagemaker_emulator.wait(asked["TrainingJobName"], "Completed")
    assert job["AlgorithmSpecification"]["ContainerEntrypoint"] == ["/bin/bash"]
    printed = "\n".join(sagemaker_emulator.lines(asked["TrainingJobName"]))
    assert "it ran with" in printed
    assert "lstm" in printed
    model = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://team/")
    assert sagemaker_emulator.client("s3").head_object(Bucket="team", Key=model)


@pytest.mark.parametrize("name", TOLD)
def test_its_requests_are_those_that_are_kept_and_every_difference_has_a_reason(
    sagemaker_emulator: Emulator, source: str, tmp_path: Path, name: str
) -> None:
    asked = nameless(ask(sagemaker_emulator, tmp_path, "submit", told(name, source)))
    if "SYNEBENCH_WRITE_SDK" in os.environ:
        (KEPT / f"{name}.json").write_text(json.dumps(asked, indent=1) + "\n")
    assert unjustified(different(asked, request(**GOLDEN[name])), justified()) == []
    assert asked == json.loads((KEPT / f"{name}.json").read_text())


def test_each_attribute_is_taken_refused_or_ignored_by_name(
    sagemaker_emulator: Emulator, tmp_path: Path
) -> None:
    known = {*TAKEN, *PARTS, *OURS, *IGNORED}
    assert [
        one for one in ask(sagemaker_emulator, tmp_path, "fields", {}) if one not in known
    ] == []


def test_one_is_read_as_a_template(sagemaker_emulator: Emulator, tmp_path: Path) -> None:
    sagemaker_emulator.client("s3").create_bucket(Bucket="team")
    what = {
        "role": ROLE,
        "bucket": "team",
        "image": OWN,
        "compute": {
            "instance_type": "ml.g5.xlarge",
            "instance_count": 2,
            "volume_kms_key_id": "alias/disk",
            "enable_managed_spot_training": True,
        },
        "networking": {"subnets": ["subnet-1"], "security_group_ids": ["sg-1"]},
        "tags": {"team": "blue"},
        "channels": {"train": "s3://data/a/"},
        "environment": {"NCCL_DEBUG": "INFO"},
    }
    found = ask(sagemaker_emulator, tmp_path, "read", what)
    assert {name: value for name, (value, _) in found["params"].items()} == {
        "image_uri": OWN,
        "sagemaker_execution_role": ROLE,
        "instance_type": "ml.g5.xlarge",
        "spot": True,
        "max_runtime": 3600,
        "s3_bucket": "s3://team/toy",
    }
    assert found["region"] == "us-east-1"
    assert found["template"]["tags"] == {"team": "blue"}
    assert [one["ChannelName"] for one in found["template"]["channels"]] == ["train"]
    assert found["extra"] == {
        "ResourceConfig": {"VolumeKmsKeyId": "alias/disk"},
        "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]},
        "OutputDataConfig": {"CompressionType": "GZIP"},
        "Environment": {"NCCL_DEBUG": "INFO"},
    }
