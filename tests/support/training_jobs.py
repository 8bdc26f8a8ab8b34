"""Training jobs for an emulator: a script, and the request that runs it."""

from __future__ import annotations

import json
from typing import Any

from pytest_synebench.emulator import Emulator

BUCKET = "team"
ROLE = "arn:aws:iam::123456789012:role/training"
CODE = "/opt/ml/input/data/code/train.py"
#: Counts epochs; resumes from its checkpoint; stops cleanly at SIGTERM unless told to ignore it.
SCRIPT = """
import json, os, pathlib, signal, sys, time

told = json.load(open("/opt/ml/input/config/hyperparameters.json"))
state = pathlib.Path("/opt/ml/checkpoints/state.json")
begun = json.loads(state.read_text())["epoch"] if state.exists() else 0
stopped = []

def stop(*_):
    print("got SIGTERM", flush=True)
    stopped.append(True)

signal.signal(signal.SIGTERM, stop)
if begun:
    print("resumed from", begun, flush=True)
epoch = begun
while epoch < int(told["epochs"]) and not (stopped and told.get("stubborn") != "1"):
    if epoch == int(told.get("fail_at", -1)):
        pathlib.Path("/opt/ml/output/failure").write_text("loss is NaN")
        sys.exit(3)
    epoch += 1
    aside = state.with_suffix(".tmp")
    aside.write_text(json.dumps({"epoch": epoch}))
    os.replace(aside, state)
    print(f"epoch={epoch} loss={1 / epoch:.4f};", flush=True)
    time.sleep(float(told.get("epoch_s", 0)))
pathlib.Path("/opt/ml/model/epochs.txt").write_text(str(epoch))
"""


def give_role(emulator: Emulator, name: str = "jobs") -> None:
    """Have a role there that jobs can have."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sagemaker.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    emulator.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))


def prepare(emulator: Emulator, script: str = SCRIPT) -> None:
    """Put a bucket there, and a script into it."""
    client = emulator.client("s3")
    region = emulator.variables["AWS_DEFAULT_REGION"]
    where = {} if region == "us-east-1" else {"LocationConstraint": region}
    client.create_bucket(Bucket=BUCKET, **({"CreateBucketConfiguration": where} if where else {}))
    client.put_object(Bucket=BUCKET, Key="code/train.py", Body=script.encode())


def request(name: str, *, checkpoints: str = "", **told: Any) -> dict[str, Any]:
    """Return a request that runs the script.

    Args:
        name: of the job.
        checkpoints: name of their prefix; "": that of the job.
        told: its hyperparameters, and in capitals: fields of the request that are others.
    """
    fields = {key: value for key, value in told.items() if key[0].isupper()}
    hyperparameters = {k: str(v) for k, v in told.items() if k not in fields}
    made: dict[str, Any] = {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "HyperParameters": {"epochs": "3", **hyperparameters},
        "AlgorithmSpecification": {
            "TrainingImage": "123456789012.dkr.ecr.us-east-1.amazonaws.com/team:1",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", CODE],
            "MetricDefinitions": [{"Name": "loss", "Regex": r"loss=([0-9.]+);"}],
        },
        "InputDataConfig": [
            {
                "ChannelName": "code",
                "DataSource": {
                    "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/code/"}
                },
            }
        ],
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/output"},
        "CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/checkpoints/{checkpoints or name}"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    }
    return {**made, **fields}


def keys(emulator: Emulator, prefix: str = "") -> list[str]:
    """Return the keys in the bucket."""
    found = emulator.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix)
    return [item["Key"] for item in found.get("Contents", ())]


def body(emulator: Emulator, key: str) -> bytes:
    """Return an object of the bucket."""
    read: bytes = emulator.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
    return read
