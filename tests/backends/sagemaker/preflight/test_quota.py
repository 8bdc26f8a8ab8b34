from __future__ import annotations

import pytest

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from pytest_synebench.backends.sagemaker.preflight.asking import Clients, clients
from pytest_synebench.backends.sagemaker.preflight.findings import Finding, Verdict
from pytest_synebench.backends.sagemaker.preflight.quota import quota
from pytest_synebench.emulator import Emulator

KIND = "ml.g4dn.xlarge"


@pytest.fixture
def asked(sagemaker_emulator: Emulator) -> Clients:
    sagemaker_emulator.quota("ml.m5.large", 3)
    return clients("us-east-1")


def looked(asked: Clients, *, spot: bool = False) -> Finding:
    return quota(asked, KIND, spot=spot, wanted=4)


def test_a_quota_that_is_large_enough_is_good(asked: Clients, sagemaker_emulator: Emulator) -> None:
    sagemaker_emulator.quota(KIND, 4)
    found = looked(asked)
    assert (found.verdict, found.told) == (Verdict.OK, f"{KIND} for training job usage: 4")


def test_one_that_is_smaller_is_told_and_refuses_nothing(
    asked: Clients, sagemaker_emulator: Emulator
) -> None:
    sagemaker_emulator.quota(KIND, 1)
    found = looked(asked)
    assert found.verdict is Verdict.OK
    assert found.told.endswith(": 1; 4 are asked for, so some wait")


def test_one_of_nothing_is_wrong_and_spot_has_its_own(
    asked: Clients, sagemaker_emulator: Emulator
) -> None:
    sagemaker_emulator.quota(KIND, 4)
    sagemaker_emulator.quota(KIND, 0, spot=True)
    assert looked(asked).verdict is Verdict.OK
    found = looked(asked, spot=True)
    assert found.verdict is Verdict.WRONG
    assert found.told == f"{KIND} for spot training job usage: 0, so no job would ever start"
    assert found.mends.startswith("aws service-quotas request-service-quota-increase ")
    assert found.mends.endswith(" --desired-value 4")


def test_one_that_is_not_named_or_not_readable_is_unknown(
    asked: Clients, sagemaker_emulator: Emulator
) -> None:
    assert looked(asked).verdict is Verdict.UNKNOWN
    sagemaker_emulator.quota(KIND, 0)
    assert looked(asked).verdict is Verdict.WRONG
    operation = "servicequotas.ListServiceQuotas"
    sagemaker_emulator.faults({"kind": "unavailable", "operation": operation, "times": None})
    found = looked(asked)
    assert found.verdict is Verdict.UNKNOWN
    assert "ServiceUnavailable" in found.told
