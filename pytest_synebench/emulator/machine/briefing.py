"""What a container is told: the files of /opt/ml/input/config, its environment, its program.

Invariants (tests/emulator/machine/test_briefing.py holds each one):
- a job finds the files and the variables that the service documents, and AWS at the emulator;
- nothing of the emulator's own environment reaches it but a PATH with an interpreter.

Source: AWS, guide "How Amazon SageMaker AI Provides Training Information".
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HOST = "algo-1"


def write_config(request: Mapping[str, Any], ml: Path) -> None:
    """Write the files a container reads its job from."""
    resources = request["ResourceConfig"]
    hosts = [f"algo-{number}" for number in range(1, resources["InstanceCount"] + 1)]
    files: dict[str, Any] = {
        "hyperparameters": request.get("HyperParameters", {}),
        "resourceconfig": {
            "current_host": HOST,
            "hosts": hosts,
            "network_interface_name": "lo",
            "current_instance_type": resources["InstanceType"],
            "current_group_name": "homogeneousCluster",
            "instance_groups": [
                {
                    "instance_group_name": "homogeneousCluster",
                    "instance_type": resources["InstanceType"],
                    "hosts": hosts,
                }
            ],
        },
        "inputdataconfig": {
            channel["ChannelName"]: {
                "TrainingInputMode": "File",
                "S3DistributionType": channel["DataSource"]["S3DataSource"].get(
                    "S3DataDistributionType", "FullyReplicated"
                ),
                "RecordWrapperType": channel.get("RecordWrapperType", "None"),
                **({"ContentType": channel["ContentType"]} if "ContentType" in channel else {}),
            }
            for channel in request.get("InputDataConfig", ())
        },
        "checkpointconfig": request.get("CheckpointConfig", {}),
    }
    for name, content in files.items():
        (ml / "input" / "config" / f"{name}.json").write_text(json.dumps(content))


def environment(
    request: Mapping[str, Any], arn: str, aws: Mapping[str, str], python: str
) -> dict[str, str]:
    """Return the environment of a container.

    Args:
        request: of the job.
        arn: of the job.
        aws: variables that lead an AWS client to the emulator.
        python: folder of the interpreter, put first in PATH.
    """
    return {
        "PATH": f"{python}:/usr/local/bin:{os.defpath}",
        "HOME": "/opt/ml",
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "AWS_REGION": aws["AWS_DEFAULT_REGION"],
        **aws,
        "TRAINING_JOB_NAME": request["TrainingJobName"],
        "TRAINING_JOB_ARN": arn,
        "SM_CURRENT_INSTANCE_TYPE": request["ResourceConfig"]["InstanceType"],
        **request.get("Environment", {}),
    }


def program(request: Mapping[str, Any], default: tuple[str, ...]) -> list[str]:
    """Return what process 1 runs; [] where nobody says it.

    An image's own entry point is called with the argument ``train``, as the service does it.
    """
    chosen = request["AlgorithmSpecification"]
    given = [*chosen.get("ContainerEntrypoint", ())]
    arguments = [*chosen.get("ContainerArguments", ())]
    if given:
        return given + arguments
    return [*default, *(arguments or ["train"])] if default else []
