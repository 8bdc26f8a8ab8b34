"""Multi-objective ASHA (MO-ASHA): promotion, where trials are judged by two metrics at once.

As ``asha_promotion``, but for who is in the top of a rung: the first floor(n / eta) of its n trials
in the order of ``sorting``, by the benchmark's loss and a second metric (mo_metric: the cost, or
the elapsed time, unless another is named). So the trials that move up are spread along the front of
what can be had, from the best loss at any cost to the cheapest.

A trial that reported no finite number as one of the two ranks last and never moves up. The second
metric is made smaller, unless mo_mode is "max". What the experiment shows as its best trial is
still judged by the benchmark's metric alone.

A rung keeps its fronts (``fronts``): a report finds its own by halving, and moves what it pushes
out: O(log n) for each front of the top that something moves in, of which there are at most about
0.7 sqrt(n) where the two metrics have nothing to do with each other. The order within a front costs
O(log m) for each of its m points that is asked for.

Invariants (tests/schedulers/pareto/test_mo_asha.py holds each one):
- a trial leaves a rung at most once, and only from the first 1/eta in the order of its points;
- a dominated trial never moves up before one that dominates it and waits in the same rung;
- a trial without a finite value of either metric never moves up;
- with a second metric that is equal for all, the best loss moves up first;
- to decide changes nothing: what is worked out once is worked out when an event is folded in.

Source: Schmucker et al., "Multi-objective Asynchronous Successive Halving", arXiv:2106.12639,
Algorithm 1. Syne Tune's MOASHA is the stopping variant: a trial is stopped at a rung unless it is
among the first 1/eta of those that came before it; and it takes the places that points have in the
order of a front for the order itself. With that put right, its order is ours (tests/oracle).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from pytest_synebench.events import Decision, Ended, Event
from pytest_synebench.schedulers.halving.asha_promotion import AshaPromotion
from pytest_synebench.schedulers.halving.rungs import Rung
from pytest_synebench.schedulers.pareto.fronts import Fronts
from pytest_synebench.searchers.protocol import Searcher
from pytest_synebench.trial import Report, Scalar, TrialId


class ParetoRung(Rung):
    """A rung whose top are the first in the order of points.

    Args:
        level: resource units; reports at it are compared here.
        reduction_factor: eta: one in this many is in the top, >= 2.
        metric: under which key a report has the second objective.
        sign: 1.0 where less of it is better, -1.0 where more is.
    """

    __slots__ = ("_fronts", "_metric", "_numbers", "_sign", "_trials")

    def __init__(self, level: int, reduction_factor: int, *, metric: str, sign: float) -> None:
        super().__init__(level, reduction_factor)
        self._metric = metric
        self._sign = sign
        self._trials: list[TrialId] = []  #: in the order of arrival
        self._numbers: dict[TrialId, int] = {}  #: the place of each in it
        self._fronts = Fronts()

    @property
    def size(self) -> int:
        """How many trials have come."""
        return len(self._trials)

    def take(self, report: Report) -> None:
        """Take a trial's report at this level in: once per trial."""
        number = self._numbers[report.trial_id] = len(self._trials)
        self._trials.append(report.trial_id)
        second = self._sign * _number(report.metrics.get(self._metric))
        if math.isfinite(report.loss) and math.isfinite(second):
            self._fronts.add(number, report.loss, second)

    def wait(self, trial_id: TrialId) -> None:
        """Note that a trial that has come is paused here."""
        self._fronts.wait(self._numbers[trial_id])

    def best_promotable(self) -> TrialId | None:
        """Return the first trial of the top that waits here; None: there is none."""
        number = self._fronts.first_waiting(len(self._trials) // self._factor)
        return None if number is None else self._trials[number]

    def leave(self, trial_id: TrialId) -> None:
        """Note that a trial does not wait here, or no longer. Its point stays in."""
        if trial_id in self._numbers:
            self._fronts.leave(self._numbers[trial_id])


def _number(value: Scalar) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return float("nan")
    try:
        return float(value)
    except OverflowError:  # an integer beyond every float
        return float("nan")


class MoAsha(AshaPromotion):
    """Pauses every trial at every rung, and resumes the first of the front; see the module.

    Args:
        searcher: where the configs of new trials come from.
        levels: rung levels, ascending, the last of them max_resource: what ``rung_levels`` returns.
        reduction_factor: eta in the paper: one trial in this many moves up, >= 2.
        metric: under which key a report has the second objective.
        mode: "min" or "max": which values of it are good.

    Raises:
        UsageError: the levels do not ascend from 1 up, or the factor is below 2.
    """

    def __init__(
        self,
        searcher: Searcher,
        *,
        levels: Sequence[int],
        reduction_factor: int,
        metric: str,
        mode: str = "min",
    ) -> None:
        sign = -1.0 if mode == "max" else 1.0
        super().__init__(
            searcher,
            levels=levels,
            reduction_factor=reduction_factor,
            rung=partial(ParetoRung, metric=metric, sign=sign),
        )

    def fold(self, event: Event, decisions: tuple[Decision, ...]) -> None:
        """Take the event, and what was decided about it, into the state."""
        super().fold(event, decisions)
        if decisions or isinstance(event, Ended):
            for rung in self._open_rungs():
                rung.best_promotable()  # worked out here, so that to decide changes nothing
