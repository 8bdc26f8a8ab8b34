from __future__ import annotations

from typing import Any

import pytest

from pytest_synebench.emulator.jobs import quotas
from pytest_synebench.emulator.refusal import Refusal

LIMIT = {"ml.m5.large for training job usage": 3}


def job(count: int, *, spot: bool = False) -> dict[str, Any]:
    config = {"InstanceType": "ml.m5.large", "InstanceCount": count}
    return {"ResourceConfig": config, "EnableManagedSpotTraining": spot}


def test_instances_count_and_not_jobs() -> None:
    quotas.check(LIMIT, job(1), [job(2)])
    with pytest.raises(Refusal, match=r"is 3 Instances.* utilization of 2 .* delta of 2 Instance"):
        quotas.check(LIMIT, job(2), [job(2)])


def test_spot_instances_are_counted_apart() -> None:
    quotas.check(LIMIT, job(3), [job(9, spot=True)])
    quotas.check(LIMIT, job(9, spot=True), [job(3)])
