"""What one run is judged by: its incumbent over the resource it spent, and two scores of that.

The x-axis is resource units over all trials (epochs trained), not seconds: equal runs have equal
curves, on any machine. Losses: the metric with the sign under which lower is better.

Invariants (tests/analysis/test_curves.py):
- the incumbent never gets worse, and is never NaN or infinite;
- a finite report that is made worse makes no score better;
- the area lies between the best and the worst finite loss of the run, or at the floor;
- a run that spent less than another keeps its last incumbent for the rest.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pytest_synebench.experiment.journal.trials import TrialRecord
from pytest_synebench.experiment.store.results import RunRecord

FINAL, AREA = "final", "area"
SCORES = (FINAL, AREA)  #: in this order everywhere


class Step(NamedTuple):
    """The incumbent from one report on."""

    units: int  #: resource units spent by then, over all trials
    loss: float  #: of the best finite report so far; the worst of the run before there is one


class Curve(NamedTuple):
    """The incumbent of a run, a step per report."""

    steps: tuple[Step, ...]
    final: float  #: the best finite loss; NaN: there is none

    @property
    def units(self) -> int:
        """Resource units the run spent."""
        return self.steps[-1].units if self.steps else 0

    def area(self, horizon: int, floor: float | None = None) -> float:
        """Return the mean incumbent over the first ``horizon`` units; NaN: nothing was measured.

        Args:
            horizon: resource units, >= 1; a shorter run keeps its last incumbent.
            floor: the loss that cannot be bettered, or need not: what lies below counts as this.
        """
        if math.isnan(self.final):
            return math.nan
        parts, before = [], 0
        for units, loss in self.steps:
            end = min(units, horizon)
            parts.append(_floored(loss, floor) * ((end - before) / horizon))
            before = end
        parts.append(_floored(self.final, floor) * ((horizon - before) / horizon))
        return math.fsum(parts)

    def scores(self, horizon: int, floor: float | None = None) -> dict[str, float]:
        """Return the scores by name, lower is better; NaN: nothing was measured."""
        return {FINAL: self.final, AREA: self.area(horizon, floor)}


def _floored(loss: float, floor: float | None) -> float:
    return loss if floor is None else max(loss, floor)


def incumbent(trials: Iterable[TrialRecord]) -> Curve:
    """Return the incumbent of a run from its trials."""
    spent = sorted(
        # The order of a journal: time, trial, level.
        (report.at_s, trial.id, report.resource, report.resource - before, report.loss)
        for trial in trials
        for report, before in zip(trial.reports, _levels_before(trial), strict=True)
    )
    finite = [loss for *_, loss in spent if math.isfinite(loss)]
    if not finite:
        return Curve((), math.nan)
    steps, units, best = [], 0, math.inf
    for *_, more, loss in spent:
        units += more
        if math.isfinite(loss):
            best = min(best, loss)
        steps.append(Step(units, best if math.isfinite(best) else max(finite)))
    return Curve(tuple(steps), best)


def _levels_before(trial: TrialRecord) -> list[int]:
    return [0, *(report.resource for report in trial.reports[:-1])] if trial.reports else []


def curves(runs: Iterable[RunRecord]) -> Mapping[int, Curve]:
    """Return the incumbent of each run by run id; of several with one id, the latest."""
    return {int(run.metadata["run_id"]): incumbent(run.trials) for run in runs}


def horizon(found: Iterable[Curve]) -> int:
    """Return the units over which the areas of runs are compared: those of the longest."""
    return max((curve.units for curve in found), default=0) or 1
