"""The look before a run's first job: all that its jobs lack, at once.

Invariants (tests/experiment/remote/test_preflight.py holds each one, on the emulator):
- everything that is wrong is told together, and before any job or object of the run is made;
- of an emulator that comes with the session nothing is asked: it has what it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pytest_synebench.backends.sagemaker.preflight.account import account, role, service
from pytest_synebench.backends.sagemaker.preflight.asking import (
    Clients,
    clients,
    configured_region,
)
from pytest_synebench.backends.sagemaker.preflight.bucket import bucket
from pytest_synebench.backends.sagemaker.preflight.findings import (
    Finding,
    Verdict,
    ok,
    refuse,
    unknown,
    wrong,
)
from pytest_synebench.backends.sagemaker.preflight.image import image
from pytest_synebench.backends.sagemaker.preflight.machine import machine
from pytest_synebench.backends.sagemaker.preflight.quota import quota
from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.remote.needs import (
    bucket_of,
    image_of,
    instance_type_of,
    job_params,
    role_of,
)

_T = TypeVar("_T")


def check(plan: Plan) -> None:
    """Refuse a run whose jobs cannot be made.

    Raises:
        UsageError: with all that is wrong, and what mends it.
        BackendError: boto3 is not installed.
    """
    refuse(preflight(plan), plan.name)


def preflight(plan: Plan) -> list[Finding]:
    """Return what was found out about what the jobs of a plan need.

    Raises:
        BackendError: boto3 is not installed.
    """
    params = job_params(plan)
    region, problem, mends = configured_region()
    if problem:
        return [wrong("region", problem, mends), *_Named(plan, params, "").lacks]
    named = _Named(plan, params, region)
    if params["aws"] == "emulator":
        return [ok("region", region), ok("account", "the emulator's"), *named.lacks]
    asked = clients(region)
    mine = account(asked)
    found = [ok("region", region), mine.finding]
    if mine.finding.verdict is Verdict.WRONG:
        told = "not looked at: that takes credentials"
        return [*found, *named.lacks, *(unknown(what, told) for what in named.there)]
    return [*found, service(asked), *_looked_at(asked, named, mine.number, region)]


class _Named:
    """What the user has named; what is missing is kept, to be told with the rest."""

    def __init__(self, plan: Plan, params: Mapping[str, Any], region: str) -> None:
        self.lacks: list[Finding] = []
        self.there: list[str] = []
        self.params = params
        self.bucket = self._of("bucket", lambda: bucket_of(params))
        self.role = self._of("role", lambda: role_of(params))
        self.machine = self._of("machine", lambda: instance_type_of(plan.benchmark, params))
        self.image: str | None = None
        known = self.machine or params["image_uri"] or not params["framework"]
        if region and known:  # which of a framework's images it is depends on both
            self.image = self._of("image", lambda: image_of(plan.benchmark, params, region))

    def _of(self, what: str, name: Callable[[], _T]) -> _T | None:
        try:
            named = name()
        except UsageError as error:
            self.lacks.append(wrong(what, str(error)))
            return None
        self.there.append(what)
        return named


def _looked_at(asked: Clients, named: _Named, number: str, region: str) -> list[Finding]:
    found = list(named.lacks)
    if named.role:
        found.append(role(asked, named.role, number))
    if named.bucket:
        found.append(bucket(asked, *named.bucket, region))
    if named.machine:
        there = machine(named.machine)
        found.append(there)
        if there.verdict is Verdict.OK:
            spot, wanted = named.params["spot"], named.params["num_workers"]
            found.append(quota(asked, named.machine, spot=spot, wanted=wanted))
    if named.image:
        found.append(image(asked, named.image, number, region))
    return found
