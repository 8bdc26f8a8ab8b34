"""Whether the service has machines of a type for training at all.

Invariants (tests/backends/sagemaker/preflight/test_machine.py holds each one):
- a type that botocore's model does not name is wrong, with those that are most like it.
"""

from __future__ import annotations

from difflib import get_close_matches

from pytest_synebench.backends.sagemaker import limits
from pytest_synebench.backends.sagemaker.preflight.findings import Finding, ok, wrong


def machine(instance_type: str) -> Finding:
    """Return whether jobs can have a machine of a type."""
    known = limits.model().members["ResourceConfig"].members["InstanceType"].enum
    if instance_type in known:
        return ok("machine", instance_type)
    near = get_close_matches(instance_type, known, n=3) or ["ml.m5.xlarge"]
    told = f"{instance_type!r} is no machine that SageMaker trains on"
    return wrong("machine", told, f"--instance_type {near[0]}  (or: {', '.join(near)})")
