"""A back-end beside which checkpoints that nobody needs leave this machine's disk.

A trial looks after its own two generations while it saves. What is left when it is over is removed
here, once its processes are gone.

Invariants (tests/experiment/keeping/test_tidying.py):
- nothing of a trial goes while one of its processes lives, and nothing that is still needed;
- what a controller that died did not remove, the next one does;
- where uploads are slower than trials and there is a budget of disk, new attempts wait for them;
- what cannot be removed is said once, and fails nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pytest_synebench.backends.protocol import (
    AttemptBegan,
    AttemptEnded,
    AttemptGone,
    AttemptKey,
    AttemptSaved,
    AttemptSpec,
    Backend,
    Observation,
)
from pytest_synebench.checkpoints.local import LocalStore
from pytest_synebench.errors import CheckpointError
from pytest_synebench.experiment.keeping.disk_budget import DiskBudget
from pytest_synebench.experiment.keeping.retention import Retention
from pytest_synebench.trial import TrialId


class TidyingBackend:
    """Runs attempts by another back-end, and removes what their trials have left."""

    def __init__(
        self,
        inner: Backend,
        *,
        retention: Retention,
        budget: DiskBudget,
        trials: Path,
        remark: Callable[[str], None],
    ) -> None:
        """Be ready.

        Args:
            inner: runs the attempts.
            retention: says which checkpoints are needed.
            budget: of the disk.
            trials: directory of the trials' own.
            remark: takes a line on what could not be removed.
        """
        self._inner = inner
        self._retention = retention
        self._budget = budget
        self._trials = trials
        self._remark = remark
        self._store = LocalStore()
        self._live: dict[TrialId, AttemptKey] = {}
        self._leaving: set[AttemptKey] = set()  #: gone, with a checkpoint on its way to the archive
        self._waiting: dict[AttemptKey, AttemptSpec] = {}  #: for that, where there is no room
        self._stopped: list[Observation] = []  #: ends of those that were stopped while they waited
        self._due: set[TrialId] = set()  #: that may be over, and were not looked at since
        self._ended = 0  #: trials that had ended when it was last looked
        self._best: TrialId | None = None
        self._failed = False

    def start(self, spec: AttemptSpec) -> None:
        """Have the attempt run, once what others have saved is on its way no more."""
        self._live[spec.key.trial_id] = spec.key
        if self._leaving and self._budget.exceeded:
            self._waiting[spec.key] = spec
        else:
            self._inner.start(spec)

    def stop(self, key: AttemptKey) -> None:
        """Have the attempt end."""
        if self._waiting.pop(key, None) is not None:
            self._stopped.append(AttemptEnded(key=key, ok=False, detail="it never ran"))
        else:
            self._inner.stop(key)

    def poll(self, timeout_s: float) -> list[Observation]:
        """Return what happened; waits for one to happen.

        Raises:
            BackendError: the checkpoints take more than they may, and none can go.
        """
        self._tidy()
        if self._waiting and not (self._leaving and self._budget.exceeded):
            for key in list(self._waiting):
                self._inner.start(self._waiting.pop(key))
        stopped, self._stopped = self._stopped, []
        told = self._inner.poll(0.0 if stopped else timeout_s)
        return [self._take(seen) for seen in (*stopped, *told)]

    def close(self) -> None:
        """End every attempt by force, and let everything go."""
        self._inner.close()
        self._live.clear()
        self._leaving.clear()
        try:
            self._tidy(settling=True)  # what is still too much breaks nothing off any more
        except OSError as error:  # a full disk, say: why the run ends, and no reason not to
            self._say_once(str(error))

    def _take(self, seen: Observation) -> Observation:
        trial_id = seen.key.trial_id
        match seen:
            case AttemptSaved(level=level):
                self._budget.saved(trial_id, level, self._remark)
            case AttemptGone(key=key):
                self._leaving.add(key)
            case AttemptEnded(key=key) if self._live.get(trial_id) == key:
                del self._live[trial_id]
                self._leaving.discard(key)
                self._budget.measure(trial_id)
            case AttemptBegan(checkpoints=True, resumed_from=0):
                if level := self._budget.removed_level(trial_id):
                    why = (
                        f"its checkpoint of level {level} had been removed, to keep to "
                        "checkpoint_disk_mb: it begins anew"
                    )
                    return replace(seen, remark="; ".join(filter(None, (why, seen.remark))))
            case _:
                pass
        return seen

    def _tidy(self, *, settling: bool = False) -> None:
        self._clear_those_over()
        try:
            for told in self._budget.keep_to(self._live, settling=settling or bool(self._leaving)):
                self._remark(told)
        except CheckpointError as error:
            self._say_once(str(error))

    def _clear_those_over(self) -> None:
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
            self._say_once(f"trial {trial_id}: {error}")
        self._budget.measure(trial_id)

    def _say_once(self, problem: str) -> None:
        if not self._failed:
            self._failed = True
            self._remark(f"{problem}; it stays, and takes up space")
