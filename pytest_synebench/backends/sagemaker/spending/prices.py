"""What an hour of an instance costs, where it is known.

On-demand training, one region, no discounts, storage and transfer left out: right to a few per
cent where it is meant for, and told with its date and region. Whoever has other prices names one.

Invariants (tests/backends/sagemaker/spending/test_prices.py holds each one):
- every instance of the table is one that the service takes for training;
- a price that is not known is none, never 0.

Source: the AWS Price List of AmazonSageMaker, component Training, US East (N. Virginia), as public
projects quote it, looked at in August 2026; only what several of them quote alike is here. Nobody
of this project has compared it with AWS.
"""

from __future__ import annotations

from dataclasses import dataclass

REGION = "us-east-1"  #: whose prices these are
DATE = "2026-08"  #: as of when

#: USD for one instance and hour.
USD_PER_HOUR = {
    "ml.m5.large": 0.115,
    "ml.m5.xlarge": 0.23,
    "ml.m5.2xlarge": 0.461,
    "ml.m5.4xlarge": 0.922,
    "ml.m5.12xlarge": 2.765,
    "ml.m5.24xlarge": 5.53,
    "ml.c5.xlarge": 0.204,
    "ml.c5.2xlarge": 0.408,
    "ml.c5.4xlarge": 0.816,
    "ml.c5.9xlarge": 1.836,
    "ml.p3.2xlarge": 3.825,
    "ml.p3.8xlarge": 14.688,
    "ml.p3.16xlarge": 28.152,
    "ml.g4dn.xlarge": 0.7364,
    "ml.g4dn.2xlarge": 0.94,
    "ml.g4dn.4xlarge": 1.505,
    "ml.g4dn.8xlarge": 2.72,
    "ml.g4dn.12xlarge": 4.89,
    "ml.g4dn.16xlarge": 5.44,
    "ml.g5.xlarge": 1.408,
    "ml.g5.2xlarge": 1.515,
    "ml.g5.4xlarge": 2.03,
    "ml.g5.8xlarge": 3.06,
    "ml.g5.12xlarge": 7.09,
    "ml.g5.16xlarge": 5.12,
    "ml.g5.24xlarge": 10.18,
    "ml.g5.48xlarge": 20.36,
    "ml.g6.xlarge": 1.127,
    "ml.g6.2xlarge": 1.222,
    "ml.g6.4xlarge": 1.654,
    "ml.g6.8xlarge": 2.518,
    "ml.g6.12xlarge": 5.752,
    "ml.g6.24xlarge": 8.344,
    "ml.g6.48xlarge": 16.688,
    "ml.g6e.xlarge": 2.61,
    "ml.g6e.2xlarge": 2.8,
    "ml.g6e.4xlarge": 3.76,
    "ml.g6e.8xlarge": 5.66,
    "ml.g6e.12xlarge": 13.12,
    "ml.g6e.24xlarge": 18.83,
    "ml.g6e.48xlarge": 37.66,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What an hour of one instance costs, and who says so."""

    usd: float  #: for one instance and hour
    source: str  #: for people: "given", "us-east-1, 2026-08"
    region: str = ""  #: whose price it is; "": it was given, for wherever the jobs run


def price_of(instance_type: str, given_usd: float | None = None) -> Price | None:
    """Return the price of an instance; None: nobody has said.

    Args:
        instance_type: as ``ml.m5.xlarge``.
        given_usd: the user's own, for an hour; it wins.

    >>> price_of("ml.m5.xlarge").usd, price_of("ml.m5.xlarge", 0.2).source
    (0.23, 'given')
    """
    if given_usd is not None:
        return Price(usd=given_usd, source="given")
    usd = USD_PER_HOUR.get(instance_type)
    if usd is None:
        return None
    return Price(usd=usd, source=f"{REGION}, {DATE}", region=REGION)


def cost_usd(price: Price, seconds: float, instances: int = 1) -> float:
    """Return what so many seconds of so many instances cost.

    >>> cost_usd(Price(usd=3.6, source="given"), 500.0, 2)
    1.0
    """
    return price.usd * seconds * instances / 3600


def shown_usd(usd: float) -> str:
    """Return an amount for people: two digits behind the point, more where that would be little.

    >>> shown_usd(12.3456), shown_usd(0.01234), shown_usd(0.0)
    ('12.35 USD', '0.0123 USD', '0.00 USD')
    """
    return f"{usd:.2f} USD" if usd >= 1 or not usd else f"{usd:.4f} USD"
