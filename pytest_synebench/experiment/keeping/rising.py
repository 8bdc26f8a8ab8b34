"""How likely a paused trial is to be resumed: what a budget of disk removes first is what is least.

A scheduler that halves resumes a trial if its loss is among the best 1/eta of its level. Trials
that come later are taken to be no better and no worse than those that are there: then every order
of all losses is equally likely, and the chance is exact.

Invariants (tests/experiment/keeping/test_rising.py holds each one):
- the chance is that of drawing orders at random: with few losses, all of them are counted;
- a better loss never has a lower chance; a loss that is no finite number has none;
- what costs the fewest units to repeat, times its chance, goes first.

Source: Polya's urn; the idea of removing what is unlikely to be resumed: Syne Tune 0.5.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from pytest_synebench.experiment.journal.trials import TrialRecord
from pytest_synebench.trial import TrialId


def chance_to_rise(better: int, count: int, total: int, reduction_factor: int) -> float:
    """Return the probability that a loss is among the best 1/eta of its level in the end.

    Args:
        better: of the losses there are, so many are better.
        count: losses that there are, its own included.
        total: losses that there will be, >= count.
        reduction_factor: eta: one in so many moves up.

    >>> round(chance_to_rise(0, 1, 3, 3), 9)  # the first of three: as likely as any to be the best
    0.333333333
    """
    places = total // reduction_factor
    if better < count // reduction_factor:
        return 1.0
    later = total - count
    ways = [
        _log_choose(better + above, above)
        + _log_choose(total - better - 1 - above, later - above)
        - _log_choose(total, later)
        for above in range(min(later, places - better - 1) + 1)
    ]
    return min(1.0, math.fsum(map(math.exp, ways)))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def removal_order(
    paused: Iterable[TrialRecord],
    trials: Sequence[TrialRecord],
    *,
    levels: Sequence[int],
    num_trials: int,
    reduction_factor: int,
) -> list[TrialId]:
    """Return paused trials, those first whose checkpoint is least likely to be missed.

    Args:
        paused: those that can go.
        trials: all of the experiment.
        levels: at which the scheduler pauses them, ascending.
        num_trials: that there will be.
        reduction_factor: eta of the scheduler.
    """
    losses: dict[int, list[float]] = {}
    cost: list[tuple[float, int, TrialId]] = []
    for trial in paused:
        level = trial.level
        if level not in losses:
            losses[level] = sorted(_losses_at(trials, level))
        own = trial.reports[-1].loss if trial.reports else math.nan
        chance = 0.0
        if math.isfinite(own):
            there = losses[level]
            below = sum(one < level for one in levels)
            total = max(len(there), num_trials // reduction_factor**below)
            better = sum(one < own for one in there)
            chance = chance_to_rise(better, len(there), total, reduction_factor)
        cost.append((chance * level, level, trial.id))
    return [trial_id for _, _, trial_id in sorted(cost)]


def _losses_at(trials: Iterable[TrialRecord], level: int) -> list[float]:
    """Return every loss of a level; those that are no finite number as the worst."""
    return [
        report.loss if math.isfinite(report.loss) else math.inf
        for trial in trials
        for report in trial.reports
        if report.resource == level
    ]
