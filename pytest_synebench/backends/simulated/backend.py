"""Runs trials by playing curves on a virtual clock: no process, no file, no real time anywhere.

``poll`` moves the clock to the next thing that happens. What happens at one moment comes in the
order of trials; an end that a stop leads to without delay comes before anything else.

Invariants (tests/backends/simulated/ holds each one, ``backend_suite`` those of any back-end):
- a report is seen when its attempt was started, plus delay_start, plus what its levels take, plus
  delay_on_trial_result; equal starts and stops give equal observations at equal times;
- with checkpoints an attempt goes on from the last one; without, the levels are played again;
- an attempt that a controller's death cut off goes on as if nobody had died;
- a poll, a start and a stop cost O(log n), n the number of attempts that run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush, heapreplace

from pytest_synebench.backends.protocol import (
    AttemptBegan,
    AttemptEnded,
    AttemptKey,
    AttemptPlaced,
    AttemptReported,
    AttemptSaved,
    AttemptSpec,
    Observation,
)
from pytest_synebench.blackboxes.protocol import Point
from pytest_synebench.clock import VirtualClock
from pytest_synebench.errors import BackendError, TrialError
from pytest_synebench.trial import TrialId

_tuple = tuple.__new__  # of a class of tuples: half the time that its own call takes

Play = Callable[[AttemptSpec], Iterator[Point]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """Seconds that pass besides training, each 0.0 unless given."""

    start: float = 0.0  #: between starting an attempt and its script's first line
    report: float = 0.0  #: between a report and its arrival
    stop: float = 0.0  #: between stopping an attempt and its end
    completion: float = 0.0  #: between the last report's arrival and the end


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Under which keys a report has what a curve tells beside its metrics; None: not at all."""

    level: str | None = None
    elapsed: str | None = None  #: seconds since the trial began


class _Attempt:
    """One attempt that runs, and what it does next."""

    __slots__ = (
        "at",
        "began_s",
        "due_s",
        "end",
        "key",
        "next",
        "points",
        "reports",
        "spec",
        "until",
    )

    def __init__(self, spec: AttemptSpec, points: Iterator[Point]) -> None:
        self.spec = spec
        self.points = points
        self.key = spec.key
        self.until = math.inf if spec.until is None else spec.until
        self.at = spec.checkpoint_at
        self.began_s = 0.0  #: when the first second of its curve is, or would have been
        self.due_s = math.inf  #: when it is heard of next
        self.next: Point | None = None  #: the report that is due
        self.end: AttemptEnded | None = None  #: what is due, once nothing else is
        self.reports = 0

    def report(self, point: Point, keys: Keys) -> AttemptReported:
        """Return the report that is due, and go on."""
        level, elapsed_s, told = point
        metrics = {**told}
        if keys.level is not None:
            metrics[keys.level] = level
        if keys.elapsed is not None:
            metrics[keys.elapsed] = elapsed_s
        number = self.reports
        self.reports = number + 1
        self.advance()
        return _tuple(AttemptReported, (self.key, number, metrics))

    def advance(self) -> None:
        """Go on to the next report, or the end."""
        last, following = self.next, None
        if last is None or last.level < self.until:
            try:
                following = next(self.points, None)
            except TrialError as error:
                self.next = None
                self.end = AttemptEnded(key=self.key, ok=False, detail=str(error))
                return
        self.next = following
        if following is None:
            self.end = AttemptEnded(key=self.key, ok=True, detail="exit code 0")

    def saves(self, level: int) -> bool:
        """Whether it saves a checkpoint of a level."""
        return self.at is not None and (not self.at or level in self.at)

    def skip(self, resumed: int, told: int) -> None:
        """Leave out the levels that a checkpoint holds, which take no time, and those told before.

        Args:
            resumed: the level of the checkpoint.
            told: the last level that was told before a controller died.
        """
        self.advance()
        while self.next is not None and self.next.level <= max(resumed, told):
            if self.next.level <= resumed:
                self.began_s = -self.next.elapsed_s
            self.advance()


