"""The jobs of ours that an account has and that have not ended.

Invariants (tests/backends/sagemaker/reaping/test_finding.py holds each one, on the emulator):
- every one is found, and nothing else is, whatever else runs in the account;
- only what was found can be asked to end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from pytest_synebench.backends.sagemaker.reaping.ours import may_be_ours, ours
from pytest_synebench.backends.sagemaker.reaping.tuners import is_tuner, may_be_tuner
from pytest_synebench.backends.sagemaker.spending.prices import Price, cost_usd, price_of


class Jobs(Protocol):
    """What is asked of the service: see ``port``."""

    def unended(self) -> Iterator[Mapping[str, Any]]:
        """Yield all jobs in progress, whoever made them, a page per request."""
        ...

    def describe(self, name: str) -> Mapping[str, Any] | None:
        """Return a job; None: there is none."""
        ...

    def stop(self, name: str) -> None:
        """Have a job end."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One job of ours in progress."""

    name: str
    run: str  #: <benchmark>/<setup>/<directory>; "": it is a tuner, which needs nobody
    status: str  #: the secondary one, as Training
    instance_type: str
    instances: int
    created_s: float  #: since 1970, as the service says
    started_s: float | None  #: since when it has its machine; None: it has none
    price: Price | None

    def cost_usd(self, now_s: float) -> float | None:
        """Return what it costs so far, at most (on Spot it is less); None: nobody knows."""
        if self.price is None:
            return None
        running_s = 0.0 if self.started_s is None else max(0.0, now_s - self.started_s)
        return cost_usd(self.price, running_s, self.instances)


def unended(jobs: Jobs) -> list[Found]:
    """Return the jobs of ours in progress, the oldest first.

    Raises:
        BackendError: the service cannot be asked.
        NotNowError: it does not answer now.
    """
    named = [str(one["TrainingJobName"]) for one in jobs.unended()]
    described = [jobs.describe(name) for name in named if _may_be(name)]
    found = [_found(one) for one in described if one is not None]
    return sorted((one for one in found if one), key=lambda one: (one.created_s, one.name))


def ask_to_end(jobs: Jobs, found: Found) -> None:
    """Ask a job of ours to end; it has the platform's grace. May be repeated.

    Raises:
        BackendError: the service cannot be asked.
        NotNowError: it does not answer now.
    """
    jobs.stop(found.name)


def _may_be(name: str) -> bool:
    return may_be_ours(name) or may_be_tuner(name)


def _found(job: Mapping[str, Any]) -> Found | None:
    one = ours(job)
    if (one is None and not is_tuner(job)) or job["TrainingJobStatus"] != "InProgress":
        return None
    machines = job["ResourceConfig"]
    instance_type = str(machines.get("InstanceType", ""))
    started = job.get("TrainingStartTime")
    return Found(
        name=str(job["TrainingJobName"]),
        run="" if one is None else one.run,
        status=str(job.get("SecondaryStatus", job["TrainingJobStatus"])),
        instance_type=instance_type,
        instances=int(machines.get("InstanceCount", 1)),
        created_s=_seconds(job["CreationTime"]),
        started_s=None if started is None else _seconds(started),
        price=price_of(instance_type),
    )


def _seconds(moment: datetime) -> float:
    return moment.timestamp()
