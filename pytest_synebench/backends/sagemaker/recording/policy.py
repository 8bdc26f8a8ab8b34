"""The least that somebody must be allowed: an IAM policy of the calls that were recorded.

``python -m pytest_synebench.backends.sagemaker.recording.policy FOLDER`` prints that of a user;
that of the jobs' role is made of what jobs ask an emulator for.

Invariants (tests/backends/sagemaker/recording/test_policy.py holds each one):
- what was called is allowed, on jobs, bucket and role of ours, and nothing else;
- a call that nobody has given a right for is refused by name.

Source: AWS, Service Authorization Reference, "Actions, resources, and condition keys" of Amazon
SageMaker and of Amazon S3.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_synebench.backends.sagemaker.recording.recorder import calls
from pytest_synebench.errors import UsageError

_JOB = "arn:aws:sagemaker:REGION:ACCOUNT:training-job/*"
_BUCKET = "arn:aws:s3:::BUCKET"
_OBJECTS = "arn:aws:s3:::BUCKET/PREFIX/*"
_IMAGES = "arn:aws:ecr:REGION:ACCOUNT:repository/*"
_ROLE = "arn:aws:iam::ACCOUNT:role/ROLE"
#: What a call needs: pairs of an action and what it is allowed on. Who may not list a bucket is not
#: told that an object is not there, but that it is forbidden: a condition on the prefix, which such
#: a request has not, must let it through.
_NEEDS: Mapping[tuple[str, str], tuple[tuple[str, str], ...]] = {
    ("sagemaker", "CreateTrainingJob"): (
        ("sagemaker:CreateTrainingJob", _JOB),
        ("sagemaker:AddTags", _JOB),
        ("iam:PassRole", _ROLE),
    ),
    ("sagemaker", "DescribeTrainingJob"): (("sagemaker:DescribeTrainingJob", _JOB),),
    ("sagemaker", "StopTrainingJob"): (("sagemaker:StopTrainingJob", _JOB),),
    ("sagemaker", "ListTrainingJobs"): (("sagemaker:ListTrainingJobs", "*"),),
    ("sagemaker", "ListTags"): (("sagemaker:ListTags", _JOB),),
    ("sagemaker", "AddTags"): (("sagemaker:AddTags", _JOB),),
    ("sagemaker", "Search"): (("sagemaker:Search", "*"),),
    ("s3", "HeadBucket"): (("s3:ListBucket", _BUCKET),),
    ("s3", "CreateBucket"): (),  # of emulated accounts only
    ("sts", "GetCallerIdentity"): (),  # everybody may
    ("iam", "GetRole"): (("iam:GetRole", _ROLE),),
    ("ecr", "DescribeImages"): (("ecr:DescribeImages", _IMAGES),),
    ("service-quotas", "ListServiceQuotas"): (("servicequotas:ListServiceQuotas", "*"),),
    ("s3", "ListObjectsV2"): (("s3:ListBucket", _BUCKET),),
    ("s3", "ListMultipartUploads"): (("s3:ListBucketMultipartUploads", _BUCKET),),
    ("s3", "GetObject"): (("s3:GetObject", _OBJECTS), ("s3:ListBucket", _BUCKET)),
    ("s3", "HeadObject"): (("s3:GetObject", _OBJECTS), ("s3:ListBucket", _BUCKET)),
    ("s3", "PutObject"): (("s3:PutObject", _OBJECTS),),
    ("s3", "CreateMultipartUpload"): (("s3:PutObject", _OBJECTS),),
    ("s3", "UploadPart"): (("s3:PutObject", _OBJECTS),),
    ("s3", "CompleteMultipartUpload"): (("s3:PutObject", _OBJECTS),),
    ("s3", "AbortMultipartUpload"): (("s3:AbortMultipartUpload", _OBJECTS),),
    ("s3", "DeleteObject"): (("s3:DeleteObject", _OBJECTS),),
    ("s3", "DeleteObjects"): (("s3:DeleteObject", _OBJECTS),),
}
_CONDITIONS = {
    "iam:PassRole": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
    "s3:ListBucket": {"StringLikeIfExists": {"s3:prefix": "PREFIX/*"}},
}


#: Calls that a run makes only when it has to: to stop jobs, to clear what a killed session left, to
#: look for an image of the account's own, to send large checkpoints.
SELDOM = (
    {"service": "sagemaker", "operation": "StopTrainingJob"},
    {"service": "s3", "operation": "DeleteObjects"},
    {"service": "ecr", "operation": "DescribeImages"},
)
SELDOM_OF_JOBS = ("s3:CreateMultipartUpload", "s3:AbortMultipartUpload")


def policy(recorded: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the policy that allows what was called; words in capitals are the user's to fill in.

    Raises:
        UsageError: a call is not known here.
    """
    allowed: dict[tuple[str, str], set[str]] = {}
    for service, operation in sorted({(one["service"], one["operation"]) for one in recorded}):
        needs = _NEEDS.get((service, operation))
        if needs is None:
            raise UsageError(
                f"{service}:{operation} was called, and no right is known for it; add it to "
                f"{Path(__file__).name}"
            )
        for action, resource in needs:
            condition = json.dumps(_CONDITIONS.get(action, {}))
            allowed.setdefault((resource, condition), set()).add(action)
    return {"Version": "2012-10-17", "Statement": [_statement(*one) for one in allowed.items()]}


def policy_of(called: Iterable[str]) -> dict[str, Any]:
    """Return the policy that allows calls that are told by their names: ``s3:PutObject``.

    Raises:
        UsageError: a call is not known here.
    """
    pairs = [one.split(":", 1) for one in called]
    return policy({"service": service, "operation": operation} for service, operation in pairs)


def _statement(where: tuple[str, str], actions: set[str]) -> dict[str, Any]:
    resource, condition = where
    made: dict[str, Any] = {"Effect": "Allow", "Action": sorted(actions), "Resource": resource}
    return made | ({"Condition": json.loads(condition)} if condition != "{}" else {})


def main(argv: Sequence[str]) -> int:
    """Print the policy; return an exit code."""
    if len(argv) != 1 or argv[0].startswith("-"):
        sys.stderr.write(f"usage: python -m {__spec__.name} FOLDER\n")
        return 2
    try:
        made = policy([*calls(Path(argv[0])), *SELDOM])
    except UsageError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{json.dumps(made, indent=2)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
