"""A back-end beside which checkpoints that nobody needs leave this machine's disk.

A trial looks after its own two generations while it saves. What is left when it is over is removed
here, once its processes are gone.

Invariants (tests/experiment/keeping/test_tidying.py):
- nothing of a trial goes while one of its processes lives, and nothing that is still needed;
- what a controller that died did not remove, the next one does;
- what cannot be removed is said once, and fails nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pytest_synebench.backends.protocol import (
    AttemptEnded,
    AttemptKey,
    AttemptSpec,
    Backend,
    Observation,
)
from pytest_synebench.checkpoints.local import LocalStore
from pytest_synebench.errors import CheckpointError
from pytest_synebench.experiment.keeping.retention import Retention
from pytest_synebench.trial import TrialId


class TidyingBackend:
    """Runs attempts by another back-end, and removes what their trials have left."""

    def __init__(
        self,
        inner: Backend,
        *,
        retention: Retention,
        trials: Path,
        remark: Callable[[str], None],
    ) -> None:
        """Be ready.

        Args:
            inner: runs the attempts.
            retention: says which checkpoints are needed.
            trials: directory of the trials' own.
            remark: takes a line on what could not be removed.
        """
        self._inner = inner
        self._retention = retention
        self._trials = trials
        self._remark = remark
        self._store = LocalStore()
        self._live: dict[TrialId, AttemptKey] = {}
        self._due: set[TrialId] = set()  #: that may be over, and were not looked at since
        self._ended = 0  #: trials that had ended when it was last looked
        self._best: TrialId | None = None
        self._failed = False

    def start(self, spec: AttemptSpec) -> None:
        """Have the attempt run."""
        self._live[spec.key.trial_id] = spec.key
        self._inner.start(spec)

    def stop(self, key: AttemptKey) -> None:
        """Have the attempt end."""
        self._inner.stop(key)

    def poll(self, timeout_s: float) -> list[Observation]:
        """Return what happened; waits for one to happen."""
        self._tidy()
        told = self._inner.poll(timeout_s)
        for seen in told:
            if isinstance(seen, AttemptEnded) and self._live.get(seen.key.trial_id) == seen.key:
                del self._live[seen.key.trial_id]
        return told

    def close(self) -> None:
        """End every attempt by force, and let everything go."""
        self._inner.close()
        self._live.clear()
        self._tidy()

    def _tidy(self) -> None:
        table, best = self._retention.table, self._retention.best
        if len(table.ended) > self._ended:
            self._due.update(table.ended[self._ended :])
            self._ended = len(table.ended)
        if best != self._best:
            if self._best is not None:
                self._due.add(self._best)
            self._best = best
        for trial_id in [one for one in self._due if one not in self._live]:
            self._due.discard(trial_id)
            if self._retention.over(trial_id):
                self._clear(trial_id)

    def _clear(self, trial_id: TrialId) -> None:
        checkpoints = self._trials / str(trial_id) / "checkpoints"
        try:
            self._store.retain(checkpoints, ())
        except CheckpointError as error:
            if not self._failed:
                self._failed = True
                self._remark(f"trial {trial_id}: {error}; it stays, and takes up space")
