"""Which checkpoints of a run may still be needed: a question to the trials, which changes nothing.

By default a trial that may go on keeps its two newest, so that one that turns out to be damaged is
not the end; so does one that failed, for whoever looks into it. A trial that completed or was
stopped keeps none, but for the best one: that is the model people came for. What a copy was begun
from is needed until the copy has one of its own.

Invariants (tests/experiment/keeping/test_retention.py holds each one):
- the newest checkpoint of a trial that is running, paused or failed is always needed, and the one
  before it;
- the best trial's newest is needed, and the first that has what its best report had;
- what a copy refers to is needed, whatever became of the trial it is of;
- with ``all`` everything is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pytest_synebench.checkpoints.manifest import KEEP
from pytest_synebench.checkpoints.protocol import Place
from pytest_synebench.experiment.journal.trials import TrialTable
from pytest_synebench.trial import TrialId, TrialState

NEEDED, ALL = "needed", "all"
_OVER = (TrialState.COMPLETED, TrialState.STOPPED)


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept of one run."""

    table: TrialTable
    rule: str = NEEDED

    def over(self, trial_id: TrialId) -> bool:
        """Whether no checkpoint of a trial is needed any more, but for what a copy refers to."""
        trial = self.table.trials.get(trial_id)
        return (
            self.rule == NEEDED
            and trial is not None
            and trial.state in _OVER
            and self.best != trial_id
        )

    @property
    def best(self) -> TrialId | None:
        """The trial that had the best report so far."""
        return None if self.table.best is None else self.table.best.trial_id

    def unneeded(
        self, places: Sequence[Place], referenced: Collection[tuple[TrialId, int]] = ()
    ) -> list[Place]:
        """Return which checkpoints of one trial can go.

        Args:
            places: all that it has, the newest first.
            referenced: trial and level of those that copies refer to.
        """
        if self.rule == ALL or not places:
            return []
        trial_id = places[0].trial_id
        needed = {one for one in places if (one.trial_id, one.level) in referenced}
        if not self.over(trial_id):
            needed.update(places[:KEEP])
        best = self.table.best
        if best is not None and best.trial_id == trial_id:
            needed.update([one for one in places if one.level >= best.resource][-1:])
        return [one for one in places if one not in needed]
