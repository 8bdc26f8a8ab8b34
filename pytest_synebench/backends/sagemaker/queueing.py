"""Attempts that wait for their job to be created, and when to ask again: pure rules.

A quota that is used up and a service that is asked too often are no failures: who comes too early
waits. All jobs of a run want the same kind of instance, so one refusal is for all of them.

Invariants (tests/backends/sagemaker/test_queueing.py holds each one):
- first come, first served, whatever is refused; nothing is lost, one is asked for at a time;
- nothing is asked for before its time; an instance that became free is asked for at once;
- however often it is refused, the wait stays below its bound; what was granted resets it.

Source of the wait ("equal jitter"): Brooker, Exponential Backoff And Jitter, AWS Architecture
Blog, 2015.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum

from pytest_synebench.backends.protocol import AttemptKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long is waited."""

    first_s: float
    longest_s: float

    def wait_s(self, refusals: int, chance: random.Random) -> float:
        """Return seconds until the next try: at least half of what they may be at most."""
        # The exponent is bounded, since two to the power of a thousand is no float.
        most_s = min(self.longest_s, self.first_s * 2.0 ** min(refusals - 1, 30))
        return most_s / 2 + chance.uniform(0, most_s / 2)


class Why(Enum):
    """Why a request was refused, and how long is waited for that."""

    THROTTLED = Pace(first_s=1.0, longest_s=60.0)
    NO_INSTANCE = Pace(first_s=15.0, longest_s=300.0)
    UNREACHABLE = Pace(first_s=0.5, longest_s=60.0)


class Queue:
    """Who waits, and until when."""

    def __init__(self, chance: random.Random) -> None:
        """Begin empty.

        Args:
            chance: draws the waits, so that those that failed together do not return together.
        """
        self._chance = chance
        self._waiting: OrderedDict[AttemptKey, None] = OrderedDict()
        self._asked: AttemptKey | None = None
        self._refusals = 0
        self._why: Why | None = None
        self._not_before_s = 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def why(self) -> Why | None:
        """Why the first one waits, for people; None: it was not refused."""
        return self._why

    def add(self, key: AttemptKey) -> None:
        """Have an attempt wait at the end; one that waits already keeps its place."""
        self._waiting.setdefault(key)

    def withdraw(self, key: AttemptKey) -> bool:
        """Have an attempt not wait any more; return whether it did, and is not being asked for."""
        if key == self._asked or key not in self._waiting:
            return False
        del self._waiting[key]
        return True

    def ask(self, now_s: float) -> AttemptKey | None:
        """Return whose job to ask for now, until ``granted`` or ``refused``; None: nobody's."""
        if self._asked is not None or not self._waiting or now_s < self._not_before_s:
            return None
        self._asked = next(iter(self._waiting))
        return self._asked

    def granted(self) -> None:
        """Note that what was asked for is there, or never will be: its place is the next one's."""
        if self._asked is not None:
            del self._waiting[self._asked]
        self._asked, self._refusals, self._why, self._not_before_s = None, 0, None, 0.0

    def refused(self, why: Why, now_s: float) -> None:
        """Note that it was refused for now; all wait."""
        self._refusals = self._refusals + 1 if why is self._why else 1
        self._asked, self._why = None, why
        self._not_before_s = now_s + why.value.wait_s(self._refusals, self._chance)

    def freed(self) -> None:
        """Note that an instance became free: who waits for one need not wait longer."""
        if self._why is Why.NO_INSTANCE:
            self._not_before_s = 0.0

    def due_s(self) -> float | None:
        """Return when to ask next; None: nobody waits, or one is being asked for."""
        return None if self._asked is not None or not self._waiting else self._not_before_s
