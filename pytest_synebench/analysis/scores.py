"""The numbers that a run is judged by: final loss, area, and what its benchmark declares.

Invariants (tests/analysis/test_scores.py):
- equal runs have equal scores;
- what was not measured is NaN, which ranks as the worst there is;
- a score that is counted does not depend on the order in which trials report.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from pytest_synebench.analysis.curves import Curve, incumbent
from pytest_synebench.experiment.journal.trials import TrialRecord
from pytest_synebench.scoring import WITH_COUNT, WITH_KEY, WITH_VALUE
from pytest_synebench.trial import Report, Scalar, TrialState

Trials = Sequence[TrialRecord]


def run_scores(
    trials: Trials,
    horizon: int,
    *,
    mode: str,
    floor: float | None = None,
    declared: Iterable[str] = (),
    reevaluated: Sequence[float] = (),
) -> dict[str, float]:
    """Return the scores of a run by name.

    Args:
        trials: of the run.
        horizon: resource units over which the area is taken.
        mode: of the metric, ``min`` or ``max``.
        floor: what the metric cannot, or need not, better; in its own sign.
        declared: names of further scores.
        reevaluated: losses of the best config when it was trained anew.
    """
    sign = -1.0 if mode == "max" else 1.0
    curve = incumbent(trials)
    scores = curve.scores(horizon, None if floor is None else sign * floor)
    return scores | {name: _declared(name, trials, curve, sign, reevaluated) for name in declared}


def _declared(
    name: str, trials: Trials, curve: Curve, sign: float, reevaluated: Sequence[float]
) -> float:
    kind, _, rest = name.partition(":")
    if kind in WITH_COUNT:
        return sign * _mean(reevaluated, int(rest))
    if kind in WITH_KEY:
        return {"sum": _summed, "incumbent": _of_best}[kind](trials, rest)
    if kind in WITH_VALUE:
        target = sign * float(rest)
        return _units_to(curve, target) if kind == "units_to" else _seconds_to(trials, target)
    return _COUNTS[kind](trials)


def _mean(losses: Sequence[float], count: int) -> float:
    """Return the mean of the first so many; NaN: there are fewer, or one was not measured."""
    kept = losses[:count]
    whole = len(kept) == count and all(map(math.isfinite, kept))
    return math.fsum(kept) / count if whole else math.nan


def _summed(trials: Trials, key: str) -> float:
    told = [_number(one.last.metrics.get(key)) for one in trials if one.last is not None]
    return math.fsum(told) if told and all(map(math.isfinite, told)) else math.nan


def _of_best(trials: Trials, key: str) -> float:
    bests = [one.best for one in trials if one.best is not None]
    best = min(bests, key=lambda report: (report.loss, report.at_s, report.trial_id), default=None)
    return math.nan if best is None else _number(best.metrics.get(key))


def _number(value: Scalar) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number else math.nan  # type: ignore[arg-type] # it is one


def _units_to(curve: Curve, target: float) -> float:
    return float(next((step.units for step in curve.steps if step.loss <= target), math.nan))


def _seconds_to(trials: Trials, target: float) -> float:
    return min((one.at_s for one in _reports(trials) if one.loss <= target), default=math.nan)


def _reports(trials: Trials) -> Iterable[Report]:
    return (report for one in trials for report in one.reports)


def _units(trials: Trials) -> int:
    # A copy of another trial did not run that one's levels itself.
    return sum(one.level - (one.checkpoint.level if one.checkpoint else 0) for one in trials)


def _distinct(trials: Trials) -> int:
    return len({json.dumps(dict(one.config), sort_keys=True, default=str) for one in trials})


_COUNTS: Mapping[str, Callable[[Trials], float]] = {
    "trials": len,
    "failed": lambda trials: sum(one.state is TrialState.FAILED for one in trials),
    "diverged": lambda trials: sum(not math.isfinite(one.loss) for one in _reports(trials)),
    "duplicates": lambda trials: len(trials) - _distinct(trials),
    "units": _units,
    "repeated": lambda trials: sum(one.repeated for one in trials),
    "seconds": lambda trials: max((one.at_s for one in _reports(trials)), default=math.nan),
}
