"""The first difference between two trainings that should be one and the same.

Invariants (tests/experiment/resuming/test_comparing.py):
- equal numbers are equal bit for bit, NaN included; with a tolerance, numbers that differ by no
  more than that are;
- the first difference is that of the lowest level; there, a resume comes before the reports;
- measured times, and what differs between two trainings without a break, are left out.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pytest_synebench.experiment.resuming.state import first_difference, parts_of
from pytest_synebench.experiment.resuming.training import Training
from pytest_synebench.trial import Scalar

Where: TypeAlias = Literal["report", "resume", "state", "end"]
ABSENT = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Where a training first differs from the one without a break."""

    where: Where
    level: int
    key: str  #: of the report, or of the state
    whole: object  #: its value without a break
    broken: object  #: its value with breaks

    def told(self, unit: str, one: str = "without a break", other: str = "with one") -> str:
        """Return the difference in words.

        Args:
            unit: what a level is: "epoch".
            one: what to call the first training.
            other: what to call the other.
        """
        if self.where == "resume":
            return f"after the pause at {unit} {self.level}, {self.broken}"
        if self.where == "end":
            return f"after {unit} {self.level}, {self.broken}"
        return f"{unit} {self.level}, {self.key}: {self.whole} {one}, {self.broken} {other}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What counts as equal."""

    tolerance: float = 0.0  #: largest difference of two numbers; 0: bit for bit
    ignored: frozenset[str] = frozenset()  #: keys of reports, and of states as "state: …"

    def without(self, more: Collection[str]) -> Rule:
        """Return a rule that leaves these keys out, too."""
        return Rule(tolerance=self.tolerance, ignored=self.ignored.union(more))

    def same(self, one: object, other: object) -> bool:
        """Whether two values are equal."""
        if isinstance(one, float | int) and isinstance(other, float | int):
            if self.tolerance and abs(one - other) <= self.tolerance:
                return True
            return same_bits(one, other)
        return type(one) is type(other) and one == other


def same_bits(one: float, other: float) -> bool:
    """Whether two numbers are one and the same, NaN equal to NaN, and -0.0 not to 0.0.

    >>> same_bits(float("nan"), float("nan")), same_bits(0.0, -0.0), same_bits(1, 1.0)
    (True, False, True)
    """
    if isinstance(one, bool) is not isinstance(other, bool):
        return False
    if one != one or other != other:
        return one != one and other != other
    return one == other and math.copysign(1.0, one) == math.copysign(1.0, other)


def compare(whole: Training, broken: Training, rule: Rule) -> Difference | None:
    """Return the first difference between a training without a break and another, or None."""
    resumes = {one.paused_at: one for one in broken.resumes}
    for level in sorted({*whole.reports, *broken.reports}):
        if level not in broken.reports and broken.problem:
            break
        found = _report(level, whole, broken, rule)
        if found is not None:
            return found
        resumed = resumes.get(level)
        if resumed is not None and resumed.began_from < level:
            told = f"training went on from level {resumed.began_from} ({resumed.told})"
            return Difference(where="resume", level=level, key="", whole="", broken=told)
    if broken.problem:
        at = max(broken.reports, default=0)
        return Difference(where="end", level=at, key="", whole="", broken=broken.problem)
    return compare_states(whole, broken, rule)


def _report(level: int, whole: Training, broken: Training, rule: Rule) -> Difference | None:
    mine, other = whole.reports.get(level), broken.reports.get(level)
    if mine is None or other is None:
        return Difference(
            where="report",
            level=level,
            key="report",
            whole=ABSENT if mine is None else "one",
            broken=ABSENT if other is None else "one",
        )
    return next(
        (
            Difference(
                where="report", level=level, key=key, whole=_of(mine, key), broken=_of(other, key)
            )
            for key in dict.fromkeys((*mine, *other))
            if key not in rule.ignored and not rule.same(mine.get(key), other.get(key))
        ),
        None,
    )


def _of(metrics: Mapping[str, Scalar], key: str) -> object:
    return repr(metrics[key]) if key in metrics else ABSENT


def compare_states(whole: Training, broken: Training, rule: Rule) -> Difference | None:
    """Return how the last checkpoints of two trainings differ, or None: in nothing that counts."""
    level = max({*whole.saved} & {*broken.saved}, default=0)
    if not level or level < max(whole.reports, default=0):
        return None
    mine, other = (parts_of(one.checkpoint(level)) for one in (whole, broken))
    found = first_difference(mine, other, rule.same, rule.ignored)
    if found is None:
        return None
    key, was, now = found
    return Difference(where="state", level=level, key=key, whole=was, broken=now)


def differing_keys(
    one: Training, other: Training, metric: str, rule: Rule
) -> frozenset[str] | None:
    """Return what differs between two trainings without a break: keys of reports and of states.

    None: they are not the same training at all: the metric, the levels or how they ended differ.
    """
    found: set[str] = set()
    while (difference := compare(one, other, rule.without(found))) is not None:
        key = difference.key
        if difference.where in {"resume", "end"} or key in {metric, "report", *found}:
            return None
        found.add(key)
    return frozenset(found)
