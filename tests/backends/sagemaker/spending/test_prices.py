from __future__ import annotations

import pytest

pytest.importorskip("botocore", reason="needs the extra 'aws'")

from pytest_synebench.backends.sagemaker import limits
from pytest_synebench.backends.sagemaker.spending.prices import (
    USD_PER_HOUR,
    Price,
    cost_usd,
    price_of,
    shown_usd,
)


@pytest.mark.parametrize("instance_type", sorted(USD_PER_HOUR))
def test_every_instance_is_one_that_the_service_takes(instance_type: str) -> None:
    known = limits.model().members["ResourceConfig"].members["InstanceType"].enum
    assert instance_type in known
    assert USD_PER_HOUR[instance_type] > 0


def test_a_price_that_is_not_known_is_none_and_a_given_one_wins() -> None:
    assert price_of("ml.trn1.2xlarge") is None
    assert price_of("ml.trn1.2xlarge", 1.5) == Price(usd=1.5, source="given")
    known = price_of("ml.g4dn.xlarge")
    assert known == Price(usd=0.7364, source="us-east-1, 2026-08", region="us-east-1")


def test_an_hour_of_two_instances_costs_twice_the_price() -> None:
    price = Price(usd=2.5, source="given")
    assert cost_usd(price, 3600, 2) == 5.0
    assert cost_usd(price, 0) == 0.0


@pytest.mark.parametrize(
    ("usd", "shown"), [(0.0, "0.00 USD"), (0.00021, "0.0002 USD"), (1.0, "1.00 USD")]
)
def test_little_is_not_shown_as_nothing(usd: float, shown: str) -> None:
    assert shown_usd(usd) == shown
