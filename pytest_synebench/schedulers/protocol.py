"""What a scheduler is: a deterministic state machine, events in, decisions out.

How the tuner speaks to one:

- ``SlotFreed``: answer with at most one ``Start`` or ``Resume``. ``Start`` only where
  ``event.may_start``. After ``()`` the slot is not offered again before another event.
- ``Reported``: a running trial reached a level it had not reported before. Answer with ``Pause``
  or ``Stop`` of that trial, or with ``()``: it runs on. At the trial's last level answer ``()``:
  it ends by itself, and ``Ended`` follows.
- ``Ended``: the trial completed, or failed for good. Answer ``()``.

A ``Pause`` takes effect at once for the scheduler: it may resume the trial at the next
``SlotFreed``; the tuner waits for the old attempt to end and for its checkpoint first.
"""

from __future__ import annotations

from typing import Protocol

from pytest_synebench.events import Decision, Event


class Scheduler(Protocol):
    """A deterministic state machine: events in, decisions out.

    Equal constructor arguments and equal events give equal decisions. A scheduler reads no
    clock, file or generator state: time is ``event.at_s``, chance is keyed by
    ``(seed, decision number)``. So a journal can be folded back in without deciding again.
    """

    #: Whether it ever decides ``Pause``: checkpoints are then on without being asked for.
    pauses: bool
    #: Resource levels at which it may pause or stop a trial, ascending; () where it never does.
    levels: tuple[int, ...]

    def decide(self, event: Event) -> tuple[Decision, ...]:
        """Return what the tuner must do now, in order; ``()`` means carry on. Changes nothing.

        Raises:
            UnknownTrialError: the event names a trial this scheduler never started.
        """
        ...

    def fold(self, event: Event, decisions: tuple[Decision, ...]) -> None:
        """Take the event, and what was decided about it, into the state."""
        ...

    def handle(self, event: Event) -> tuple[Decision, ...]:
        """Decide, then fold: what a live run does."""
        decisions = self.decide(event)
        self.fold(event, decisions)
        return decisions
