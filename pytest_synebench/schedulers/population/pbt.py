"""Population based training (PBT): the bad members of a population go on as copies of good ones.

A population of trials is trained side by side. Every perturbation_interval levels a member is
compared with the others, by the last loss that each has reported, at whatever level. If it is among
the worst quantile_fraction of them it is stopped, and its slot starts a new trial from the
checkpoint of one of the best quantile_fraction, drawn at random, with a config near that one's
(``exploring``). Otherwise it goes on. So a schedule of hyperparameters is found while training, not
a config.

At each such level a member that goes on is paused first: its checkpoint is safe then, copies begin
from it, and a population may be larger than the number of workers. A free slot is given to a copy
that is due, then to a new member while there are fewer than population_size, then to the member
that waits at the lowest level, of equal ones to that which waits longest. A member that came to its
end, or failed, makes room for a new one. Fewer members than workers leave slots idle.

The best and the worst are k = ceil(quantile_fraction * population_size) members each, at most half
of the population; of equal losses the earlier trial is better. A copy has its parent's loss until
it has its own, since it has its weights; it is copied once it was compared, since there is no
checkpoint of it before. Any other member that has no loss yet counts as behind: so a member is
stopped if at least population_size - k others have a better one. A loss that is no finite number
ranks last. A copy is drawn when it starts, from those that are alive then: the key of its chance is
(seed, its trial). Once no trial may start any more (num_trials), nobody is stopped: those that are
left train to their end.

The rule ``syne_tune`` differs in two ways: k is that share of the members that have a loss, so that
the worse of the first two is stopped at once; and a copy is first compared at the level behind its
parent's, not an interval later. It makes about twice as many copies.

Invariants (tests/schedulers/population/test_pbt.py holds each one):
- a member is stopped only at a multiple of the interval, or at the first level of a copy under the
  rule syne_tune, and only from the worst quantile;
- for each one that was stopped one copy starts, of one of the best, from its last such level, as
  long as there is one with a loss;
- there are never more than population_size members;
- every attempt is told the level of its next comparison, and no trial runs past max_resource;
- a member ranks by the loss it reported last, a copy by its parent's until it has its own;
- nobody is copied that was not compared yet;
- a copy is first compared at its stop level, whatever checkpoint the tuner found for it.

Source: Jaderberg et al., arXiv:1711.09846: Algorithm 1 (the population is updated after each step),
truncation selection with 20 % (section 4.1.1), perturb and resample. Where it differs: members are
paused at each interval, and copied from there. Of Syne Tune 0.13, which takes 25 %, and whose
population is whoever runs, the rule; Ray Tune takes the same share.
"""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass
from heapq import heappop, heappush

from pytest_synebench.errors import UsageError
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
from pytest_synebench.schedulers.population.exploring import explored
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.schedulers.roster import Roster
from pytest_synebench.searchers.protocol import Searcher
from pytest_synebench.space import ConfigSpace
from pytest_synebench.space.chance import keyed_random
from pytest_synebench.trial import CheckpointRef, Report, TrialId, TrialState

RULES = ("paper", "syne_tune")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """How large a population is, and how it is selected."""

    population_size: int = 4  #: members at any time, at most, >= 2
    perturbation_interval: int | None = None  #: levels; None: a tenth of max_resource
    quantile_fraction: float = 0.2  #: share of the best, and of the worst, 0 to 0.5
    resample_probability: float = 0.25  #: of a hyperparameter, to be drawn anew, 0 to 1
    rule: str = "paper"  #: of RULES: who is among the worst, and when a copy is first compared

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise UsageError(f"pbt_rule is {self.rule!r}; it must be {' or '.join(RULES)}")
        if self.population_size < 2:
            raise UsageError(f"population_size is {self.population_size}; it must be from 2 up")
        if self.perturbation_interval is not None and self.perturbation_interval < 1:
            raise UsageError(
                f"perturbation_interval is {self.perturbation_interval}; it must be from 1 up"
            )
        for name, most in (("quantile_fraction", 0.5), ("resample_probability", 1)):
            value = getattr(self, name)
            if not 0 <= value <= most:
                raise UsageError(f"{name} is {value}; it must be from 0 to {most}")


