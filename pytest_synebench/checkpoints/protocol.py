"""What a store of checkpoints is, seen by the controller."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from pytest_synebench.trial import CheckpointRef


class CheckpointStore(Protocol):
    """Knows which checkpoints of a trial can be trusted.

    Both methods may be repeated, and neither trusts a name: what they call a checkpoint has been
    read whole and compared with its manifest.
    """

    def newest(self, directory: Path, at_most: int | None) -> CheckpointRef | None:
        """Return the newest checkpoint that is whole, or None where there is none.

        Reads every byte of it: costs what reading and hashing costs.

        Args:
            directory: of one trial's checkpoints; may be missing.
            at_most: highest level that counts; None: any.
        """
        ...

    def discard_beyond(self, directory: Path, level: int) -> None:
        """Remove every checkpoint later than ``level``; 0 removes all.

        Raises:
            CheckpointError: one could not be removed.
        """
        ...
