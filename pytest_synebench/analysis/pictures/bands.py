"""A curve of many runs: the interquartile mean over run ids, and how sure one can be of it.

Invariants (tests/analysis/pictures/test_bands.py):
- the mean lies within its band, and the band within the worst and best run;
- equal runs and equal seeds give equal bands; the order of the runs does not matter;
- no curve of incumbents gets worse.

Source: Agarwal et al., Deep Reinforcement Learning at the Edge of the Statistical Precipice,
NeurIPS 2021, arXiv:2108.13264: interquartile mean, percentile bootstrap over runs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pytest_synebench.analysis.curves import incumbent
from pytest_synebench.experiment.journal.trials import TrialRecord

POINTS = 80  #: of a curve, at most
RESAMPLES = 1000
LEVEL = 0.95
_HUGE = 2.0**1000
_SMALLER = 2.0**-20  #: of what is huge: a million of them have a sum
Floats = NDArray[np.float64]
Steps = Sequence[tuple[float, float]]  #: from this x on, this loss


class Band(NamedTuple):
    """A curve, and the band around it; losses, lower is better."""

    x: list[float]
    middle: list[float]  #: interquartile mean
    low: list[float]
    high: list[float]
    runs: int


def by_units(trials: Iterable[TrialRecord]) -> Steps:
    """Return the incumbent of a run over the resource units it spent, from the first finite one."""
    curve = incumbent(trials)
    if math.isnan(curve.final):
        return []
    trials = list(trials)
    finite = [r for t in trials for r in t.reports if math.isfinite(r.loss)]
    first = min((r.at_s, r.trial_id, r.resource) for r in finite)
    order = sorted((r.at_s, t.id, r.resource) for t in trials for r in t.reports)
    return [(float(s.units), s.loss) for s in curve.steps[order.index(first) :]]


def by_time(trials: Iterable[TrialRecord]) -> Steps:
    """Return the incumbent of a run over seconds since it began."""
    reports = sorted(
        ((r.at_s, r.loss) for t in trials for r in t.reports if math.isfinite(r.loss)),
    )
    best, out = math.inf, list[tuple[float, float]]()
    for at_s, loss in reports:
        best = min(best, loss)
        out.append((at_s, best))
    return out


def iqm(values: Floats) -> Floats:
    """Return the mean of the middle half along the first axis.

    >>> iqm(np.array([0.0, 1.0, 2.0, 100.0])).item()
    1.5
    """
    cut = len(values) // 4
    middle: Floats = np.sort(values, axis=0)[cut : len(values) - cut].mean(axis=0)
    return middle


def band(curves: Sequence[Steps], *, seed: int = 0) -> Band | None:
    """Return the band of some runs' curves; None: no run measured anything.

    It begins where every curve has begun; a shorter run keeps its last value for the rest.

    Args:
        curves: per run, ascending in x.
        seed: of the resampling.
    """
    known = sorted(tuple(curve) for curve in curves if curve)  # in whatever order they came
    if not known:
        return None
    grid = _grid(known)
    values = np.array([at(curve, grid) for curve in known])
    least, most = values.min(), values.max()
    # A power of two loses nothing, and the sum of the largest numbers is a number.
    scale = _SMALLER if max(-least, most) > _HUGE else 1.0
    low, high = interval(values * scale, np.random.default_rng(seed))
    middle, low, high = (
        (np.clip(line, least * scale, most * scale) / scale).tolist()
        for line in (iqm(values * scale), low, high)
    )
    return Band(grid.tolist(), middle, low, high, len(known))


def _grid(curves: Sequence[Steps]) -> Floats:
    start = max(curve[0][0] for curve in curves)
    end = max(curve[-1][0] for curve in curves)
    places = np.unique([x for curve in curves for x, _ in curve if start <= x <= end])
    if len(places) <= POINTS:
        return places.astype(float)
    return np.linspace(start, end, POINTS)


def at(curve: Steps, grid: Floats) -> Floats:
    """Return the values of a curve that is a staircase; before it begins: its first."""
    xs, ys = np.array(curve, dtype=float).T
    found: Floats = ys[np.maximum(np.searchsorted(xs, grid, side="right") - 1, 0)]
    return found


def interval(values: Floats, chance: np.random.Generator) -> tuple[Floats, Floats]:
    """Return the percentile bootstrap interval of the interquartile mean, over the first axis."""
    middle = iqm(values)
    if len(values) < 2:
        return middle, middle
    picked = chance.integers(len(values), size=(RESAMPLES, len(values)))
    means = iqm(np.swapaxes(values[picked], 0, 1))
    tail = 50 * (1 - LEVEL)
    low, high = np.percentile(means, [tail, 100 - tail], axis=0)
    # A bootstrap of few runs need not contain what it is an interval of.
    return np.minimum(low, middle), np.maximum(high, middle)
