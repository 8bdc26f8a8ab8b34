"""Asynchronous successive halving (ASHA), the promotion variant.

A trial runs to the next rung level, reports, and is paused there. When a slot frees, the best
paused trial within the top 1/eta of its rung moves up, highest rung first; failing that, a new
trial starts. Nothing waits for a rung to fill, which is the point of the algorithm.

Of n losses in a rung the top is the floor(n/eta) best ones, as in the paper; of equal losses the
earlier one is better. A loss that is not finite ranks last, NaN and both infinities alike.

A trial that fails while it is paused never moves up, and its loss stays in its rung: it was
measured there, and a config that cannot go on is no reason to let one through that is outside the
top 1/eta of what was measured. So it is with a trial that fails after it moved up.

With ``brackets``, a new trial may begin at a higher level than the first: see ``brackets``. Where
each bracket has rungs of its own, the highest rung over all brackets comes first.

Invariants (tests/schedulers/halving/test_asha_promotion.py holds each one):
- a trial leaves a rung at most once, and only from the top 1/eta of the losses then in it;
- the highest rung comes first, and of its trials the best; a new trial only if none may move up;
- a loss that is not finite ranks last, so a diverged trial never moves up;
- a failed trial never moves up, and frees its slot;
- every attempt is told the next rung level of its bracket, and no trial runs past max_resource.

Source: Li et al., MLSys 2020, arXiv:1810.05934, Algorithm 2. Where it differs: its top rung is the
highest r * eta**k up to R, ours is R itself. Syne Tune's "promotion" lets the share r_k / r_(k+1)
through instead of 1/eta, which differs at explicit levels and below a last one like 20.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pytest_synebench.events import (
    Decision,
    Ended,
    Event,
    Pause,
    Reported,
    Resume,
    SlotFreed,
    Start,
)
from pytest_synebench.schedulers.halving.brackets import Brackets
from pytest_synebench.schedulers.halving.ladder import RungMaker
from pytest_synebench.schedulers.halving.rungs import Rung
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.schedulers.roster import Roster
from pytest_synebench.searchers.protocol import Searcher
from pytest_synebench.trial import Report, TrialId, TrialState


class AshaPromotion(Scheduler):
    """Pauses every trial at every rung, and resumes the best; see the module.

    Args:
        searcher: where the configs of new trials come from.
        levels: rung levels, ascending, the last of them max_resource: what ``rung_levels`` returns.
        reduction_factor: eta in the paper: one trial in this many moves up, >= 2.
        brackets: how many, from 1 to the number of levels.
        rung_system_per_bracket: whether each bracket has rungs of its own.
        seed: what chance depends on, where there are several brackets.
        rung: makes the rung of a level, for a factor: how losses are compared there.

    Raises:
        UsageError: the levels do not ascend from 1 up, the factor is below 2, or there are more
            brackets than levels.
    """

    def __init__(
        self,
        searcher: Searcher,
        *,
        levels: Sequence[int],
        reduction_factor: int,
        brackets: int = 1,
        rung_system_per_bracket: bool = False,
        seed: int = 0,
        rung: RungMaker = Rung,
    ) -> None:
        self._roster = Roster(searcher)
        self._brackets = Brackets(
            levels,
            reduction_factor,
            brackets=brackets,
            apart=rung_system_per_bracket,
            seed=seed,
            rung=rung,
        )
        self.levels = self._brackets.levels
        self.pauses = bool(self.levels)

    def decide(self, event: Event) -> tuple[Decision, ...]:
        """Return what the tuner must do now; ``()`` means carry on. Changes nothing.

        Raises:
            UnknownTrialError: the event names a trial this scheduler never started.
        """
        match event:
            case Reported(report=report):  # the most of them
                return (Pause(trial_id=report.trial_id),) if self._counts(report) else ()
            case SlotFreed(may_start=may_start):
                return self._promotion() or (self._new_trial() if may_start else ())
            case Ended(trial_id=trial_id):
                self._roster.state(trial_id)
                return ()

    def fold(self, event: Event, decisions: tuple[Decision, ...]) -> None:
        """Take the event, and what was decided about it, into the state."""
        if isinstance(event, Reported) and self._running(event.report):
            self._brackets.ladder(event.report.trial_id).fold(event.report)
        self._roster.fold(event, decisions)
        if isinstance(event, Ended):
            self._leave(event.trial_id)
        for decision in decisions:
            if isinstance(decision, Start):
                self._brackets.enter(decision.trial_id)
            elif isinstance(decision, Pause):
                self._wait(decision.trial_id)
            elif isinstance(decision, Resume):
                self._leave(decision.trial_id)

    def _promotion(self) -> tuple[Resume, ...]:
        for rung in self._open_rungs():
            trial_id = rung.best_promotable()
            if trial_id is not None:
                until = self._brackets.ladder(trial_id).next_level(trial_id)
                return (Resume(trial_id=trial_id, until=until),)
        return ()

    def _open_rungs(self) -> Iterable[Rung]:
        """Return the rungs from which trials may move up, in the order in which they may."""
        return self._brackets.from_the_top()

    def _new_trial(self) -> tuple[Decision, ...]:
        return self._roster.new_trial(self._brackets.first_level(self._roster.next_id))

    def _counts(self, report: Report) -> bool:
        running = self._running(report)
        return running and self._brackets.ladder(report.trial_id).rung_of(report) is not None

    def _running(self, report: Report) -> bool:
        return self._roster.state(report.trial_id) is TrialState.RUNNING

    def _wait(self, trial_id: TrialId) -> None:
        rung = self._brackets.ladder(trial_id).place(trial_id)
        if rung is not None:
            rung.wait(trial_id)

    def _leave(self, trial_id: TrialId) -> None:
        rung = self._brackets.ladder(trial_id).place(trial_id)
        if rung is not None:
            rung.leave(trial_id)
