"""Jobs of ours that sleep on an emulator, as a controller that died has left them."""

from __future__ import annotations

from typing import Any

from sagemaker_jobs import spec, template

from pytest_synebench.backends.sagemaker.layout import Layout
from pytest_synebench.backends.sagemaker.names import Names
from pytest_synebench.backends.sagemaker.request import creation
from pytest_synebench.emulator import Emulator

RUN = "toy/one-asha_promotion-random/r0-20260101T000000.000000Z-4f2a91"


def left(run: str = RUN, trial: int = 1, number: int = 0, **fields: Any) -> dict[str, Any]:
    """Return the request for an attempt's job, which sleeps in place of training."""
    layout = Layout(bucket="team", prefix="hpo/", run=run)
    names = Names(run.partition("/")[0], run)
    made = creation(template(**fields), layout, names, spec(trial, number))
    made["AlgorithmSpecification"]["ContainerEntrypoint"] = ["sleep", "1000"]
    del made["InputDataConfig"]  # nobody has uploaded any code
    return made


def start(emulator: Emulator, *requests: dict[str, Any]) -> list[str]:
    """Have jobs run; return their names once they do."""
    client, s3 = emulator.client("sagemaker"), emulator.client("s3")
    if not s3.list_buckets()["Buckets"]:
        s3.create_bucket(Bucket="team")
    names = [str(request["TrainingJobName"]) for request in requests]
    for request in requests:
        client.create_training_job(**request)
    for name in names:
        emulator.wait(name, "Training")
    return names


def statuses(emulator: Emulator, *names: str) -> list[str]:
    """Return where jobs stand."""
    client = emulator.client("sagemaker")
    return [client.describe_training_job(TrainingJobName=n)["TrainingJobStatus"] for n in names]
