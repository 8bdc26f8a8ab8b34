"""What the back-end asks of the platform that runs jobs: four verbs, and what may go wrong.

Every verb may be repeated, and is called in a thread: it may wait for an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from pytest_synebench.backends.protocol import AttemptKey, AttemptSpec
from pytest_synebench.errors import BackendError, TrialError


class Phase(Enum):
    """Where a job stands."""

    WAITING = "waiting"  #: it has no machine yet, or lost the one it had
    PLACED = "placed"  #: a machine is its own
    ENDED = "ended"  #: nothing of it runs any more


@dataclass(frozen=True, slots=True, kw_only=True)
class JobState:
    """What the platform says of one job."""

    phase: Phase
    ok: bool = False  #: it ended by itself, with exit code 0
    detail: str = ""  #: for people: the status, and why it failed


class BusyError(BackendError):
    """The platform takes no job now, and may later: a quota, too many requests."""


class RefusedJobError(TrialError):
    """The platform will never take this job; others it may."""


class Platform(Protocol):
    """Runs jobs. Other failures of its verbs are a ``BackendError``: nothing can go on."""

    def create(self, spec: AttemptSpec, orders_url: str) -> None:
        """Have a job run an attempt; one that is there already is the attempt's.

        Raises:
            BusyError: not now.
            RefusedJobError: not ever.
        """
        ...

    def stop(self, key: AttemptKey) -> bool:
        """Ask a job to end; return whether there is one. One that has ended is no error.

        Raises:
            BusyError: not now.
        """
        ...

    def states(self, keys: Iterable[AttemptKey]) -> Mapping[AttemptKey, JobState]:
        """Return where jobs stand; one that is not to be seen yet may be left out.

        Raises:
            BusyError: not now.
        """
        ...

    def unfinished(self) -> list[AttemptKey]:
        """Return all jobs of the run that have not ended, whoever started them.

        Raises:
            BusyError: not now.
        """
        ...
