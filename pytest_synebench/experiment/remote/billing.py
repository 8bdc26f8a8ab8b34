"""The bill of a run whose trials are jobs: opened with the run, by the price of its machines.

Invariants (tests/experiment/remote/test_billing.py holds each one):
- a bound on the cost is refused where the price is unknown, or is another region's;
- whoever has no bound is told by which price costs are shown, where that is not their region's.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pytest_synebench.backends.sagemaker.spending.bill import Bill
from pytest_synebench.backends.sagemaker.spending.prices import REGION, price_of
from pytest_synebench.backends.sagemaker.template import Template
from pytest_synebench.clock import SystemClock
from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.plan.plan import Plan, check_price


def billed(
    plan: Plan, directory: Path, template: Template, region: str, remark: Callable[[str], None]
) -> Bill:
    """Return the bill of a run.

    Args:
        plan: of the run.
        directory: of the run.
        template: of its jobs.
        region: of its jobs.
        remark: takes a line on what a user should know.

    Raises:
        UsageError: the cost is bounded, and nobody knows the price.
    """
    machines = template.extra.get("ResourceConfig", {})
    instance_type = str(machines.get("InstanceType", template.instance_type))
    check_price(plan.params, instance_type)
    price, most = price_of(instance_type, plan.params["instance_price"]), plan.params["max_cost"]
    if price is not None and price.region not in ("", region):
        told = f"what an hour of {instance_type} costs is known for {REGION} only, not for {region}"
        if most is not None:
            raise UsageError(f"max_cost is {most:.10g}, and {told}; say it by --instance_price USD")
        remark(f"{told}: costs are shown by that price; --instance_price USD says yours")
    return Bill(
        directory,
        price,
        instances=int(machines.get("InstanceCount", template.instance_count)),
        max_usd=most,
        now_s=lambda: SystemClock().utc().timestamp(),
    )