@dataclass(slots=True)
class _Member:
    until: int
    level: int = 0  #: at which it was last compared; 0: not yet
    loss_there: float = math.inf  #: that it had there
    loss: float | None = None  #: that it reported last
    inherited: float | None = None  #: of a copy: its parent's, where it was copied


class Pbt(Scheduler):
    """Trains a population; see the module.

    Args:
        searcher: where the configs of members come from that are no copies.
        space: in which the configs of copies are explored.
        max_resource: resource level at which each trial ends.
        selection: how the population is selected.
        seed: what chance depends on.

    Raises:
        UsageError: the interval does not lie below max_resource.
    """

    def __init__(
        self,
        searcher: Searcher,
        *,
        space: ConfigSpace,
        max_resource: int,
        selection: Selection | None = None,
        seed: int = 0,
    ) -> None:
        self._selection = selection or Selection()
        self._interval = self._selection.perturbation_interval or max(1, max_resource // 10)
        if self._interval >= max_resource:
            raise UsageError(
                f"perturbation_interval is {self._interval}; it must be below max_resource, the "
                f"benchmark's last level, which is {max_resource}: nobody would be compared"
            )
        self._size = self._selection.population_size
        self._as_syne_tune = self._selection.rule == "syne_tune"
        self._last = max_resource
        self._space = space
        self._seed = seed
        step = 1 if self._as_syne_tune else self._interval
        self.levels = tuple(range(self._interval, max_resource, step))
        self.pauses = True
        self._roster = Roster(searcher)
        self._members: dict[TrialId, _Member] = {}
        self._ranking: list[tuple[float, TrialId]] = []  #: of members with a loss, the best first
        self._due = 0  #: copies that are to start
        self._capped = False  #: whether no trial may start any more
        self._paused = 0  #: how often one was: who waits longest
        #: Heap: (level, since, trial). Its head waits; below it, some may have failed.
        self._waits: list[tuple[int, int, TrialId]] = []
        self._waiting: set[TrialId] = set()

    def decide(self, event: Event) -> tuple[Decision, ...]:
        """Return what the tuner must do now; ``()`` means carry on. Changes nothing.

        Raises:
            UnknownTrialError: the event names a trial this scheduler never started.
        """
        match event:
            case SlotFreed(may_start=may_start):
                return (self._new_trial() if may_start else ()) or self._next_in_line()
            case Reported(report=report):
                return self._verdict(report) if self._counts(report) else ()
            case Ended(trial_id=trial_id):
                self._roster.state(trial_id)
                return ()

    def fold(self, event: Event, decisions: tuple[Decision, ...]) -> None:
        """Take the event, and what was decided about it, into the state."""
        match event:
            case SlotFreed(may_start=may_start):
                self._capped = not may_start
            case Reported(report=report) if self._runs(report):
                self._rank(report)
            case _:
                pass
        self._roster.fold(event, decisions)
        if isinstance(event, Ended):
            self._lose(event.trial_id)
        for decision in decisions:
            self._fold_decision(decision)

    def _fold_decision(self, decision: Decision) -> None:
        match decision:
            case Start():
                self._enter(decision)
            case Pause(trial_id=trial_id):
                self._paused += 1
                self._waiting.add(trial_id)
                heappush(self._waits, (self._members[trial_id].level, self._paused, trial_id))
            case Resume(trial_id=trial_id, until=until):
                self._members[trial_id].until = until or self._last
                self._leave_line(trial_id)
            case Stop(trial_id=trial_id):
                self._lose(trial_id)
                self._due += 1

    # -- who is compared, and how it fares -------------------------------------------------------

    def _runs(self, report: Report) -> bool:
        return self._roster.state(report.trial_id) is TrialState.RUNNING

    def _counts(self, report: Report) -> bool:
        if not self._runs(report):
            return False
        return self._members[report.trial_id].until <= report.resource < self._last

    def _verdict(self, report: Report) -> tuple[Decision, ...]:
        others = [one for one in self._ranking if one[1] != report.trial_id]
        rank, inherited = _rank(report), self._inherited(report)
        place = bisect.bisect(others, rank) + sum(one < rank for one in inherited)
        size = 1 + len(others) + len(inherited) if self._as_syne_tune else self._size
        if not self._capped and place >= size - self._count(size):
            return (Stop(trial_id=report.trial_id),)
        return (Pause(trial_id=report.trial_id),)

    def _count(self, size: int) -> int:
        """Return k: how many of so many members are the best, and the worst."""
        return min(math.ceil(self._selection.quantile_fraction * size), size // 2)

    def _inherited(self, report: Report) -> list[tuple[float, TrialId]]:
        """Return the ranks of the others that have no loss of their own yet."""
        return [
            (member.inherited, trial_id)
            for trial_id, member in self._members.items()
            if member.loss is None and member.inherited is not None and trial_id != report.trial_id
        ]

    def _rank(self, report: Report) -> None:
        member = self._members[report.trial_id]
        self._unrank(report.trial_id)
        member.loss = _rank(report)[0]
        if self._counts(report):
            member.level, member.loss_there = report.resource, member.loss
        bisect.insort(self._ranking, _rank(report))

    def _unrank(self, trial_id: TrialId) -> None:
        loss = self._members[trial_id].loss
        if loss is not None:
            del self._ranking[bisect.bisect_left(self._ranking, (loss, trial_id))]

    # -- who runs next ---------------------------------------------------------------------------

    def _next_in_line(self) -> tuple[Decision, ...]:
        if not self._waits:
            return ()
        level, _, trial_id = self._waits[0]
        return (Resume(trial_id=trial_id, until=self._next_level(level)),)

    def _new_trial(self) -> tuple[Decision, ...]:
        if self._copy_is_due():
            return self._copy()
        if len(self._members) >= self._size:
            return ()
        return self._roster.new_trial(self._interval)

    def _copy_is_due(self) -> bool:
        return bool(self._due and self._parents())

    def _parents(self) -> list[TrialId]:
        """Return those that may be copied: the best first."""
        able = [trial_id for _, trial_id in self._ranking if self._members[trial_id].level]
        return able[: max(1, self._count(self._size))]

    def _copy(self) -> tuple[Decision, ...]:
        number = self._roster.next_id
        rng = keyed_random(self._seed, "pbt", number)
        parents = self._parents()
        parent = parents[rng.randrange(len(parents))]
        level = self._members[parent].level
        config = self._roster.config(parent)
        return (
            Start(
                trial_id=number,
                config=explored(self._space, config, rng, self._selection.resample_probability),
                until=level + 1 if self._as_syne_tune else self._next_level(level),
                checkpoint=CheckpointRef(trial_id=parent, level=level, sha256=""),
            ),
        )

    def _next_level(self, level: int) -> int:
        return min((level // self._interval + 1) * self._interval, self._last)

    def _enter(self, start: Start) -> None:
        self._due -= self._copy_is_due()
        inherited = None
        if start.checkpoint is not None:
            parent = self._members.get(start.checkpoint.trial_id)
            if parent is not None and parent.level == start.checkpoint.level:
                inherited = parent.loss_there
        self._members[start.trial_id] = _Member(
            until=start.until or self._last, inherited=inherited
        )
        self._due = min(self._due, self._size - len(self._members))

    def _lose(self, trial_id: TrialId) -> None:
        if trial_id in self._members:
            self._unrank(trial_id)
            self._leave_line(trial_id)
            del self._members[trial_id]

    def _leave_line(self, trial_id: TrialId) -> None:
        self._waiting.discard(trial_id)
        while self._waits and self._waits[0][2] not in self._waiting:
            heappop(self._waits)


def _rank(report: Report) -> tuple[float, TrialId]:
    loss = report.loss if math.isfinite(report.loss) else math.inf
    return (loss, report.trial_id)
