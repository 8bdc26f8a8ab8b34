"""Verdicts: what a gate says, with the numbers it goes by; plain data, the same bytes each time.

Invariants (tests/analysis/gate/test_verdicts.py):
- PASS and INCONCLUSIVE are green, all else is red, and each has its exit code;
- equal verdicts have equal JSON, in strict JSON whatever the numbers are.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any


class Verdict(Enum):
    """What a gate says; the more alarming, the later."""

    PASS = "PASS"  #: not refuted
    INCONCLUSIVE = "INCONCLUSIVE"  #: not refuted, but little could have been seen
    NOT_COMPARABLE = "NOT COMPARABLE"  #: the baseline is of another problem
    ERROR = "ERROR"  #: nothing was compared
    FAIL = "FAIL"  #: worse

    @property
    def red(self) -> bool:
        """Whether it stops a change."""
        return self not in {Verdict.PASS, Verdict.INCONCLUSIVE}

    @property
    def exit_code(self) -> int:
        """What ``python -m pytest_synebench gate`` ends with."""
        return {Verdict.FAIL: 1, Verdict.ERROR: 2, Verdict.NOT_COMPARABLE: 3}.get(self, 0)


def most_alarming(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict on all; on nothing, that is ERROR: green needs a measurement."""
    order = list(Verdict)
    return max(verdicts, key=order.index, default=Verdict.ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One score of one setup, baseline against candidate. Losses: up is worse."""

    score: str
    p: float  #: exact, one-sided
    a12: float  #: chance that a candidate's run is worse than one of the baseline
    shift: float  #: Hodges-Lehmann, in units of the metric; above 0: worse
    low: float  #: of its 95 % interval
    high: float
    tolerance: float  #: the shift that is put up with
    detectable: float  #: the shift that would have been seen nine times of ten
    baseline_median: float
    candidate_median: float
    adjusted_p: float | None = None  #: for all tests of the suite; None: not tested so far
    tied: bool = False  #: more than half of the baseline's runs are equal
    either: bool = False  #: to stay the same: a shift down is as bad as one up


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the gate says about one setup."""

    name: str  #: benchmark::setup
    verdict: Verdict
    reason: str  #: one line
    details: tuple[str, ...] = ()  #: more lines
    comparisons: tuple[Comparison, ...] = ()
    baseline_runs: int = 0
    candidate_runs: int = 0
    looks: int = 0  #: how often scores were looked at
    paired: bool = False  #: whether run ids are compared pair by pair
    worse: tuple[str, ...] = ()  #: scores that raise an alarm
    confirmed: bool | None = None  #: by fresh runs of the base commit; None: there are none


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteJudgement:
    """What the gate says about all setups together."""

    verdict: Verdict
    reason: str
    rule: str
    baseline: str
    judgements: tuple[Judgement, ...]
    broad_p: float | None = None  #: over all benchmarks together; None: not tested

    def to_json(self) -> str:
        """Return it as JSON: sorted, strict, the same bytes for the same verdict."""
        return json.dumps(_plain(asdict(self)), indent=2, sort_keys=True) + "\n"


def _plain(data: Any) -> Any:
    match data:
        case dict():
            return {key: _plain(value) for key, value in data.items()}
        case list() | tuple():
            return [_plain(value) for value in data]
        case Verdict():
            return data.value
        case float() if not math.isfinite(data):
            return str(data)
        case _:
            return data
