# ruff: noqa: S101 - a suite asserts; pytest shows the values since `testing` has them rewritten
"""The rules of asynchronous successive halving, spelt out: slow, plain, to check a fast one by.

Every rung is a list that is sorted anew for each question.

Source: Li et al., MLSys 2020, arXiv:1810.05934, Algorithm 2; the stopping rule as in
``schedulers/halving/asha_stopping.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from pytest_synebench.events import (
    Decision,
    Ended,
    Event,
    Pause,
    Reported,
    Resume,
    SlotFreed,
    Start,
    Stop,
)
from pytest_synebench.testing.game import Rules
from pytest_synebench.trial import Report, TrialId


class HalvingRules(Rules):
    """What both variants share: rungs, and which report counts where.

    Args:
        levels: rung levels, ascending, the last one max_resource.
        reduction_factor: eta.
        bracket_of: the bracket of a trial: how many of the lowest levels it is spared.
        apart: whether each bracket has rungs of its own.
    """

    def __init__(
        self,
        levels: Sequence[int],
        reduction_factor: int,
        *,
        bracket_of: Callable[[TrialId], int] = lambda _: 0,
        apart: bool = False,
    ) -> None:
        self.levels = tuple(levels)
        self.factor = reduction_factor
        self.bracket_of = bracket_of
        self.apart = apart
        #: (loss, trial) by level and system of rungs, in the order of arrival.
        self.rungs: dict[tuple[int, int], list[tuple[float, TrialId]]] = {}
        self.rung_of: dict[TrialId, int] = {}

    def system(self, trial_id: TrialId) -> int:
        """Return which system of rungs a trial is compared in."""
        return self.bracket_of(trial_id) if self.apart else 0

    def counted(self, report: Report) -> int | None:
        """Take a report in; return the level at which it counts, or None."""
        own = self.levels[self.bracket_of(report.trial_id) :]
        reached = [level for level in own if level <= report.resource]
        new = [level for level in reached if level > self.rung_of.get(report.trial_id, 0)]
        if not new or new[-1] == self.levels[-1]:
            return None
        loss = report.loss if math.isfinite(report.loss) else math.inf
        rung = self.rungs.setdefault((new[-1], self.system(report.trial_id)), [])
        rung.append((loss, report.trial_id))
        self.rung_of[report.trial_id] = new[-1]
        return new[-1]

    def above(self, level: int) -> int:
        """Return the next level."""
        return self.levels[self.levels.index(level) + 1]


class PromotionRules(HalvingRules):
    """Each decision of the promotion variant, predicted."""

    def __init__(self, levels: Sequence[int], reduction_factor: int, **brackets: Any) -> None:
        super().__init__(levels, reduction_factor, **brackets)
        self.waiting: set[TrialId] = set()

    def see(self, event: Event, decisions: tuple[Decision, ...]) -> None:
        """Compare the decisions with those that the paper's pseudo-code gives."""
        match event:
            case SlotFreed():
                expected = self.promotion()
                if expected is not None:
                    assert decisions == (expected,), f"{expected} is due"
                    self.waiting.discard(expected.trial_id)
                for decision in decisions:
                    assert decision == expected or isinstance(decision, Start)
                    if isinstance(decision, Start):
                        bracket = self.bracket_of(decision.trial_id)
                        assert decision.until == self.levels[bracket]
            case Reported(report=report):
                level = self.counted(report)
                due = (Pause(trial_id=report.trial_id),) if level else ()
                assert decisions == due
                self.waiting.update(decision.trial_id for decision in due)
            case Ended(trial_id=trial_id):
                self.waiting.discard(trial_id)

    def promotion(self) -> Resume | None:
        """Return the promotion that is due, or None."""
        for level, system in sorted(self.rungs, key=lambda place: (-place[0], place[1])):
            # sorted() is stable: of equal losses the earlier one stays ahead.
            ranked = sorted(self.rungs[level, system], key=lambda entry: entry[0])
            for loss, trial_id in ranked[: len(ranked) // self.factor]:
                here = self.rung_of[trial_id] == level and trial_id in self.waiting
                if here and math.isfinite(loss):
                    return Resume(trial_id=trial_id, until=self.above(level))
        return None


class StoppingRules(HalvingRules):
    """Each decision of the stopping variant, predicted."""

    def see(self, event: Event, decisions: tuple[Decision, ...]) -> None:
        """Compare the decisions with the rule: stop unless in the top 1/eta so far."""
        match event:
            case SlotFreed():
                for decision in decisions:
                    assert isinstance(decision, Start)
                    assert decision.until == self.levels[-1]
            case Reported(report=report):
                level = self.counted(report)
                behind = level is not None and self.behind(level, self.system(report.trial_id))
                due = (Stop(trial_id=report.trial_id),) if behind else ()
                assert decisions == due
            case Ended():
                pass

    def behind(self, level: int, system: int) -> bool:
        """Whether the last loss that came to a rung is outside its top."""
        losses = [loss for loss, _ in self.rungs[level, system]]
        better = sum(loss < losses[-1] for loss in losses)
        return not math.isfinite(losses[-1]) or better >= max(1, len(losses) // self.factor)
