"""What a store of checkpoints is, seen by the controller.

``CheckpointStore`` looks after the directories that trials write into. ``CheckpointArchive`` keeps
copies where they outlive the machine: ``testing/checkpoint_store_suite.py`` holds its rules.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Protocol

from pytest_synebench.trial import CheckpointRef, TrialId


class CheckpointStore(Protocol):
    """Knows which checkpoints of a trial can be trusted.

    All methods may be repeated, and none trusts a name: what they call a checkpoint has been
    read whole and compared with its manifest, after whoever wrote to it last.
    """

    def newest(
        self, directory: Path, at_most: int | None, *, fresh: bool = False
    ) -> CheckpointRef | None:
        """Return the newest checkpoint that is whole, or None where there is none.

        Reads every byte of it, unless it is fresh: costs what reading and hashing costs.

        Args:
            directory: of one trial's checkpoints; may be missing.
            at_most: highest level that counts; None: any.
            fresh: whether an attempt on this machine has saved it a moment ago. Then what was
                read and compared when it was saved, and not written to since, is not read again.
        """
        ...

    def discard_beyond(self, directory: Path, level: int) -> None:
        """Remove every checkpoint later than ``level``; 0 removes all.

        Raises:
            CheckpointError: one could not be removed.
        """
        ...

    def adopt(
        self, source: Path, target: Path, at_most: int, trial_id: TrialId
    ) -> CheckpointRef | None:
        """Give a trial the newest whole checkpoint of another one as its own, and no other.

        Durable when it returns. Whatever ``target`` held before is removed: a controller may have
        died between this and writing down what it was for.

        Args:
            source: directory of the other trial's checkpoints; may be missing.
            target: directory of the trial's own; made if missing.
            at_most: highest level that counts.
            trial_id: the trial whose own it becomes.

        Returns:
            The other trial's checkpoint; None: it has none that is whole, and ``target`` none.

        Raises:
            CheckpointError: it could not be copied.
        """
        ...


class Place(NamedTuple):
    """Where an archive keeps a checkpoint: unique in an experiment."""

    trial_id: TrialId
    attempt: int  #: of the trial that saved it: two histories of a trial never overwrite each other
    level: int

    @property
    def age(self) -> tuple[int, int]:
        """Sorts a trial's checkpoints: a later attempt is of the history that counts."""
        return self.attempt, self.level


class CheckpointArchive(Protocol):
    """Keeps the checkpoints of one experiment where they outlive the machine that made them.

    Every verb may be repeated, by several threads and after a crash at any point. Nothing that
    was kept is ever changed; it goes whole, when it is removed. One controller writes an
    experiment: what a removal does to another one's is what ``claim`` and a grace are for.
    """

    def keep(self, checkpoint: Path, place: Place) -> CheckpointRef:
        """Copy a checkpoint; when this returns, all of it is kept, and was compared.

        Args:
            checkpoint: directory of its files and manifest; nobody changes it meanwhile.
            place: what to keep it as.

        Raises:
            CheckpointError: it is not whole, or other bytes are kept at this place.
            StoreError: the archive cannot be used; what it holds is as it was.
        """
        ...

    def copy(self, source: Place, target: Place, sha256: str) -> CheckpointRef:
        """Keep what is kept already as another trial's checkpoint of the same level.

        No byte of its files goes over the network; both outlive each other.

        Args:
            source: what it is kept as.
            target: what to keep it as.
            sha256: of its manifest there.

        Raises:
            CheckpointError: there is no such checkpoint, or other bytes are kept at ``target``.
            StoreError: the archive cannot be used.
        """
        ...

    def find(self, trial_id: TrialId | None = None) -> list[Place]:
        """Return where checkpoints of a trial, or of all, seem to be kept, newest history first.

        A hint: a place may be missing that was kept, and what is there must be read to be known.

        Raises:
            StoreError: the archive cannot be used.
        """
        ...

    def restore(self, place: Place, checkpoints: Path, sha256: str | None = None) -> CheckpointRef:
        """Bring a checkpoint back; when this returns, it is whole, and on this machine's disk.

        Args:
            place: what it was kept as.
            checkpoints: directory of the trial's checkpoints here; made if missing.
            sha256: of its manifest, where it is known; None: any.

        Raises:
            CheckpointError: there is none, or not as it was kept; nothing is left of it here.
            StoreError: the archive cannot be used; likewise.
        """
        ...

    def remove(self, place: Place) -> None:
        """Have no checkpoint at a place; what others share with it stays. May be repeated.

        Raises:
            StoreError: the archive cannot be used.
        """
        ...

    def collect(self, known: Iterable[Place] = (), grace_s: float = 0.0) -> None:
        """Remove what no checkpoint refers to, and what a keep that was killed has left half done.

        What this object keeps meanwhile is not touched.

        Args:
            known: checkpoints that are kept, whether or not a listing shows them.
            grace_s: what is younger stays: another controller may be about to refer to it.

        Raises:
            CheckpointError: what is referred to cannot be known; nothing was removed.
            StoreError: the archive cannot be used.
        """
        ...

    def claim(self, who: str) -> str:
        """Write down who keeps checkpoints here now; return who did before, "" for nobody.

        Raises:
            StoreError: the archive cannot be used.
        """
        ...

    def claimant(self) -> str:
        """Return who has claimed it last, "" for nobody.

        Raises:
            StoreError: the archive cannot be used.
        """
        ...

    def preflight(self) -> None:
        """Write, read and delete, before anything depends on it.

        Raises:
            StoreError: one of them failed: why, and the way out.
        """
        ...

    def close(self) -> None:
        """Have verbs give up: at once where they wait for a better moment. May be repeated."""
        ...
