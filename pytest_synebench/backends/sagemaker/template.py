"""What all jobs of one run have in common; what the user said, in the service's terms.

Invariants (tests/backends/sagemaker/test_template.py holds each one):
- a template that breaks a rule between its values cannot exist: the text has value, rule, way out.

Source: CreateTrainingJob; "Managed Spot Training" and "Train Using SageMaker AI Managed Warm
Pools" of the AWS guide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_synebench.errors import UsageError
from pytest_synebench.training.agent.orders import VARIABLE

LONGEST_RUNTIME_S = 28 * 24 * 3600
LONGEST_KEEP_ALIVE_S = 3600  #: of the guide; the API's own limit is 21600
_REPLACED = frozenset({"TrainingJobName", "HyperParameters", "InputDataConfig"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """Everything about a job but which attempt it is."""

    image_uri: str
    role: str  #: ARN of the role that jobs have
    instance_type: str
    source: str  #: SHA-256 of the packed code
    program: str  #: the script, by its name in the packed code
    instance_count: int = 1
    volume_gb: int = 30
    max_runtime_s: int = 24 * 3600  #: of one job; always sent, since it bounds the bill
    spot: bool = False
    max_wait_s: int | None = None  #: with Spot: from creation to end; None: twice the runtime
    keep_alive_s: int = 0  #: how long an instance is kept for the next job; 0: not at all
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: tuple[str, ...] = ()  #: keys of reports that the console shows as curves
    channels: tuple[Mapping[str, Any], ...] = ()  #: of data, beside that of the code
    #: more fields of the request, as VpcConfig; they win over ours, structures field by field
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._check_times()
        for name in ("instance_count", "volume_gb"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise UsageError(f"{name} is {value!r}; it must be an integer from 1 up")
        ours = sorted(_REPLACED & self.extra.keys())
        if ours:
            raise UsageError(
                f"the extra fields of a request have {ours[0]!r}, which says what an attempt is; "
                "leave it out"
            )
        if VARIABLE in (self.extra.get("Environment") or {}):
            raise UsageError(
                f"the extra fields of a request have Environment.{VARIABLE}, which is how a job "
                "finds its orders; leave it out"
            )

    def _check_times(self) -> None:
        runtime_s, wait_s = self.max_runtime_s, self.max_wait_s
        if not 1 <= runtime_s <= LONGEST_RUNTIME_S:
            raise UsageError(
                f"max_runtime is {runtime_s} seconds; a training job runs from 1 to "
                f"{LONGEST_RUNTIME_S} (28 days)"
            )
        if wait_s is not None and not self.spot:
            raise UsageError(f"max_wait is {wait_s}, which goes with --spot 1 only; leave it out")
        if wait_s is not None and wait_s < runtime_s:
            raise UsageError(
                f"max_wait is {wait_s} seconds and max_runtime is {runtime_s}; a Spot job waits "
                "and runs within max_wait, so it must be the larger one"
            )
        if self.keep_alive_s and self.spot:
            raise UsageError(
                f"keep_alive is {self.keep_alive_s} with Spot instances, which are never kept; "
                "choose one of the two"
            )
        if not 0 <= self.keep_alive_s <= LONGEST_KEEP_ALIVE_S:
            raise UsageError(
                f"keep_alive is {self.keep_alive_s} seconds; instances are kept from 0 to "
                f"{LONGEST_KEEP_ALIVE_S}"
            )