class SimulatedBackend:
    """Plays attempts; see the module.

    Args:
        play: the points of an attempt, elapsed time since its trial began; a ``TrialError`` that it
            raises is the attempt's failure. An infinite time never comes.
        clock: moved by ``poll``, and read by everyone.
        delays: what takes time besides training.
        keys: of a report, for the level and the elapsed time of its point.
    """

    def __init__(
        self,
        play: Play,
        clock: VirtualClock,
        delays: Delays | None = None,
        keys: Keys | None = None,
    ) -> None:
        self._play = play
        self._clock = clock
        self._delays = delays or Delays()
        self._keys = keys or Keys()
        self._opened_s = clock.now_s()
        self._known: dict[TrialId, int] = {}  # of each trial, the number of its last attempt
        self._live: dict[TrialId, _Attempt] = {}
        self._due: list[tuple[float, TrialId, int]] = []  # a heap; what was stopped is passed over
        self._at_once: list[Observation] = []
        self._closed = False

    @property
    def alive(self) -> int:
        """How many attempts run."""
        return len(self._live)

    def start(self, spec: AttemptSpec) -> None:
        """Have the attempt run.

        Raises:
            BackendError: the back-end is closed, or the trial's attempt before has not ended.
        """
        trial_id, number = spec.key
        if self._closed:
            raise BackendError(f"the back-end is closed; attempt {number} of trial {trial_id}")
        if self._known.get(trial_id, -1) >= number:
            return
        if trial_id in self._live:
            raise BackendError(f"trial {trial_id} has an attempt that has not ended; stop it first")
        self._known[trial_id] = number
        attempt = self._live[trial_id] = _Attempt(spec, self._play(spec))
        now_s = self._clock.now_s()
        # What was running when a controller died is started again in the moment this one begins.
        again = now_s == self._opened_s and spec.started_s < now_s
        attempt.skip(_checkpoint(spec), spec.resume_at_most if again else 0)
        attempt.began_s += (spec.started_s if again else now_s) + self._delays.start
        self._plan(attempt)

    def stop(self, key: AttemptKey) -> None:
        """Have the attempt end; unknown or ended keys: nothing."""
        attempt = self._live.get(key.trial_id)
        if attempt is None or attempt.key != key or _stopped(attempt):
            return
        attempt.next = None
        attempt.end = AttemptEnded(key=key, ok=False, detail=_STOPPED)
        if self._delays.stop:
            self._push(attempt, self._clock.now_s() + self._delays.stop)
        else:
            self._at_once.append(self._ended(attempt, attempt.end))

    def poll(self, timeout_s: float) -> list[Observation]:
        """Return what happens next, and move the clock there, by ``timeout_s`` at most."""
        if self._at_once:
            seen, self._at_once = self._at_once, []
            return seen
        attempt, now_s = self._first(), self._clock.now_s()
        until_s = now_s + timeout_s
        if attempt is not None and attempt.due_s <= until_s:
            heappop(self._due)
            # One that goes on where a controller died may have been due before this one began.
            if attempt.due_s > now_s:
                self._clock.move_to(attempt.due_s)
            return self._next(attempt)
        if not self._closed and 0 < timeout_s < math.inf:
            self._clock.move_to(until_s)
        return []

    def reports(self, before_s: float) -> Iterator[AttemptReported]:
        """Yield what happens next, as ``poll`` would, while that is a report and nothing else.

        The clock is moved to each. Attempts may be started and stopped between two of them.

        Args:
            before_s: the time before which they are; whatever comes then is left to ``poll``.
        """
        # One call less per report tells: this is where a simulated run spends its time.
        live, due, clock, keys = self._live, self._due, self._clock, self._keys
        now_s, delay_s, lingers = clock.now_s(), self._delays.report, self._delays.completion > 0
        while due and not self._at_once:
            at_s, trial_id, number = due[0]
            attempt = live.get(trial_id)
            if attempt is None or attempt.due_s != at_s:
                heappop(due)  # it was stopped meanwhile
                continue
            point = attempt.next
            if point is None or not attempt.reports or at_s >= before_s:
                return
            if attempt.at is not None and attempt.saves(point.level):
                return
            if at_s > now_s:  # else of one that goes on where a controller died
                now_s = at_s
                clock.move_to(at_s)
            report = attempt.report(point, keys)
            if attempt.end is not None and not lingers:
                heappop(due)
                self._at_once = [report, self._ended(attempt, attempt.end)]
                return
            point = attempt.next
            due_s = attempt.began_s + point.elapsed_s + delay_s if point else self._next_s(attempt)
            attempt.due_s = due_s
            if due_s < math.inf:
                heapreplace(due, (due_s, trial_id, number))
            else:
                heappop(due)
            yield report

    def close(self) -> None:
        """Forget every attempt. May be repeated."""
        self._closed = True
        self._live.clear()
        self._due.clear()
        self._at_once.clear()

    def _first(self) -> _Attempt | None:
        """Return the attempt that is heard of next."""
        while self._due:
            at_s, trial_id, _ = self._due[0]
            attempt = self._live.get(trial_id)
            if attempt is not None and attempt.due_s == at_s:
                return attempt
            heappop(self._due)  # it was stopped meanwhile
        return None

    def _next(self, attempt: _Attempt) -> list[Observation]:
        seen: list[Observation] = []
        key, point = attempt.key, attempt.next
        if not attempt.reports:
            seen.append(AttemptPlaced(key=key))
        if point is not None:
            if not attempt.reports:
                seen.append(_began(attempt.spec))
            if attempt.saves(point.level):
                seen.append(AttemptSaved(key=key, level=point.level))
            seen.append(attempt.report(point, self._keys))
            if attempt.next is not None or self._delays.completion:
                self._plan(attempt)
                return seen
        assert attempt.end is not None  # noqa: S101 - without a report to come there is an end
        return [*seen, self._ended(attempt, attempt.end)]

    def _plan(self, attempt: _Attempt) -> None:
        self._push(attempt, self._next_s(attempt))

    def _next_s(self, attempt: _Attempt) -> float:
        if attempt.next is not None:
            return attempt.began_s + attempt.next.elapsed_s + self._delays.report
        return self._clock.now_s() + self._delays.completion

    def _push(self, attempt: _Attempt, due_s: float) -> None:
        attempt.due_s = due_s
        if due_s < math.inf:
            heappush(self._due, (due_s, *attempt.key))

    def _ended(self, attempt: _Attempt, end: AttemptEnded) -> AttemptEnded:
        del self._live[attempt.key.trial_id]
        return end


_STOPPED = "stopped"


def _stopped(attempt: _Attempt) -> bool:
    return attempt.end is not None and attempt.end.detail == _STOPPED


def _began(spec: AttemptSpec) -> AttemptBegan:
    # A level that was told before a controller died is not run again: nothing is lost with it.
    told = spec.resume_at_most if spec.resume_at_most > spec.started_from else 0
    resumed = max(_checkpoint(spec), told)
    return AttemptBegan(
        key=spec.key, resumed_from=resumed, checkpoints=spec.checkpoint_at is not None
    )


def _checkpoint(spec: AttemptSpec) -> int:
    """Return the level of the checkpoint that an attempt goes on from; 0: from scratch."""
    if spec.checkpoint_at is None or not spec.started_from:
        return 0
    if not spec.checkpoint_at:
        return spec.started_from
    return max((level for level in spec.checkpoint_at if level <= spec.started_from), default=0)
