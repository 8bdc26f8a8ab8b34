"""What the checkpoints of a run may take of this machine's disk, and what goes when it is more.

First the older generation of trials that are paused; then all of theirs that the archive has, which
brings it back; then, where there is no archive, those of the paused trials that are least likely to
be resumed. One of these that is resumed after all begins anew, and says so. What is still too much
breaks the run off, which can go on with a larger budget.

Nothing goes by chance or timing in deterministic mode: what the journal says must not depend on how
much is on a disk. There the last step is left out.

Invariants (tests/experiment/keeping/test_disk_budget.py holds each one):
- what takes no more than the budget stays, and of what takes more no more goes than must;
- nothing of a trial that is not paused goes, and nothing while one of its processes lives;
- a budget that the disk, or so many trials at once, cannot keep to is refused as soon as that can
  be known.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TypeAlias

from pytest_synebench.checkpoints.local import LocalStore
from pytest_synebench.durable import replace_file
from pytest_synebench.errors import BackendError
from pytest_synebench.experiment.journal.trials import TrialRecord, TrialTable
from pytest_synebench.experiment.keeping.ledger import Ledger
from pytest_synebench.trial import TrialId, TrialState

MB = 2**20
_REMOVED = "removed_checkpoint"  #: in a trial's directory: the level of what was removed
_GENERATIONS = 2

Order: TypeAlias = Callable[[list[TrialRecord]], list[TrialId]]


class DiskBudget:
    """Of one run."""

    def __init__(
        self,
        trials: Path,
        table: TrialTable,
        *,
        limit_bytes: int | None,
        at_once: int,
        ledger: Ledger | None = None,
        order: Order | None = None,
    ) -> None:
        """Look at what there is.

        Args:
            trials: directory of the trials' own.
            table: says how they stand.
            limit_bytes: that checkpoints may take; None: as much as there is.
            at_once: trials that run at the same time, at most.
            ledger: of what the archive has; None: there is none.
            order: of paused trials, those first that are least likely to be resumed; None: none of
                them may lose what it has.

        Raises:
            BackendError: the disk does not have so much.
        """
        self._trials = trials
        self._table = table
        self._limit = limit_bytes
        self._at_once = at_once
        self._ledger = ledger
        self._order = order
        self._store = LocalStore()
        self._sizes: dict[TrialId, int] = {}
        self._checked = False
        for trial_id in table.trials:
            self.measure(trial_id)
        self._check_disk()

    @property
    def used_bytes(self) -> int:
        """What the checkpoints take."""
        return sum(self._sizes.values())

    def measure(self, trial_id: TrialId) -> None:
        """Look at what a trial's checkpoints take by now."""
        if self._limit is not None:
            self._sizes[trial_id] = _size(self._checkpoints(trial_id))

    def saved(self, trial_id: TrialId, level: int, remark: Callable[[str], None]) -> None:
        """Take in that a trial has saved.

        Raises:
            BackendError: so many trials at once cannot keep to the budget.
        """
        self.measure(trial_id)
        if not self._checked:
            self._checked = True
            self._check_size(_size(self._checkpoints(trial_id) / f"{level:08d}"), remark)

    @property
    def exceeded(self) -> bool:
        """Whether they take too much."""
        return self._limit is not None and self.used_bytes > self._limit

    def keep_to(self, live: Collection[TrialId], *, settling: bool = False) -> list[str]:
        """Remove what it takes; return what people should know.

        Args:
            live: trials that have a process, or whose last checkpoint is on its way to the archive.
            settling: whether the latter is so of one: it will be less then.

        Raises:
            BackendError: nothing more can go, and it is too much.
            CheckpointError: something cannot be removed.
        """
        if not self.exceeded:
            return []
        idle = [
            trial
            for trial in self._table.trials.values()
            if trial.state is TrialState.PAUSED and trial.id not in live and self._size_of(trial)
        ]
        for trial in idle:
            self._reduce(trial, [trial.level])
        if self._ledger is not None:
            for trial in idle:
                if self._ledger.level(trial.id, trial.level) == trial.level:
                    self._reduce(trial, [])
        told = self._give_up(idle) if self._ledger is None else []
        if not settling:
            self._check_used()
        return told

    def removed_level(self, trial_id: TrialId) -> int:
        """Return the level of the checkpoint that a trial had to give up, once; 0: of none."""
        mark = self._trials / str(trial_id) / _REMOVED
        try:
            level = int(mark.read_text())
            mark.unlink()
        except (FileNotFoundError, ValueError):
            return 0
        return level

    def _give_up(self, idle: list[TrialRecord]) -> list[str]:
        gone = []
        for trial_id in self._order(idle) if self._order is not None else ():
            trial = self._table.trials[trial_id]
            if self._reduce(trial, [], lost=True):
                gone.append(f"#{trial_id}@{trial.level}")
        if not gone:
            return []
        which = ", ".join(gone)
        why = "were removed, the least likely to be resumed"
        return [f"checkpoint_disk_mb: the checkpoints of {which} {why}"]

    def _reduce(self, trial: TrialRecord, levels: list[int], *, lost: bool = False) -> bool:
        """Leave a paused trial these levels, where it is still too much; return whether it was."""
        if not self.exceeded or not self._size_of(trial):
            return False
        if lost:
            # Before: a trial that begins anew without a word would be the worse death.
            data = b"%d" % trial.level
            replace_file(self._trials / str(trial.id) / _REMOVED, data)
        self._store.retain(self._checkpoints(trial.id), levels)
        self.measure(trial.id)
        return True

    def _size_of(self, trial: TrialRecord) -> int:
        return self._sizes.get(trial.id, 0)

    def _checkpoints(self, trial_id: TrialId) -> Path:
        return self._trials / str(trial_id) / "checkpoints"

    def _check_disk(self) -> None:
        if self._limit is None:
            return
        free = shutil.disk_usage(self._trials).free + self.used_bytes
        if free < self._limit:
            raise BackendError(
                f"checkpoint_disk_mb is {self._limit // MB}, and the disk of {self._trials} has "
                f"{free // MB} MB for checkpoints: give at most that, free some, or name another "
                "place with --synebench-storage"
            )

    def _check_size(self, size: int, remark: Callable[[str], None]) -> None:
        least = (self._at_once + 1) * _GENERATIONS * size
        what = (
            f"a checkpoint has {size / MB:.1f} MB, and {self._at_once} trials at once and the best "
            f"one keep {_GENERATIONS} each: {least / MB:.1f} MB"
        )
        if self._limit is not None and least > self._limit:
            raise BackendError(
                f"{what}; checkpoint_disk_mb is {self._limit // MB}: raise it, or lower "
                "num_workers, and go on with --synebench-resume"
            )
        free = shutil.disk_usage(self._trials).free
        if self._limit is None and least > free:
            remark(
                f"{what}; the disk of {self._trials} has {free / MB:.1f} MB left: free some, or "
                "have checkpoints removed with --checkpoint_disk_mb"
            )

    def _check_used(self) -> None:
        if self._limit is not None and self.exceeded:
            raise BackendError(
                f"the checkpoints of this run take {self.used_bytes / MB:.1f} MB, "
                f"checkpoint_disk_mb is {self._limit // MB}, and no paused trial has any that may "
                "go: raise it, or name a checkpoint_store, and go on with --synebench-resume"
            )


def _size(path: Path) -> int:
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size  # noqa: PTH118 - half the time
            except FileNotFoundError:  # its generation went meanwhile
                continue
    return total
