"""In which order, and at which time, the tuner is told what its attempts did.

Two ways: as it comes in (``AsItComes``), or by a virtual clock (``sequencer.Sequencer``), which
makes the journal independent of how fast anything ran.

Invariants (tests/experiment/tuner/test_order.py):
- as it comes: everything is told once, in the order in which it came, at the measured time;
- reports of an attempt that is heard no further are left out, its end never is.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from pytest_synebench.backends.protocol import (
    AttemptBegan,
    AttemptEnded,
    AttemptKey,
    AttemptReported,
)
from pytest_synebench.experiment.journal.trials import TrialRecord

Told = AttemptBegan | AttemptReported | AttemptEnded  #: what the journal may hear of


class Order(Protocol):
    """Takes observations as they arrive, and gives them back in the order in which they count."""

    virtual: bool  #: whether its time is its own, so that nothing measured may be journaled

    @property
    def settled(self) -> bool:
        """Whether all that belongs to the present time was told, so that slots may be filled."""
        ...

    @property
    def empty(self) -> bool:
        """Whether nothing can be told before something else arrives or is launched, for certain."""
        ...

    def now_s(self, measured_s: float) -> float:
        """Return the experiment's time, given the measured one."""
        ...

    def launched(self, key: AttemptKey, trial: TrialRecord) -> None:
        """Note that an attempt of a trial begins, by the decision that the record tells of."""
        ...

    def offer(self, seen: Told) -> None:
        """Take in what arrived."""
        ...

    def release(self) -> tuple[Told, ...]:
        """Return what counts next, in order: one attempt's; () where nothing can be told yet."""
        ...

    def seal(self, key: AttemptKey) -> None:
        """Of what arrives from now on of this attempt, tell the end alone."""
        ...

    def cut(self, key: AttemptKey) -> None:
        """Of what was not told yet of this attempt, tell the end alone; it counts as now."""
        ...

    def drain(self) -> list[Told]:
        """Give up everything that was not told: the run is being closed."""
        ...


class AsItComes:
    """The order of arrival, at measured time."""

    virtual = False

    def __init__(self) -> None:
        self._queue: deque[Told] = deque()
        self._sealed: set[AttemptKey] = set()

    @property
    def settled(self) -> bool:
        """Whether everything that arrived was told."""
        return not self._queue

    @property
    def empty(self) -> bool:
        """Whether everything that arrived was told."""
        return not self._queue

    def now_s(self, measured_s: float) -> float:
        """Return the measured time."""
        return measured_s

    def launched(self, key: AttemptKey, trial: TrialRecord) -> None:
        """Nothing to note."""

    def offer(self, seen: Told) -> None:
        """Take in what arrived."""
        self._queue.append(seen)

    def release(self) -> tuple[Told, ...]:
        """Return what arrived first; () where everything was told."""
        while self._queue:
            seen = self._queue.popleft()
            if isinstance(seen, AttemptEnded):
                self._sealed.discard(seen.key)
            elif isinstance(seen, AttemptReported) and seen.key in self._sealed:
                continue
            return (seen,)
        return ()

    def seal(self, key: AttemptKey) -> None:
        """Leave out the attempt's reports from now on."""
        self._sealed.add(key)

    def cut(self, key: AttemptKey) -> None:
        """Leave out the attempt's reports from now on."""
        self._sealed.add(key)

    def drain(self) -> list[Told]:
        """Give up everything that was not told."""
        left = list(self._queue)
        self._queue.clear()
        return left
