"""The order of a virtual clock: what attempts report counts by its level, not by when it arrives.

A conservative discrete-event simulation around real processes. The virtual time of a report is
that of the decision which started its attempt, plus the levels since then times the declared cost
of one. What arrives early waits until no attempt can send anything that counts before it.

    what                                      counts at
    a report of a new level                   the time of that level
    a report of a level that is known again,  with the next thing of its attempt that has a time
    and where an attempt began from
    a crash, or an end before the last level  the time of the level that was expected next
    a report whose level breaks the rules     likewise; nothing but the end is told after it
    an end at the stop level                  the time of that level, behind its report
    an end that a decision asked for          the time of the decision

Nothing later is told before an end that is due has come, since it frees a slot at its time. Ties
are in the order of trials, then of levels.

Invariants (tests/experiment/tuner/test_sequencer.py holds each one):
- however the arrivals of several attempts interleave, all is told in one and the same order;
- nothing is told while an attempt can still send what counts before it;
- time never goes back;
- once every attempt has ended, everything was told: nothing is kept for ever;
- what an attempt sent after the report it was stopped for is not told, however far it had run;
- what an attempt sends once it has reached its stop level is not told.

Source: Chandy and Misra, IEEE Trans. Software Eng. SE-5(5), 1979: conservative simulation.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from pytest_synebench.backends.protocol import AttemptEnded, AttemptKey, AttemptReported
from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.journal.trials import TrialRecord
from pytest_synebench.experiment.tuner.order import Told
from pytest_synebench.trial import Config, TrialId


class Moment(NamedTuple):
    """When something counts; moments are compared field by field."""

    at_s: float  #: virtual seconds since the experiment began
    trial_id: TrialId
    level: int


@dataclass(slots=True)
class _Lane:
    """One attempt: what it sent that was not told yet, and what it can send next."""

    trial_id: TrialId
    start_s: float  #: of the decision that started it
    from_level: int  #: at that decision
    until: float  #: its stop level; infinite where there is none
    cost_s: float  #: virtual seconds per level
    level: int  #: the last one that is known of the trial, arrived or told
    sent: int = 0  #: the last level that this attempt sent
    sealed: bool = False  #: only its end is still of interest
    due: Moment | None = None  #: when its end counts, where a decision asked for it
    queue: deque[tuple[Moment, tuple[Told, ...]]] = field(default_factory=deque)
    riders: list[Told] = field(default_factory=list)  #: told with the next that has a time

    def expected(self) -> Moment:
        """Return when the next thing that it sends will count, at the earliest."""
        return self.due or self.moment(self.level + (self.level < self.until))

    def moment(self, level: int) -> Moment:
        at_s = self.start_s + (level - self.from_level) * self.cost_s
        return Moment(at_s, self.trial_id, level)

    def next(self) -> Moment:
        return self.queue[0][0] if self.queue else self.expected()

    def put(self, seen: Told) -> None:
        self.queue.append((self.expected(), (*self.riders, seen)))
        self.riders.clear()


def one_per_level(config: Config) -> float:  # noqa: ARG001 - whatever the config
    """Return the cost of a level where none is declared: one virtual second."""
    return 1.0


class Sequencer:
    """Tells what arrives by the virtual clock; pure: it knows no clock, and waits for nothing."""

    virtual = True

    def __init__(
        self,
        level_of: Callable[[AttemptReported], int | None],
        unit_cost_s: Callable[[Config], float] = one_per_level,
        *,
        now_s: float = 0.0,
    ) -> None:
        """Begin, or go on.

        Args:
            level_of: the level of a report; None where it has none.
            unit_cost_s: the declared cost of one level of a config, in virtual seconds, > 0.
            now_s: where the journal ends.
        """
        self._level_of = level_of
        self._unit_cost_s = unit_cost_s
        self._now_s = now_s
        self._lanes: dict[AttemptKey, _Lane] = {}

    @property
    def settled(self) -> bool:
        """Whether nothing of the present time, or before it, is still to come."""
        return all(lane.next().at_s > self._now_s for lane in self._lanes.values())

    @property
    def empty(self) -> bool:
        """Not known without looking: a decision may have made way for what waits here."""
        return False

    def now_s(self, measured_s: float) -> float:  # noqa: ARG002 - measured time does not count
        """Return the time of what was told last."""
        return self._now_s

    def launched(self, key: AttemptKey, trial: TrialRecord) -> None:
        """Note that an attempt begins.

        Raises:
            UsageError: the declared cost of a level is no positive number.
        """
        cost_s = self._unit_cost_s(trial.config)
        if not 0 < cost_s < math.inf:
            raise UsageError(
                f"the declared cost of a level of trial {trial.id} is {cost_s!r}; it must be a "
                "positive number of seconds: without one, levels have no order in virtual time"
            )
        self._lanes[key] = _Lane(
            trial_id=trial.id,
            start_s=trial.started_s,
            from_level=trial.started_from,
            until=math.inf if trial.until is None else trial.until,
            cost_s=cost_s,
            level=max(trial.level, trial.started_from),
        )

    def offer(self, seen: Told) -> None:
        """Take in what arrived; what no attempt here sent is passed over."""
        lane = self._lanes.get(seen.key)
        if lane is None:
            return
        if isinstance(seen, AttemptEnded):
            lane.put(seen)
        elif not lane.sealed:
            if isinstance(seen, AttemptReported):
                self._take(lane, seen)
            else:
                lane.riders.append(seen)

    def _take(self, lane: _Lane, seen: AttemptReported) -> None:
        level = self._level_of(seen)
        if level is None or level <= lane.sent:
            lane.put(seen)  # what is wrong with it is the tuner's to say
            lane.sealed = True
        elif level <= lane.level:
            lane.sent = level
            lane.riders.append(seen)
        elif lane.level < lane.until:
            lane.sent = lane.level = level
            lane.queue.append((lane.moment(level), (*lane.riders, seen)))
            lane.riders.clear()

    def release(self) -> tuple[Told, ...]:
        """Return what counts next, with what was sent before it; () while that is not known."""
        if not self._lanes:
            return ()
        key = min(self._lanes, key=lambda key: self._lanes[key].next())
        lane = self._lanes[key]
        if not lane.queue:
            return ()
        moment, told = lane.queue.popleft()
        self._now_s = max(self._now_s, moment.at_s)
        if isinstance(told[-1], AttemptEnded):
            del self._lanes[key]
        return told

    def seal(self, key: AttemptKey) -> None:
        """Of what arrives from now on of this attempt, tell the end alone."""
        if (lane := self._lanes.get(key)) is not None:
            lane.sealed = True

    def cut(self, key: AttemptKey) -> None:
        """Of what was not told yet of this attempt, tell the end alone; it counts as now."""
        lane = self._lanes.get(key)
        if lane is None:
            return
        lane.sealed = True
        lane.due = Moment(self._now_s, lane.trial_id, lane.level)
        ends = [told[-1] for _, told in lane.queue if isinstance(told[-1], AttemptEnded)]
        lane.queue.clear()
        lane.riders.clear()
        for end in ends:
            lane.put(end)

    def drain(self) -> list[Told]:
        """Give up everything that was not told."""
        left = [one for lane in self._lanes.values() for _, told in lane.queue for one in told]
        for lane in self._lanes.values():
            lane.queue.clear()
            lane.riders.clear()
        return left
