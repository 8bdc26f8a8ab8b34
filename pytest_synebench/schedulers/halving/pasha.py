"""PASHA: ASHA that goes further up only as long as going up changes who is best.

It begins with two rungs: trials that reach the second are not promoted, though max_resource may be
far above. Whenever a trial comes to the top rung, the ranking of the trials in it is compared with
the ranking that the same trials had in the rung below. If they agree (``ranking``: up to what is
noise), more resources would not tell more; if not, one more rung is opened on top. In all else it
is ``asha_promotion``: the top 1/eta, ties, NaN, failures.

A trial that skipped the lower of the two rungs is not compared. Once the top is max_resource,
nothing is compared any more. A trial that comes to the top rung is compared with each one there
(``top_rung``): that is O(n) for one trial in eta, where the rankings go on agreeing.

Invariants (tests/schedulers/halving/test_pasha.py holds each one):
- no trial is promoted from the top rung, and none passes it;
- the top rises, by one rung, exactly when a trial comes to it and the two rankings do not agree;
- below the top it decides as ``asha_promotion`` does.

Source: Bohdal et al., "PASHA", ICLR 2023, arXiv:2207.06940, Algorithm 1. Where it differs: epsilon
is estimated when a trial comes to the top rung, from the curves of those in it; Syne Tune does so
at each report, from all trials beyond the rung below.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pytest_synebench.errors import UsageError
from pytest_synebench.events import Decision, Event, Reported
from pytest_synebench.schedulers.halving.asha_promotion import AshaPromotion
from pytest_synebench.schedulers.halving.ranking import CRITERIA, spread
from pytest_synebench.schedulers.halving.rungs import Rung
from pytest_synebench.schedulers.halving.top_rung import Rank, TopRung
from pytest_synebench.schedulers.quantile import Quantile
from pytest_synebench.searchers.protocol import Searcher
from pytest_synebench.trial import Report, TrialId

_PERCENTILE = 0.9  #: N in the paper


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """When two rankings agree."""

    name: str = "soft_ranking"  #: one of ``CRITERIA``
    epsilon: float | None = None  #: for ``soft_ranking``, in units of the loss; None: estimated
    scaling: float = 1.0  #: for those that look at how the losses are spread

    def __post_init__(self) -> None:
        if self.name not in CRITERIA:
            raise UsageError(
                f"pasha_ranking_criterion is {self.name!r}; known: {', '.join(CRITERIA)}"
            )
        for name, value in (("epsilon", self.epsilon), ("epsilon_scaling", self.scaling)):
            if value is not None and not 0 <= value < math.inf:
                raise UsageError(f"pasha_{name} is {value}; it must be a number from 0 up")


class Pasha(AshaPromotion):
    """Opens rungs as the ranking demands; see the module.

    Args:
        searcher: where the configs of new trials come from.
        levels: rung levels, ascending, the last of them max_resource: what ``rung_levels`` returns.
        reduction_factor: eta in the paper: one trial in this many moves up, >= 2.
        criterion: when two rankings agree.

    Raises:
        UsageError: the levels do not ascend from 1 up, or the factor is below 2.
    """

    def __init__(
        self,
        searcher: Searcher,
        *,
        levels: Sequence[int],
        reduction_factor: int,
        criterion: Criterion | None = None,
    ) -> None:
        super().__init__(searcher, levels=levels, reduction_factor=reduction_factor)
        self._criterion = criterion or Criterion()
        self._all_levels = tuple(levels)
        self._top = min(1, len(levels) - 1)  #: which of the levels: K in the paper
        self._epsilon = 0.0  #: estimated
        self._noise = Quantile(_PERCENTILE)
        self._curves: dict[TrialId, dict[int, float]] = {}
        self._in_top = TopRung()
        #: ranks by rung, in the order of arrival
        self._came: dict[int, dict[TrialId, Rank]] = {level: {} for level in self.levels}

    @property
    def top(self) -> int:
        """The level above which no trial runs at present."""
        return self._all_levels[self._top]

    def fold(self, event: Event, decisions: tuple[Decision, ...]) -> None:
        """Take the event, and what was decided about it, into the state."""
        rung = self._rung_of(event.report) if isinstance(event, Reported) else None
        super().fold(event, decisions)
        if isinstance(event, Reported):
            curve = self._curves.setdefault(event.report.trial_id, {})
            curve[event.report.resource] = _ranked(event.report.loss)
            if rung is not None:
                came = self._came[rung.level]
                came[event.report.trial_id] = _ranked(event.report.loss), len(came)
                if rung.level == self.top:
                    self._came_to_the_top(event.report.trial_id)

    def _rung_of(self, report: Report) -> Rung | None:
        if not self._counts(report):
            return None
        return self._brackets.ladder(report.trial_id).rung_of(report)

    def _open_rungs(self) -> Iterable[Rung]:
        return (rung for rung in self._brackets.from_the_top() if rung.level < self.top)

    def _came_to_the_top(self, trial_id: TrialId) -> None:
        for distance in self._enter_the_top(trial_id):
            self._noise.add(distance)
        if self._noise.size:
            self._epsilon = self._noise.value
        if not self._in_top.agrees(self._tolerance()):
            self._top += 1
            self._noise, self._in_top = Quantile(_PERCENTILE), TopRung()
            for other in self._came.get(self.top, ()):  # that skipped the rung below
                self._enter_the_top(other)

    def _enter_the_top(self, trial_id: TrialId) -> list[float]:
        """Take a trial in; return its distances from the others that are noise."""
        below = self._came[self._all_levels[self._top - 1]].get(trial_id)
        if below is not None:
            self._in_top.rank(below, self._came[self.top][trial_id][0])
        return self._in_top.add(self._curves[trial_id])

    def _tolerance(self) -> float:
        if self._criterion.name == "soft_ranking":
            given = self._criterion.epsilon
            return self._epsilon if given is None else given
        return self._criterion.scaling * spread(self._criterion.name, self._in_top.losses_below)


def _ranked(loss: float) -> float:
    return loss if math.isfinite(loss) else math.inf
