"""How many instances of a type may run at once, as Service Quotas count them.

Invariants (tests/emulator/jobs/test_quotas.py holds each one):
- instances of jobs that have not ended never exceed a quota;
- Spot and on-demand instances are counted apart.

Source: AWS, Service Quotas of SageMaker; the wording follows answers quoted in public issues.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from pytest_synebench.emulator.refusal import Refusal


def usage(request: Mapping[str, Any]) -> tuple[str, int]:
    """Return the name of the quota that a job counts against, and its instances.

    >>> usage({"ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2}})
    ('ml.m5.large for training job usage', 2)
    """
    config = request["ResourceConfig"]
    kind = "spot training job" if request.get("EnableManagedSpotTraining") else "training job"
    return f"{config['InstanceType']} for {kind} usage", int(config["InstanceCount"])


def check(
    quotas: Mapping[str, int], request: Mapping[str, Any], running: Iterable[Mapping[str, Any]]
) -> None:
    """Refuse a job for which there is no instance.

    Args:
        quotas: instances at most, by the quota's name; what is not named is not limited.
        request: of the job to come.
        running: of those that have not ended.

    Raises:
        Refusal: ResourceLimitExceeded.
    """
    name, wanted = usage(request)
    used: Counter[str] = Counter()
    for other in running:
        quota, count = usage(other)
        used[quota] += count
    limit = quotas.get(name)
    if limit is not None and used[name] + wanted > limit:
        raise Refusal(
            "ResourceLimitExceeded",
            f"The account-level service limit '{name}' is {limit} Instances, with current "
            f"utilization of {used[name]} Instances and a request delta of {wanted} Instances. "
            "Please use AWS Service Quotas to request an increase for this quota. If AWS Service "
            "Quotas is not available, contact AWS support to request an increase for this quota.",
        )
