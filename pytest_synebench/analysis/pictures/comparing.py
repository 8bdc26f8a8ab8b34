"""Setups over several benchmarks: normalised regret, and rank.

Each benchmark counts alike, whatever the scale of its metric. The x-axis is the share of the
budget: the resource units of the longest run of the benchmark.

Invariants (tests/analysis/pictures/test_comparing.py):
- regret is from 0 to 1 and never rises; 0 is the best loss that any run of the benchmark found;
- the ranks of a benchmark add up to the same at each point; equals share theirs;
- scaling or shifting a benchmark's losses changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from pytest_synebench.analysis.pictures.bands import Floats, Steps, at, iqm

SHARES: Floats = np.linspace(0.02, 1.0, 50)  #: of the budget


class Standing(NamedTuple):
    """How one setup stands, over all benchmarks that have every setup."""

    regret: list[float]  #: at each of SHARES, 0 to 1
    rank: list[float]  #: at each of SHARES, from 1
    benchmarks: int


def standings(
    curves: Mapping[str, Mapping[str, Sequence[Steps]]],
) -> dict[str, Standing]:
    """Return how setups stand, by their labels.

    Args:
        curves: per benchmark and label, the incumbents of the runs over resource units.
    """
    measured = {
        name: {label: [one for one in runs if one] for label, runs in by_label.items()}
        for name, by_label in curves.items()
    }
    several = {name: one for name, one in measured.items() if len(one) > 1 and all(one.values())}
    labels = sorted({label for one in several.values() for label in one})
    # A setup that a benchmark lacks would have no rank there: such benchmarks compare nothing.
    complete = [one for one in several.values() if sorted(one) == labels]
    if not complete:
        return {}
    regrets = np.array([_regrets(one, labels) for one in complete])
    ranks = np.array([rankdata(one, axis=0) for one in regrets])
    return {
        label: Standing(
            regrets[:, i].mean(axis=0).tolist(), ranks[:, i].mean(axis=0).tolist(), len(complete)
        )
        for i, label in enumerate(labels)
    }


def _regrets(by_label: Mapping[str, Sequence[Steps]], labels: Sequence[str]) -> Floats:
    every = [curve for runs in by_label.values() for curve in runs]
    budget = max(curve[-1][0] for curve in every)
    best = min(curve[-1][1] for curve in every)
    worst = max(curve[0][1] for curve in every)
    grid = SHARES * budget
    found = np.array([iqm(np.array([at(one, grid) for one in by_label[name]])) for name in labels])
    # Rounded, so that equals of another scale are equals.
    shares = np.clip((found - best) / ((worst - best) or 1.0), 0.0, 1.0)
    return np.array(np.round(shares, 12), dtype=float)
