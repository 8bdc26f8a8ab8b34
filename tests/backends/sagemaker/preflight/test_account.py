from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from pytest_synebench.backends.sagemaker.preflight import account
from pytest_synebench.backends.sagemaker.preflight.asking import Clients, clients
from pytest_synebench.backends.sagemaker.preflight.findings import Verdict
from pytest_synebench.emulator import Emulator

NUMBER = "123456789012"
ARN = f"arn:aws:iam::{NUMBER}:role/hpo/training"


@pytest.fixture
def asked(sagemaker_emulator: Emulator) -> Clients:
    return clients("us-east-1")


def create_role(emulator: Emulator, trust: str) -> None:
    emulator.client("iam").create_role(
        RoleName="training", Path="/hpo/", AssumeRolePolicyDocument=trust
    )


def test_whose_account_it_is(asked: Clients) -> None:
    found, number = account.account(asked)
    assert found.verdict is Verdict.OK
    assert found.told.startswith(f"account {NUMBER}, as ")
    assert number == NUMBER


def test_without_credentials_the_command_that_mends_it_is_told(
    sagemaker_emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    found, number = account.account(clients("us-east-1"))
    assert (found.verdict, found.mends, number) == (Verdict.WRONG, "aws configure", "")
    assert "UnrecognizedClientException" in found.told


def test_where_nothing_answers_it_is_not_the_credentials(
    sagemaker_emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    found, _ = account.account(clients("us-east-1"))
    assert found.verdict is Verdict.WRONG
    assert found.mends == "check AWS_ENDPOINT_URL, AWS_REGION and the network"


def test_the_service_answers(asked: Clients, sagemaker_emulator: Emulator) -> None:
    assert account.service(asked).verdict is Verdict.OK
    fault = {"kind": "unavailable", "operation": "ListTrainingJobs", "times": None}
    sagemaker_emulator.faults(fault)
    assert account.service(asked).verdict is Verdict.WRONG


def test_a_role_that_sagemaker_may_take_on_is_good(
    asked: Clients, sagemaker_emulator: Emulator
) -> None:
    create_role(sagemaker_emulator, account._TRUST)
    found = account.role(asked, ARN, NUMBER)
    assert (found.verdict, found.told) == (Verdict.OK, ARN)


def test_a_role_that_is_not_there_is_wrong(asked: Clients) -> None:
    found = account.role(asked, ARN, NUMBER)
    assert found.verdict is Verdict.WRONG
    assert found.mends.startswith("aws iam create-role --role-name training ")
    assert "sagemaker.amazonaws.com" in found.mends


def test_a_role_that_does_not_trust_sagemaker_is_wrong(
    asked: Clients, sagemaker_emulator: Emulator
) -> None:
    create_role(sagemaker_emulator, account._TRUST.replace("sagemaker", "ec2"))
    found = account.role(asked, ARN, NUMBER)
    assert found.verdict is Verdict.WRONG
    assert found.mends.startswith("aws iam update-assume-role-policy --role-name training ")


@pytest.mark.parametrize(
    ("arn", "told"),
    [
        ("training", "'training' is no ARN of a role"),
        (f"arn:aws:iam::{NUMBER}:user/training", "is no ARN of a role"),
        (ARN.replace(NUMBER, "999999999999"), "is of account 999999999999"),
    ],
)
def test_what_jobs_cannot_have_is_wrong(asked: Clients, arn: str, told: str) -> None:
    found = account.role(asked, arn, NUMBER)
    assert found.verdict is Verdict.WRONG
    assert told in found.told
    assert "--sagemaker_execution_role" in found.mends


def test_a_role_that_may_not_be_looked_at_is_unknown(
    asked: Clients, sagemaker_emulator: Emulator
) -> None:
    faults: list[dict[str, Any]] = [
        {"kind": "unavailable", "operation": "iam.GetRole", "times": None}
    ]
    sagemaker_emulator.faults(*faults)
    assert account.role(asked, ARN, NUMBER).verdict is Verdict.UNKNOWN
