"""A run's steps under its lease: nobody else writes the run while one is made.

Invariants (tests/experiment/test_fencing.py, tests/faults/test_fencing.py):
- nobody is fenced for a plan that cannot go on with the run;
- a step that a takeover came before is not made; while one is made there is no takeover;
- who only waits for trials can be taken over from.
"""

from __future__ import annotations

from pathlib import Path

from pytest_synebench.backends.protocol import AttemptKey, AttemptSpec, Backend, Observation
from pytest_synebench.clock import Clock
from pytest_synebench.experiment.journal.journal import read_journal
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.store import directories
from pytest_synebench.experiment.store.lease import Lease


def take(directory: Path, plan: Plan, clock: Clock, *, takeover: bool) -> Lease:
    """Hold a run's directory, for the step that opens it.

    Raises:
        UsageError: with ``takeover``, the run is another experiment.
        RunError: somebody else holds it.
    """
    journal = directory / "journal.jsonl"
    if takeover and journal.exists() and (header := read_journal(journal)[0]) is not None:
        directories.check_same(header, plan, directory)
    return Lease.take(directory, clock, takeover=takeover)


class FencedBackend:
    """A back-end, under a lease that others may take while it waits."""

    def __init__(self, backend: Backend, lease: Lease) -> None:
        self._backend = backend
        self._lease = lease

    def start(self, spec: AttemptSpec) -> None:
        """Have the attempt run."""
        self._backend.start(spec)

    def stop(self, key: AttemptKey) -> None:
        """Have the attempt end."""
        self._backend.stop(key)

    def poll(self, timeout_s: float) -> list[Observation]:
        """Return what happened; waits for one to happen.

        Raises:
            RunError: the run was taken over meanwhile.
        """
        with self._lease.resting():
            return self._backend.poll(timeout_s)

    def close(self) -> None:
        """End every attempt by force and let everything go."""
        self._backend.close()
