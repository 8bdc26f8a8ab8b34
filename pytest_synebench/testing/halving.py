# ruff: noqa: S101 - a suite asserts; pytest shows the values since `testing` has them rewritten
"""The rules of asynchronous successive halving, spelt out: slow, plain, to check a fast one by.

Every rung is a list that is sorted anew for each question.

Source: Li et al., MLSys 2020, arXiv:1810.05934, Algorithm 2; the stopping rule as in
``schedulers/halving/asha_stopping.py``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

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
    """

    def __init__(self, levels: Sequence[int], reduction_factor: int) -> None:
        self.levels = tuple(levels)
        self.factor = reduction_factor
        #: (loss, trial) by level, in the order of arrival.
        self.rungs: dict[int, list[tuple[float, TrialId]]] = {level: [] for level in levels[:-1]}
        self.rung_of: dict[TrialId, int] = {}

    def counted(self, report: Report) -> int | None:
        """Take a report in; return the level at which it counts, or None."""
        reached = [level for level in self.levels if level <= report.resource]
        new = [level for level in reached if level > self.rung_of.get(report.trial_id, 0)]
        if not new or new[-1] == self.levels[-1]:
            return None
        loss = report.loss if math.isfinite(report.loss) else math.inf
        self.rungs[new[-1]].append((loss, report.trial_id))
        self.rung_of[report.trial_id] = new[-1]
        return new[-1]

    def above(self, level: int) -> int:
        """Return the next level."""
        return self.levels[self.levels.index(level) + 1]


class PromotionRules(HalvingRules):
    """Each decision of the promotion variant, predicted."""

    def __init__(self, levels: Sequence[int], reduction_factor: int) -> None:
        super().__init__(levels, reduction_factor)
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
                    assert expected or getattr(decision, "until", None) == self.levels[0]
            case Reported(report=report):
                level = self.counted(report)
                due = (Pause(trial_id=report.trial_id),) if level else ()
                assert decisions == due
                self.waiting.update(decision.trial_id for decision in due)
            case Ended(trial_id=trial_id):
                self.waiting.discard(trial_id)

    def promotion(self) -> Resume | None:
        """Return the promotion that is due, or None."""
        for level in reversed(self.levels[:-1]):
            # sorted() is stable: of equal losses the earlier one stays ahead.
            ranked = sorted(self.rungs[level], key=lambda entry: entry[0])
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
                due = (Stop(trial_id=report.trial_id),) if level and self.behind(level) else ()
                assert decisions == due
            case Ended():
                pass

    def behind(self, level: int) -> bool:
        """Whether the last loss that came to a rung is outside its top."""
        losses = [loss for loss, _ in self.rungs[level]]
        better = sum(loss < losses[-1] for loss in losses)
        return not math.isfinite(losses[-1]) or better >= max(1, len(losses) // self.factor)
