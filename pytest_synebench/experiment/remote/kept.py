"""The store of checkpoints of jobs: they never are on this machine, the ledger knows of them.

Invariants (tests/experiment/remote/test_kept.py holds each one):
- what is trusted is what the archive has, as the ledger says, and nothing on this disk;
- what lies beyond a level that was given up is not trusted again;
- a copy is one more manifest in the bucket: no byte of a checkpoint moves, and what was there of
  the trial before is gone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pytest_synebench.checkpoints.protocol import CheckpointArchive, Place
from pytest_synebench.errors import BackendError, CheckpointError, StoreError
from pytest_synebench.experiment.keeping.ledger import Ledger
from pytest_synebench.trial import CheckpointRef, TrialId


class KeptStore:
    """Checkpoints that jobs have kept."""

    def __init__(self, archive: Callable[[], CheckpointArchive]) -> None:
        """Ask nothing yet.

        Args:
            archive: opens what the jobs keep them in.
        """
        self.ledger: Ledger | None = None  #: of the run, once it is open
        self._open = archive
        self._archive: CheckpointArchive | None = None

    def newest(
        self,
        directory: Path,
        at_most: int | None,
        *,
        fresh: bool = False,  # noqa: ARG002 - it was compared where it is kept
    ) -> CheckpointRef | None:
        """Return the newest checkpoint that is kept, or None where there is none.

        Args:
            directory: of one trial's checkpoints, which names the trial.
            at_most: highest level that counts; None: any.
            fresh: of no meaning: the store has compared what it has.
        """
        trial_id = _trial_of(directory)
        found = self._known().newest(trial_id, 2**63 if at_most is None else at_most)
        if not found:
            return None
        place, sha256 = found[0]
        return CheckpointRef(trial_id=trial_id, level=place.level, sha256=sha256)

    def discard_beyond(self, directory: Path, level: int) -> None:
        """Forget every checkpoint later than ``level``; 0 forgets all. May be repeated."""
        self._known().discard_beyond(_trial_of(directory), level)

    def adopt(
        self, source: Path, target: Path, at_most: int, trial_id: TrialId
    ) -> CheckpointRef | None:
        """Give a trial the newest whole checkpoint of another one as its own, and no other.

        Args:
            source: directory of the other trial's checkpoints, which names it.
            target: directory of the trial's own.
            at_most: highest level that counts.
            trial_id: the trial whose own it becomes.

        Returns:
            The other trial's checkpoint; None: it has none that is whole.

        Raises:
            BackendError: the bucket cannot be used.
        """
        del target
        known = self._known()
        try:
            self._archive = self._archive or self._open()
            # A controller may have died between this and writing down what it was for.
            known.discard_beyond(trial_id, 0)
            for place in self._archive.find(trial_id):
                self._archive.remove(place)
            return self._copied(self._archive, known, _trial_of(source), at_most, trial_id)
        except StoreError as error:
            raise BackendError(f"the jobs' store cannot be used: {error}") from error

    def _copied(
        self,
        archive: CheckpointArchive,
        known: Ledger,
        source: TrialId,
        at_most: int,
        trial_id: TrialId,
    ) -> CheckpointRef | None:
        for place, sha256 in known.newest(source, at_most):
            target = Place(trial_id, 0, place.level)
            try:
                copied = archive.copy(place, target, sha256)
            except CheckpointError:  # it is not whole: the one before it may be
                continue
            known.note(target, copied.sha256)
            return CheckpointRef(trial_id=source, level=place.level, sha256=sha256)
        return None

    def _known(self) -> Ledger:
        if self.ledger is None:
            raise CheckpointError("the run is not open yet")
        return self.ledger


def _trial_of(directory: Path) -> TrialId:
    """Return the trial of ``…/trials/<id>/checkpoints``."""
    return TrialId(int(directory.parent.name))
