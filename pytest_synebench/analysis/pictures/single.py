"""One run in pictures: learning curves, rungs, configs as lines, trade-offs.

Invariants (tests/analysis/pictures/test_single.py):
- each report of a finite loss is on a curve, once;
- at a rung, who moved on and who ended there are all who reached it, and none is lost between;
- every place on an axis is from 0 to 1; equal values have equal places;
- no point of the Pareto set is dominated, and every other one is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pytest_synebench.experiment.journal.trials import TrialRecord
from pytest_synebench.trial import Scalar, TrialId

LEVELS_AT_MOST = 12
CHOICES_AT_MOST = 12


class Line(NamedTuple):
    """The learning curve of a trial; losses."""

    trial_id: TrialId
    state: str
    levels: list[int]
    losses: list[float]


class Rung(NamedTuple):
    """Trials that reported a level at which some ended; losses there."""

    level: int
    moved_on: list[tuple[TrialId, float]]
    ended: list[tuple[TrialId, float]]


class Axis(NamedTuple):
    """A hyperparameter as an axis: where each trial is, and what is written beside it."""

    name: str
    places: list[float]  #: 0 to 1, one per trial
    ticks: list[tuple[float, str]]


def learning(trials: Iterable[TrialRecord]) -> list[Line]:
    """Return the learning curves of a run; what diverged has a gap."""
    lines = []
    for trial in trials:
        told = [(r.resource, r.loss) for r in trial.reports if math.isfinite(r.loss)]
        if told:
            levels, losses = map(list, zip(*told, strict=True))
            lines.append(Line(trial.id, trial.state.value, levels, losses))
    return lines


def rungs(trials: Sequence[TrialRecord]) -> list[Rung]:
    """Return the levels at which trials ended or are paused, ascending; the fullest of many."""
    reached = [trial for trial in trials if trial.reports]
    ends: dict[int, int] = {}
    for trial in reached:
        ends[trial.reports[-1].resource] = ends.get(trial.reports[-1].resource, 0) + 1
    kept = sorted(sorted(ends, key=lambda level: (-ends[level], level))[:LEVELS_AT_MOST])
    out = []
    for level in kept:
        here = [(t, r.loss) for t in reached for r in t.reports if r.resource == level]
        moved = [(t.id, loss) for t, loss in here if t.reports[-1].resource > level]
        ended = [(t.id, loss) for t, loss in here if t.reports[-1].resource <= level]
        out.append(Rung(level, moved, ended))
    return out


def outcomes(trials: Iterable[TrialRecord]) -> list[tuple[TrialRecord, float]]:
    """Return the trials that measured something, each with its last finite loss."""
    found = []
    for trial in trials:
        finite = [r.loss for r in trial.reports if math.isfinite(r.loss)]
        if finite:
            found.append((trial, finite[-1]))
    return found


def varied(configs: Sequence[Mapping[str, Scalar]]) -> list[str]:
    """Return the hyperparameters that every config has and not all share a value of, in order."""
    names = [name for name in (configs[0] if configs else ()) if all(name in c for c in configs)]
    return [name for name in names if len({repr(config[name]) for config in configs}) > 1]


def axis(name: str, values: Sequence[Scalar], *, log: bool = False) -> Axis:
    """Return where values are on an axis: numbers by size, anything else by order of its text."""
    numbers = [number(value) for value in values]
    if any(math.isnan(one) for one in numbers):
        return _choices(name, values)
    log = log and min(numbers) > 0
    scaled = [math.log(one) for one in numbers] if log else numbers
    low, high = min(scaled), max(scaled)
    places = [_share(one, low, high) for one in scaled]
    ends = dict.fromkeys((min(numbers), max(numbers)))
    marks = [(_share(math.log(v) if log else v, low, high), f"{v:.3g}") for v in ends]
    return Axis(name, places, marks)


def _share(value: float, low: float, high: float) -> float:
    if not high > low:
        return 0.5
    # The difference of two large numbers is infinite, half of the smallest one is 0.
    size = 1.0 if math.isfinite(high - low) else 0.25
    return min(1.0, max(0.0, (value * size - low * size) / (high * size - low * size)))


def _choices(name: str, values: Sequence[Scalar]) -> Axis:
    known = sorted({str(value) for value in values})
    place = {text: _share(float(i), 0.0, float(len(known) - 1)) for i, text in enumerate(known)}
    step = -(-len(known) // CHOICES_AT_MOST)
    return Axis(
        name, [place[str(value)] for value in values], [(place[t], t) for t in known[::step]]
    )


def number(value: Scalar) -> float:
    """Return a value as a finite number; NaN: it is none, or none that fits."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        found = float(value)
    except OverflowError:
        return math.nan
    return found if math.isfinite(found) else math.nan


def is_log(domain: Any) -> bool:
    """Whether a domain, as metadata has it, is drawn from by its logarithm."""
    return isinstance(domain, Mapping) and str(domain.get("domain", "")).startswith("log")


def pareto(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return which points no other one dominates, from left to right; lower is better in both.

    >>> pareto([(1, 3), (2, 2), (3, 3), (3, 1)])
    [0, 1, 3]
    """
    best, front = math.inf, list[int]()
    last: tuple[float, float] | None = None
    for i in sorted(range(len(points)), key=lambda i: points[i]):
        if points[i][1] < best or points[i] == last:
            best, last = points[i][1], points[i]
            front.append(i)
    return front
