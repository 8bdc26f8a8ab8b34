"""Checkpoints of trials that are simulated: there are no files, and each that was due is good.

Invariants (tests/checkpoints/test_simulated.py):
- the checkpoint of the level asked for is always there, for a copy of a trial as well;
- nothing is read, made or removed.
"""

from __future__ import annotations

from pathlib import Path

from pytest_synebench.trial import CheckpointRef, TrialId


class SimulatedStore:
    """Says yes."""

    def newest(
        self,
        directory: Path,
        at_most: int | None,
        *,
        fresh: bool = False,  # noqa: ARG002 - nothing is read
    ) -> CheckpointRef | None:
        """Return the checkpoint of the level asked for."""
        if at_most is None:
            return None
        return CheckpointRef(trial_id=TrialId(int(directory.parent.name)), level=at_most, sha256="")

    def discard_beyond(self, directory: Path, level: int) -> None:
        """Nothing to remove."""

    def adopt(
        self,
        source: Path,
        target: Path,  # noqa: ARG002 - nothing is copied
        at_most: int,
        trial_id: TrialId,  # noqa: ARG002
    ) -> CheckpointRef | None:
        """Return the other trial's checkpoint of the level asked for."""
        return self.newest(source, at_most)
