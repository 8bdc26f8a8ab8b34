"""The SageMaker SDK itself, version 3, in a process of its own; it prints what it was asked for.

``python sdk_program.py submit|read|fields JSON``: submit a job by a ``ModelTrainer`` and wait for
it; read a trainer as the back-end does; or name the attributes that trainers have. It needs the
packages of the extra ``sagemaker``, and an AWS that the environment leads to.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import Any


def trainer(told: dict[str, Any], session: Any) -> Any:
    """Return the trainer that was asked for."""
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.train import ModelTrainer
    from sagemaker.train.configs import Compute, InputData, Networking, SourceCode, Tag

    more: dict[str, Any] = {}
    if "source_dir" in told:
        more["source_code"] = SourceCode(source_dir=told["source_dir"], entry_script="train.py")
    if "networking" in told:
        more["networking"] = Networking(**told["networking"])
    if "tags" in told:
        more["tags"] = [Tag(key=key, value=value) for key, value in told["tags"].items()]
    if "channels" in told:
        more["input_data_config"] = [
            InputData(channel_name=name, data_source=uri) for name, uri in told["channels"].items()
        ]
    return ModelTrainer(
        sagemaker_session=Session(boto_session=session, default_bucket=told["bucket"]),
        role=told["role"],
        training_image=told["image"],
        base_job_name="toy",
        compute=Compute(**told["compute"]),
        hyperparameters=told.get("hyperparameters") or {},
        environment=told.get("environment") or {},
        **more,
    )


def submit(told: dict[str, Any]) -> dict[str, Any]:
    """Submit a job, and return the request that went out."""
    import boto3.session

    session = boto3.session.Session()
    asked: list[dict[str, Any]] = []
    session.events.register(
        "before-parameter-build.sagemaker.CreateTrainingJob",
        lambda params, **_: asked.append(json.loads(json.dumps(params, default=str))),
    )
    trainer(told, session).train(wait=told["wait"], logs=False)
    (request,) = asked
    return request


def read(told: dict[str, Any]) -> dict[str, Any]:
    """Return what the back-end reads of a trainer."""
    import boto3.session

    from pytest_synebench.backends.sagemaker.trainer import read as reading

    session = boto3.session.Session()
    return dataclasses.asdict(reading(trainer(told, session)))


def fields(_told: dict[str, Any]) -> list[str]:
    """Return the names of the attributes that trainers have."""
    from sagemaker.train import ModelTrainer

    return sorted({*ModelTrainer.model_fields, *ModelTrainer.__private_attributes__})


if __name__ == "__main__":
    verb = {"submit": submit, "read": read, "fields": fields}[sys.argv[1]]
    sys.stdout.write(f"\nTOLD {json.dumps(verb(json.loads(sys.argv[2])))}\n")
