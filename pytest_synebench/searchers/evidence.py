"""What a searcher may learn from: the losses at one resource level, and what is pending.

**Level.** Losses at different levels do not compare, so one level is modelled: the highest at which
enough trials have reported. "Enough" is more than the number of hyperparameters + 1, the rule of
BOHB. Trials that never got there are no evidence, but for those that broke down on the way.

**Breakdowns.** A loss that is not finite, a trial that ended without a report, and one that stopped
running behind a loss that was not finite, count as worse than every loss measured at the level: by
the distance from the best to the worst one (by 1 where all are equal). Never best, still evidence.

**Pending.** Trials that run and have not yet reported at the level; a paused trial does not run.

Invariants (tests/searchers/test_evidence.py holds each one):
- equal histories give equal evidence, whether it was read as it grew or at once;
- every loss is finite, and what broke down is worse than all that was measured;
- no trial is both observed and pending.

Source of the rule: Falkner, Klein and Hutter, "BOHB", ICML 2018, arXiv:1807.01774, section 3.2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from pytest_synebench.searchers.protocol import History
from pytest_synebench.space import ConfigSpace
from pytest_synebench.trial import Config, Report, TrialId

_LARGEST = 1e100  #: beyond which squares of losses would overflow: a loss is clipped to it


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The losses at one level, in the order in which they were reported, breakdowns last."""

    level: int  #: resource level
    configs: tuple[Config, ...]
    losses: tuple[float, ...]  #: of these configs; lower is better, all finite
    constraints: tuple[float, ...] = ()  #: of these configs, <= 0: feasible; () without constraint
    pending: tuple[Config, ...] = ()  #: of running trials without a loss at the level


class Reader:
    """Reads evidence from a history; what it remembers follows from the history alone.

    Args:
        space: the configuration space.
        enough: how many trials must have reported at a level for it to be modelled; None: more
            than the number of hyperparameters + 1.
        constraint_attr: key of the reports that must be <= 0; None: there is no constraint.
    """

    def __init__(
        self, space: ConfigSpace, *, enough: int | None = None, constraint_attr: str | None = None
    ) -> None:
        self._space = space
        self._enough = len(space.domains) + 2 if enough is None else enough
        self._constraint_attr = constraint_attr
        self._read = _Read()

    def knows(self, history: History, config: Config) -> bool:
        """Return whether a trial of the history has this config, or one to be taken for it."""
        return self._space.key(config) in self._of(history).keys

    def exhausted(self, history: History) -> bool:
        """Return whether the trials of the history are all that a finite space holds."""
        return self._space.size is not None and len(self._of(history).keys) >= self._space.size

    def evidence(self, history: History) -> Evidence | None:
        """Return what is known at the level to model, or None: there is not enough anywhere."""
        read = self._of(history)
        rich = [level for level, seen in read.levels.items() if self._is_enough(seen)]
        if not rich:
            return None
        level = max(rich)
        seen = read.levels[level]
        broken = [t for t in history.configs if t not in seen and _broke_down(t, history, read)]
        trials = [*seen, *broken]
        return Evidence(
            level=level,
            configs=tuple(history.configs[trial_id] for trial_id in trials),
            losses=penalised([seen[t].loss if t in seen else math.nan for t in trials]),
            constraints=self._constraints([seen.get(t) for t in trials]),
            pending=tuple(
                config
                for trial_id, config in history.configs.items()
                if trial_id not in seen and _runs(trial_id, history)
            ),
        )

    def _is_enough(self, seen: dict[TrialId, Report]) -> bool:
        return len(seen) >= self._enough and any(
            math.isfinite(report.loss) for report in seen.values()
        )

    def _constraints(self, reports: Sequence[Report | None]) -> tuple[float, ...]:
        if self._constraint_attr is None:
            return ()
        values = [None if r is None else r.metrics.get(self._constraint_attr) for r in reports]
        known = [_clipped(v) for v in values if _is_finite(v)]
        # What was not measured counts as violated, as much as anything that was, and by 1 at least.
        missing = max([1.0, *known])
        return tuple(_clipped(v) if _is_finite(v) else missing for v in values)

    def _of(self, history: History) -> _Read:
        read = self._read
        if read.history is not history or read.ahead_of(history):
            read = self._read = _Read(history)
        for config in islice(history.configs.values(), read.configs, None):
            read.configs += 1
            read.keys.add(self._space.key(config))
        for report in islice(history.reports, read.reports, None):
            read.reports += 1
            read.last[report.trial_id] = report.loss
            read.levels.setdefault(report.resource, {}).setdefault(report.trial_id, report)
        return read


@dataclass(slots=True)
class _Read:
    """How far a history was read, and what it held so far."""

    history: History | None = None
    configs: int = 0
    reports: int = 0
    keys: set[str] = field(default_factory=set)
    levels: dict[int, dict[TrialId, Report]] = field(default_factory=dict)
    last: dict[TrialId, float] = field(default_factory=dict)  #: the last loss of each trial

    def ahead_of(self, history: History) -> bool:
        return self.configs > len(history.configs) or self.reports > len(history.reports)


def penalised(losses: Sequence[float]) -> tuple[float, ...]:
    """Return finite losses: those that are not finite become worse than all that are.

    >>> penalised([1.0, float("nan"), 3.0])
    (1.0, 5.0, 3.0)
    """
    finite = [_clipped(loss) for loss in losses if math.isfinite(loss)]
    best, worst = (min(finite), max(finite)) if finite else (0.0, 0.0)
    beyond = worst + (worst - best)
    if beyond == worst:
        beyond = max(worst + 1.0, math.nextafter(worst, math.inf))
    return tuple(_clipped(loss) if math.isfinite(loss) else beyond for loss in losses)


def _clipped(value: object) -> float:
    return min(max(float(value), -_LARGEST), _LARGEST)  # type: ignore[arg-type] # a number


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _runs(trial_id: TrialId, history: History) -> bool:
    return trial_id not in history.ended and trial_id not in history.paused


def _broke_down(trial_id: TrialId, history: History, read: _Read) -> bool:
    if _runs(trial_id, history):
        return False
    last = read.last.get(trial_id)
    return trial_id in history.ended if last is None else not math.isfinite(last)
