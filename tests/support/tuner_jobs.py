"""Jobs that stand for those of tuners: a shell that waits, and what was submitted with it."""

from __future__ import annotations

from typing import Any

from pytest_synebench.backends.sagemaker.port import BotoTrainingJobs, new_client
from pytest_synebench.backends.sagemaker.reaping.tuners import key, place
from pytest_synebench.backends.sagemaker.tuner import VARIABLE
from pytest_synebench.checkpoints.s3.asking import Asking
from pytest_synebench.emulator import Emulator
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.remote.tuning.log import RunLog
from pytest_synebench.experiment.remote.tuning.record import Record

NAME = "toy-20000101T000000-ab12cd"
BUCKET = "team"
WAITS = "trap 'exit 0' TERM; echo ready; while true; do sleep 0.05; done"


def waiting(name: str = NAME, command: str = WAITS) -> dict[str, Any]:
    """Return the request of a job that runs a command of the shell."""
    return {
        "TrainingJobName": name,
        "RoleArn": "arn:aws:iam::123456789012:role/training",
        "AlgorithmSpecification": {
            "TrainingImage": "123456789012.dkr.ecr.us-east-1.amazonaws.com/team:1",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["sh", "-c", command],
        },
        "Environment": {VARIABLE: f"s3://{BUCKET}/{key('hpo/', NAME)}"},
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/output"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    }


def record_of(plan: Plan, command: str = WAITS) -> Record:
    """Return what is written down of a submission."""
    return Record(
        name=NAME,
        title=plan.name,
        benchmark=plan.benchmark,
        run=f"{plan.benchmark}/{plan.setup}/r0-20000101T000000.000000Z-ab12cd",
        folder=".",
        settings={"aws": "emulator"},
        groups="",
        request=waiting(command=command),
    )


def submit(emulator: Emulator, record: Record) -> BotoTrainingJobs:
    """Have a submission be there, and its job run; return the service."""
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key=key("hpo/", NAME), Body=record.to_json())
    jobs = BotoTrainingJobs(new_client())
    jobs.create(record.request)
    emulator.wait_for_line(NAME, "ready")
    return jobs


def log_of(emulator: Emulator) -> RunLog:
    """Return the log of the submission, as its job would open it."""
    where = place("hpo/", NAME)
    return RunLog(emulator.client("s3"), BUCKET, where, Asking(f"s3://{BUCKET}"))
