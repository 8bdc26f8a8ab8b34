"""The store of checkpoints of jobs: they never are on this machine, the ledger knows of them.

Invariants (tests/experiment/remote/test_kept.py holds each one):
- what is trusted is what the archive has, as the ledger says, and nothing on this disk;
- what lies beyond a level that was given up is not trusted again.
"""

from __future__ import annotations

from pathlib import Path

from pytest_synebench.errors import CheckpointError
from pytest_synebench.experiment.keeping.ledger import Ledger
from pytest_synebench.trial import CheckpointRef, TrialId


class KeptStore:
    """Checkpoints that jobs have kept."""

    def __init__(self) -> None:
        self.ledger: Ledger | None = None  #: of the run, once it is open

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
        """Refuse: no scheduler that copies checkpoints runs over jobs.

        Raises:
            CheckpointError: always.
        """
        del target, at_most
        raise CheckpointError(
            f"trial {trial_id} cannot begin from {source}: checkpoints of jobs are not copied"
        )

    def _known(self) -> Ledger:
        if self.ledger is None:
            raise CheckpointError("the run is not open yet")
        return self.ledger


def _trial_of(directory: Path) -> TrialId:
    """Return the trial of ``…/trials/<id>/checkpoints``."""
    return TrialId(int(directory.parent.name))
