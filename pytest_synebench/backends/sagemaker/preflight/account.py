"""Whose account it is, and whether its role can be given to jobs.

Invariants (tests/backends/sagemaker/preflight/test_account.py holds each one, on the emulator):
- a role that is not there, or does not trust SageMaker, is wrong, with the command that mends it;
- a role that may not be looked at is unknown.

Source: AWS, "How to use SageMaker AI execution roles".
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from pytest_synebench.backends.sagemaker.preflight.asking import (
    Clients,
    code_of,
    failures,
    in_words,
    no_right,
)
from pytest_synebench.backends.sagemaker.preflight.findings import Finding, ok, unknown, wrong

_ROLE = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):role/(?:[\w+=,.@/-]*/)?([\w+=,.@-]+)", re.ASCII)
_TRUSTED = "sagemaker.amazonaws.com"
_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": _TRUSTED},
                "Action": "sts:AssumeRole",
            }
        ],
    },
    separators=(",", ":"),
)
_RENEW = "aws sso login  (or renew the credentials in the way they were made)"
_REACH = "check AWS_ENDPOINT_URL, AWS_REGION and the network"
_MENDS = {
    **dict.fromkeys(("ExpiredToken", "ExpiredTokenException", "SSOTokenLoadError"), _RENEW),
    **dict.fromkeys(("EndpointConnectionError", "ConnectTimeoutError", "SSLError"), _REACH),
    **dict.fromkeys(("ReadTimeoutError", "ProxyConnectionError", "ConnectionClosedError"), _REACH),
}


class Account(NamedTuple):
    """What is known of the account."""

    finding: Finding
    number: str  #: "": nothing is known


def account(clients: Clients) -> Account:
    """Return whose credentials these are."""
    try:
        told = clients("sts").get_caller_identity()
    except failures() as error:
        mends = _MENDS.get(code_of(error), "aws configure")
        return Account(wrong("credentials", in_words(error), mends), "")
    number, who = str(told["Account"]), str(told["Arn"]).rpartition(":")[2]
    return Account(ok("credentials", f"account {number}, as {who}"), number)


def service(clients: Clients) -> Finding:
    """Return whether SageMaker answers, and lists jobs."""
    try:
        clients("sagemaker").list_training_jobs(MaxResults=1)
    except failures() as error:
        if no_right(error):
            mends = (
                "allow sagemaker:ListTrainingJobs, CreateTrainingJob, DescribeTrainingJob, "
                "StopTrainingJob, AddTags, and iam:PassRole on the role"
            )
            return wrong("service", in_words(error), mends)
        return wrong("service", in_words(error), _REACH)
    return ok("service", "SageMaker lists training jobs")


def role(clients: Clients, arn: str, number: str) -> Finding:
    """Return whether a role can be given to jobs.

    Args:
        clients: of the account.
        arn: of the role.
        number: of the account; "": nothing is known.
    """
    found = _ROLE.fullmatch(arn)
    if found is None:
        mends = "--sagemaker_execution_role arn:aws:iam::ACCOUNT:role/NAME"
        return wrong("role", f"{arn!r} is no ARN of a role", mends)
    if number and found[1] != number:
        mends = f"--sagemaker_execution_role arn:aws:iam::{number}:role/NAME"
        told = f"{arn} is of account {found[1]}; jobs of account {number} cannot have it"
        return wrong("role", told, mends)
    return _looked_up(clients, arn, found[2])


def _looked_up(clients: Clients, arn: str, name: str) -> Finding:
    try:
        told = clients("iam").get_role(RoleName=name)["Role"]
    except failures() as error:
        if code_of(error) == "NoSuchEntity":
            mends = (
                f"aws iam create-role --role-name {name} --assume-role-policy-document '{_TRUST}'\n"
                f"aws iam attach-role-policy --role-name {name} "
                "--policy-arn arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
            )
            return wrong("role", f"{arn}: there is no such role", mends)
        return unknown("role", f"{arn}: {in_words(error)}")
    if _TRUSTED not in str(told.get("AssumeRolePolicyDocument", "")):
        mends = f"aws iam update-assume-role-policy --role-name {name} --policy-document '{_TRUST}'"
        return wrong("role", f"{arn} does not let {_TRUSTED} take it on", mends)
    return ok("role", arn)
