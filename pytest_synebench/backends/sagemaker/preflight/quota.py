"""How many instances of a type the account may have at once, where Service Quotas says so.

Invariants (tests/backends/sagemaker/preflight/test_quota.py holds each one, on the emulator):
- a quota of nothing is wrong, with the command that asks for more;
- one that is smaller than what is asked for is told, and refuses nothing: jobs wait;
- one that cannot be read, or is not named, is unknown.

Source: AWS, Service Quotas, service code sagemaker: "<instance> for training job usage".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pytest_synebench.backends.sagemaker.preflight.asking import Clients, failures, in_words
from pytest_synebench.backends.sagemaker.preflight.findings import Finding, ok, unknown, wrong

_SERVICE = "sagemaker"


def quota_name(instance_type: str, *, spot: bool) -> str:
    """Return what Service Quotas calls the quota of an instance type."""
    return f"{instance_type} for {'spot ' if spot else ''}training job usage"


def quota(clients: Clients, instance_type: str, *, spot: bool, wanted: int) -> Finding:
    """Return whether there are instances for jobs.

    Args:
        clients: of the account.
        instance_type: of the jobs.
        spot: whether they run on Spot instances, which have a quota of their own.
        wanted: instances at once, at most.
    """
    name = quota_name(instance_type, spot=spot)
    try:
        found = next((one for one in _listed(clients) if one.get("QuotaName") == name), None)
    except failures() as error:
        return unknown("quota", f"{name}: {in_words(error)}")
    if found is None:
        return unknown("quota", f"{name}: Service Quotas does not name it")
    value = int(found.get("Value", 0))
    if value < 1:
        code = found.get("QuotaCode", "CODE")
        mends = (
            "aws service-quotas request-service-quota-increase --service-code sagemaker "
            f"--quota-code {code} --desired-value {wanted}"
        )
        return wrong("quota", f"{name}: {value}, so no job would ever start", mends)
    waits = "" if value >= wanted else f"; {wanted} are asked for, so some wait"
    return ok("quota", f"{name}: {value}{waits}")


def _listed(clients: Clients) -> Iterator[Mapping[str, Any]]:
    pages = clients("service-quotas").get_paginator("list_service_quotas")
    for page in pages.paginate(ServiceCode=_SERVICE, PaginationConfig={"PageSize": 100}):
        yield from page.get("Quotas", ())
