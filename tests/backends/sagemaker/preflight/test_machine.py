from __future__ import annotations

import pytest

pytest.importorskip("botocore", reason="needs the extra 'aws'")

from pytest_synebench.backends.sagemaker.preflight.findings import Verdict
from pytest_synebench.backends.sagemaker.preflight.machine import machine


def test_a_machine_that_the_service_has_is_good() -> None:
    assert machine("ml.g4dn.xlarge").verdict is Verdict.OK


def test_one_that_it_has_not_is_wrong_and_the_nearest_is_told() -> None:
    found = machine("ml.g4dn.xlarg")
    assert found.verdict is Verdict.WRONG
    assert found.mends.startswith("--instance_type ml.g4dn.xlarge ")
    assert "ml.m5.xlarge" in machine("?").mends
