"""Runs by setup: what is compared with what.

Invariants (tests/analysis/pictures/test_grouping.py):
- of several runs with one run id the latest counts;
- what ended by a criterion is compared; unfinished runs only where there is nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pytest_synebench.experiment.store.results import RunRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The runs of one setup of one benchmark."""

    benchmark: str
    setup: str
    variant: str
    metric: str
    mode: str
    unit: str  #: what the benchmark calls a resource unit
    virtual: bool  #: whether its seconds are those of a virtual clock
    runs: tuple[RunRecord, ...]  #: that are compared, by run id
    every: tuple[RunRecord, ...]  #: those that are not compared as well, oldest first

    @property
    def label(self) -> str:
        """What it is called across benchmarks: the setup without its variant."""
        return self.setup.removeprefix(f"{self.variant}-")

    def metric_of(self, loss: float) -> float:
        """Return a loss as the user's metric."""
        return -loss if self.mode == "max" else loss


def groups(runs: Iterable[RunRecord]) -> list[Group]:
    """Return runs by benchmark and setup, in the order of their names."""
    by_setup: dict[tuple[str, str], list[RunRecord]] = {}
    for run in runs:
        key = (str(run.metadata.get("benchmark", "?")), str(run.metadata.get("setup", "?")))
        by_setup.setdefault(key, []).append(run)
    return [_group(key, by_setup[key]) for key in sorted(by_setup)]


def _group(key: tuple[str, str], every: Sequence[RunRecord]) -> Group:
    finished = [run for run in every if run.finished] or every
    latest = {int(run.metadata.get("run_id", 0)): run for run in finished}
    told = every[-1].metadata
    params = told.get("params", {})
    return Group(
        benchmark=key[0],
        setup=key[1],
        variant=str(told.get("variant") or ""),
        metric=str(told.get("metric") or "loss"),
        mode=str(told.get("mode") or "min"),
        unit=str(told.get("resource_attr") or "level"),
        virtual=bool(params.get("deterministic")) or params.get("backend") == "simulated",
        runs=tuple(latest[run_id] for run_id in sorted(latest)),
        every=tuple(every),
    )
