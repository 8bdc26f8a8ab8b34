"""What this machine has for trials: processors and GPUs.

Invariants (tests/backends/local/test_machine.py holds each one):
- a container's share of the processors counts, not the processors of its host;
- there is at least one processor.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_synebench.backends.local.devices import visible_gpus


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What trials share."""

    processors: int  #: that may be used at the same time, from 1 up
    gpus: tuple[str, ...] = ()  #: as CUDA_VISIBLE_DEVICES names them


def this_machine(environment: Mapping[str, str] | None = None, root: Path = Path("/")) -> Machine:
    """Return what there is here.

    Args:
        environment: of the trials; None: this process' own.
        root: where ``/dev``, ``/proc`` and ``/sys`` are.
    """
    user = os.environ if environment is None else environment
    return Machine(processors=_processors(root), gpus=visible_gpus(user, root))


def _processors(root: Path) -> int:
    return max(1, min([len(os.sched_getaffinity(0)), *_quotas(root)]))


def _quotas(root: Path) -> Iterator[int]:
    """Yield the processors that each control group above this process leaves it, in whole ones.

    Source: Linux, Documentation/admin-guide/cgroup-v2.rst (cpu.max), cgroup-v1 (cfs_quota_us).
    """
    top = root / "sys/fs/cgroup"
    for group in _groups(root, top):
        quota, _, period = _read(group / "cpu.max").partition(" ")
        if quota.isdigit() and period.isdigit():
            yield int(quota) // int(period)
    old = top / "cpu"
    quota, period = _read(old / "cpu.cfs_quota_us"), _read(old / "cpu.cfs_period_us")
    if quota.isdigit() and period.isdigit():  # -1: no quota
        yield int(quota) // int(period)


def _groups(root: Path, top: Path) -> Iterator[Path]:
    lines = _read(root / "proc/self/cgroup").splitlines()
    mine = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), "")
    group = top / mine
    yield from (group, *(above for above in group.parents if above.is_relative_to(top)))


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""
