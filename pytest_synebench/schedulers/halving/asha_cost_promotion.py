"""ASHA by promotion, where what moves up is a share of the cost, not of the trials.

As ``asha_promotion``, but for who is in the top of a rung. Each trial there has a loss, and a cost:
what it has spent to come this far, which the script reports under the benchmark's cost_attr. With
the trials ranked by loss, best first, the top is the longest head of that list whose costs sum up
to at most 1/eta of the costs of all of them. So cheap trials move up more often than dear ones that
do as well, and each rung spends about the same.

The cost of a trial is its total so far, over all of its attempts: a script that counts anew after a
resume must add what its checkpoint says. (elapsed_time_attr is added up by the experiment.) A
report whose cost is missing, negative or no finite number counts as diverged, at no cost.

Invariants (tests/schedulers/halving/test_asha_cost_promotion.py holds each one):
- a trial leaves a rung at most once, and only from the head of the ranking that costs at most
  1/eta of all that was spent to come there, counted exactly;
- with equal costs it decides as ``asha_promotion`` does;
- a trial without a cost never moves up.

Source: Syne Tune's "cost_promotion" (HyperbandScheduler), which is in no paper. Where it differs:
there the share is r_k / r_(k+1), and costs are added up in floating point.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from heapq import heappop, heappush

from pytest_synebench.schedulers.halving.asha_promotion import AshaPromotion
from pytest_synebench.schedulers.halving.rungs import Rung, negated
from pytest_synebench.searchers.protocol import Searcher
from pytest_synebench.trial import Report, Scalar

_NOTHING = Fraction()


class CostRung(Rung):
    """A rung whose top is a share of the costs.

    Args:
        level: resource units; reports at it are compared here.
        reduction_factor: eta: one part in this many of the costs is in the top, >= 2.
        cost_attr: under which key a report has the cost.
    """

    __slots__ = ("_all", "_attr", "_costs", "_spent")

    def __init__(self, level: int, reduction_factor: int, *, cost_attr: str) -> None:
        super().__init__(level, reduction_factor)
        self._attr = cost_attr
        self._costs: list[Fraction] = []  #: in the order of arrival
        self._all = _NOTHING  #: their sum
        self._spent = _NOTHING  #: the sum of those in the top

    def take(self, report: Report) -> None:
        """Take a trial's report at this level in: once per trial."""
        cost = _cost(report.metrics.get(self._attr))
        loss = report.loss if cost is not None and math.isfinite(report.loss) else math.inf
        key = (loss, len(self._costs))
        self._keys[report.trial_id] = key
        self._costs.append(cost or _NOTHING)
        self._all += self._costs[-1]
        if self._top and negated(key) > self._top[0]:
            self._into_top(key)
        else:
            heappush(self._rest, key)
        self._settle()

    def _settle(self) -> None:
        while self._spent * self._factor > self._all:
            worst = negated(heappop(self._top))
            self._spent -= self._costs[worst[1]]
            heappush(self._rest, worst)
        while self._rest and self._fits(self._rest[0]):
            self._into_top(heappop(self._rest))

    def _into_top(self, key: tuple[float, int]) -> None:
        heappush(self._top, negated(key))
        self._spent += self._costs[key[1]]

    def _fits(self, key: tuple[float, int]) -> bool:
        return (self._spent + self._costs[key[1]]) * self._factor <= self._all


def _cost(value: Scalar) -> Fraction | None:
    """Return a cost exactly; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        return None
    return Fraction(value)


class AshaCostPromotion(AshaPromotion):
    """Pauses every trial at every rung, and resumes the best that the cost allows; see the module.

    Args:
        searcher: where the configs of new trials come from.
        levels: rung levels, ascending, the last of them max_resource: what ``rung_levels`` returns.
        reduction_factor: eta: one part in this many of the costs moves up, >= 2.
        cost_attr: under which key a report has the cost.
        brackets: how many, from 1 to the number of levels.
        rung_system_per_bracket: whether each bracket has rungs of its own.
        seed: what chance depends on, where there are several brackets.

    Raises:
        UsageError: the levels do not ascend from 1 up, the factor is below 2, or there are more
            brackets than levels.
    """

    def __init__(
        self,
        searcher: Searcher,
        *,
        levels: Sequence[int],
        reduction_factor: int,
        cost_attr: str,
        brackets: int = 1,
        rung_system_per_bracket: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__(
            searcher,
            levels=levels,
            reduction_factor=reduction_factor,
            brackets=brackets,
            rung_system_per_bracket=rung_system_per_bracket,
            seed=seed,
            rung=partial(CostRung, cost_attr=cost_attr),
        )
