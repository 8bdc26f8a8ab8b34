"""What jobs need that only the user can name: each is refused by name where it is missing.

Invariants (tests/experiment/remote/test_needs.py, tests/experiment/remote/test_building.py):
- an error has the value, the rule, and the option that names another;
- an emulator takes a default for what it does not look at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_synebench.backends.sagemaker.images import training_image
from pytest_synebench.checkpoints.s3.address import is_bucket
from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.remote.handed import handed, settled

#: What an emulator takes for what it does not have, where the user names none.
_EMULATED_PARAMS = {
    "sagemaker_execution_role": "arn:aws:iam::123456789012:role/synebench",
    "s3_bucket": "synebench",
    "instance_type": "ml.m5.xlarge",
}
_EMULATED_IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/emulated:1"


def job_params(plan: Plan) -> dict[str, Any]:
    """Return a plan's parameters: a trainer's where they are at their defaults, and an emulator's.

    Raises:
        UsageError: the trainer that was handed in says otherwise.
    """
    return with_emulated(settled(plan.params, handed(plan)))


def with_emulated(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters, with what an emulator does not care about."""
    params = dict(given)
    if params["aws"] == "emulator":
        params.update({k: v for k, v in _EMULATED_PARAMS.items() if not params[k]})
        if not (params["framework"] and params["framework_version"]):
            params["image_uri"] = params["image_uri"] or _EMULATED_IMAGE
    return params


def bucket_of(params: Mapping[str, Any]) -> tuple[str, str]:
    """Return the bucket, and what all keys in it begin with: "" or ending with a slash.

    Raises:
        UsageError: none is named.
    """
    bucket, prefix = split_bucket(params["s3_bucket"])
    if not bucket:
        raise UsageError(
            "backend is 'sagemaker', and no bucket is named; jobs get their code and send their "
            "reports through one: --s3_bucket BUCKET/PREFIX"
        )
    return bucket, prefix


def split_bucket(named: str) -> tuple[str, str]:
    """Return the bucket that ``s3_bucket`` names, and the prefix: "" or ending with a slash.

    Raises:
        UsageError: no bucket can have that name.

    >>> split_bucket("s3://team/hpo"), split_bucket("team")
    (('team', 'hpo/'), ('team', ''))
    """
    bucket, _, prefix = named.removeprefix("s3://").partition("/")
    if bucket and not is_bucket(bucket):
        raise UsageError(
            f"s3_bucket is {named!r}, and no bucket is called {bucket!r}: its name has 3 to 63 "
            "small letters, digits, dots and hyphens, and what follows a slash is the prefix; "
            "--s3_bucket BUCKET/PREFIX"
        )
    prefix = prefix.strip("/")
    return bucket, f"{prefix}/" if prefix else ""


def role_of(params: Mapping[str, Any]) -> str:
    """Return the ARN of the role that jobs have.

    Raises:
        UsageError: none is named.
    """
    if not params["sagemaker_execution_role"]:
        raise UsageError(
            "backend is 'sagemaker', and no role is named that jobs are to have; name one by "
            "--sagemaker_execution_role arn:aws:iam::ACCOUNT:role/NAME"
        )
    return str(params["sagemaker_execution_role"])


def instance_type_of(benchmark: str, params: Mapping[str, Any]) -> str:
    """Return the machine of a job.

    Raises:
        UsageError: none is named.
    """
    if not params["instance_type"]:
        raise UsageError(
            f"backend is 'sagemaker', and {benchmark} names no instance_type; choose the "
            "machine of a job by --instance_type ml.m5.xlarge"
        )
    return str(params["instance_type"])


def image_of(benchmark: str, params: Mapping[str, Any], region: str) -> str:
    """Return the image of a job.

    Raises:
        UsageError: none is named, or there is none of what is named.
    """
    if params["image_uri"]:
        return str(params["image_uri"])
    framework, version = params["framework"], params["framework_version"]
    if not framework or not version:
        raise UsageError(
            f"backend is 'sagemaker', and {benchmark} names no image for its jobs; choose "
            "--framework PyTorch or HuggingFace with --framework_version, or an image of your own "
            "by --image_uri"
        )
    return training_image(framework, version, region=region, instance_type=params["instance_type"])
