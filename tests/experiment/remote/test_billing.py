from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sagemaker_jobs import template
from toy_plan import toy_plan

from pytest_synebench.backends.sagemaker.spending.bill import Bill
from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.remote.billing import billed

UNKNOWN = "ml.trn1.2xlarge"


def opened(
    folder: Path, region: str = "us-east-1", fields: dict[str, Any] | None = None, **params: Any
) -> tuple[Bill, list[str]]:
    plan = toy_plan(folder, backend="sagemaker", **params)
    remarks: list[str] = []
    made = billed(plan, folder, template(**(fields or {})), region, remarks.append)
    made.counted("a", 3600)
    return made, remarks


def test_an_hour_costs_what_the_table_says(tmp_path: Path) -> None:
    made, remarks = opened(tmp_path, fields={"instance_count": 2}, max_cost=5.0)
    assert (made.spent_usd, made.max_usd, remarks) == (0.46, 5.0, [])


def test_the_price_that_is_given_wins_wherever_the_jobs_run(tmp_path: Path) -> None:
    made, remarks = opened(tmp_path, region="eu-west-1", max_cost=5.0, instance_price=1.5)
    assert (made.spent_usd, remarks) == (1.5, [])


def test_the_machine_of_the_request_is_the_one_that_is_paid_for(tmp_path: Path) -> None:
    extra = {"ResourceConfig": {"InstanceType": "ml.g5.xlarge", "InstanceCount": 3}}
    made, _ = opened(tmp_path, fields={"extra": extra})
    assert made.spent_usd == pytest.approx(3 * 1.408)


def test_a_bound_is_refused_where_nobody_knows_the_price(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"what an hour of {UNKNOWN} costs; .*--instance_price"):
        opened(tmp_path, fields={"instance_type": UNKNOWN}, max_cost=5.0)
    with pytest.raises(UsageError, match=r"not for eu-west-1; say it by --instance_price"):
        opened(tmp_path, region="eu-west-1", max_cost=5.0)


def test_without_a_bound_the_price_is_told(tmp_path: Path) -> None:
    made, remarks = opened(tmp_path, region="eu-west-1")
    assert made.spent_usd == 0.23
    (told,) = remarks
    assert "is known for us-east-1 only, not for eu-west-1: costs are shown by that price" in told


def test_without_a_price_costs_are_unknown(tmp_path: Path) -> None:
    made, remarks = opened(tmp_path, fields={"instance_type": UNKNOWN})
    assert (made.short(), remarks) == ("", [])


@pytest.mark.parametrize("instance_type", ["", "ml.m5.xlarge"])
def test_a_plan_takes_a_bound_where_the_price_is_known_or_the_machine_not_yet(
    tmp_path: Path, instance_type: str
) -> None:
    toy_plan(tmp_path, backend="sagemaker", instance_type=instance_type, max_cost=5.0)
    with pytest.raises(UsageError, match="--instance_price USD"):
        toy_plan(tmp_path, backend="sagemaker", instance_type=UNKNOWN, max_cost=5.0)
    toy_plan(tmp_path, backend="sagemaker", instance_type=UNKNOWN, max_cost=5.0, instance_price=1.0)
    toy_plan(tmp_path, instance_type=UNKNOWN, max_cost=5.0)  # no jobs, no cost
