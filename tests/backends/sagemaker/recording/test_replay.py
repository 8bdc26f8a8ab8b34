"""A recording of a run, made and asked again: the emulator agrees with itself and no other."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from replayed_calls import differences
from toy_project import make_project, run_pytest
from training_jobs import give_role

from pytest_synebench.backends.sagemaker.recording.policy import (
    SELDOM,
    SELDOM_OF_JOBS,
    policy,
    policy_of,
)
from pytest_synebench.backends.sagemaker.recording.recorder import VARIABLE, calls
from pytest_synebench.emulator import Emulator

GUIDE = Path(__file__).parents[4] / "docs" / "guide"
OPTIONS = (
    *("--synebench", "toy", "--num_trials", "3", "--max_resource_level", "3"),
    *("--backend", "sagemaker", "--s3_bucket", "team/hpo", "--instance_type", "ml.m5.large"),
    *("--sagemaker_execution_role", "arn:aws:iam::123456789012:role/jobs"),
    *("--framework", "PyTorch", "--framework_version", "2.6"),
)
SECRETS = ("123456789012", "team", "toy", "EMULATED", "emulated", "jobs/", "/tmp")


def recorded(
    folder: Path, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> list[dict[str, Any]]:
    """Run an experiment in the emulator's account, and return what was recorded of it."""
    emulator.client("s3").create_bucket(Bucket="team")
    give_role(emulator)
    monkeypatch.setenv(VARIABLE, str(folder / "calls"))
    done = run_pytest(make_project(folder), *OPTIONS)
    monkeypatch.delenv(VARIABLE)
    assert done.returncode == 0, done.stdout + done.stderr
    return calls(folder / "calls")


@pytest.mark.proof
def test_a_recording_is_asked_again_and_answered_alike(
    sagemaker_emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = recorded(tmp_path, sagemaker_emulator, monkeypatch)
    of_jobs = sagemaker_emulator.job_calls()
    text = json.dumps(made)
    assert not [word for word in SECRETS if word in text]
    created = [one for one in made if one["operation"] == "CreateTrainingJob"]
    assert len(created) >= 3
    assert all(one["took_s"] > 0 for one in created)
    sagemaker_emulator.reset()
    assert differences(made, sagemaker_emulator) == []

    # What a real service might have done otherwise is found, and named.
    other = copy.deepcopy(made)
    for one in other:
        answer = one["answer"]
        if one["operation"] == "DescribeTrainingJob" and answer.get("TrainingJobName") == "job-1":
            answer["SecondaryStatusTransitions"].insert(1, {"Status": "Pending"})
            answer["ProfilingStatus"] = "Disabled"
    created = [one for one in other if one["operation"] == "CreateTrainingJob"]
    created[1]["error"] = "ResourceLimitExceeded"
    sagemaker_emulator.reset()
    told = "\n".join(differences(other, sagemaker_emulator))
    assert "job-1: Starting → Pending → Downloading" in told
    assert "job-1: it is described by ProfilingStatus there" in told
    assert "CreateTrainingJob: ResourceLimitExceeded there, granted by the emulator" in told

    # The guide has the policies of these calls; SYNEBENCH_WRITE_POLICIES writes them anew.
    kept = {
        "sagemaker-policy.json": policy([*made, *SELDOM]),
        "sagemaker-job-policy.json": policy_of([*of_jobs, *SELDOM_OF_JOBS]),
    }
    for name, one in kept.items():
        if "SYNEBENCH_WRITE_POLICIES" in os.environ:
            (GUIDE / name).write_text(json.dumps(one, indent=2) + "\n")
        assert one == json.loads((GUIDE / name).read_text())
