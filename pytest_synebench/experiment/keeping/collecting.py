"""What an archive has and nobody needs: written down first, then removed by a thread.

Collecting lists all there is, so it is done when what waits to be removed is a small part of it,
and once more when the run is over.

Invariants (tests/experiment/keeping/test_retained.py):
- what is not needed is written down as such before it is removed, so the next controller removes it
  if this one dies;
- a controller that is followed elsewhere removes nothing more, and says so;
- what cannot be removed is said, and neither trial nor run fails by it;
- what a trial begins from as a copy is not removed before it has one of its own.
"""

from __future__ import annotations

import select
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial

from pytest_synebench.checkpoints.protocol import CheckpointArchive, Place
from pytest_synebench.experiment.keeping import copying
from pytest_synebench.experiment.keeping.copying import Collected, Done
from pytest_synebench.experiment.keeping.jobs import Jobs
from pytest_synebench.experiment.keeping.ledger import Ledger
from pytest_synebench.experiment.keeping.retention import ALL, Retention
from pytest_synebench.trial import CheckpointRef, TrialId

_SHARE = 8  #: of what is kept: so many times what waits to be removed
_PATIENCE_S = 20.0  #: for the last collection of a run that is over


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """On an archive, by one controller."""

    who: str
    grace_s: float = 0.0  #: what is younger stays, although nothing refers to it


class Collecting:
    """Removes what is not needed."""

    def __init__(
        self,
        archive: CheckpointArchive,
        ledger: Ledger,
        jobs: Jobs[Done],
        retention: Retention,
        claim: Claim,
        remark: Callable[[str], None],
    ) -> None:
        """Begin with nothing to remove.

        Args:
            archive: has the checkpoints.
            ledger: where that is written down.
            jobs: the threads.
            retention: says which of them are needed.
            claim: on the archive.
            remark: takes a line on why something is not removed.
        """
        self._archive = archive
        self._ledger = ledger
        self._jobs = jobs
        self._retention = retention
        self._claim = claim
        self._remark = remark
        self._gone: list[Place] = []  #: written down, and still to be removed
        self._going = 0  #: collections under way
        self._problems: set[str] = set()  #: that were told
        self._copies: dict[TrialId, tuple[TrialId, int]] = {}  #: what those refer to that begin
        self._ended = 0  #: trials that had ended when it was last looked
        self._best: TrialId | None = None

    def catch_up(self) -> None:
        """Remove what is not needed, whatever became of who was to do that."""
        trials = self._retention.table.trials
        for trial in self._retention.table.running():
            self.refer(trial.id, trial.checkpoint)
        for trial_id in self._ledger.trials():
            self.forget(trial_id)
        over = frozenset(trial_id for trial_id in trials if self._retention.over(trial_id))
        dropped = frozenset() if self._retention.rule == ALL else frozenset(self._ledger.dropped)
        referenced = frozenset(self._copies.values())

        def unneeded() -> list[Place]:
            return [
                one
                for one in self._archive.find()
                if one in dropped
                or (one.trial_id in over and (one.trial_id, one.level) not in referenced)
            ]

        self._gone.clear()  # they are among the dropped
        self._submit(unneeded)

    def refer(self, trial_id: TrialId, parent: CheckpointRef | None) -> None:
        """Note what a trial begins from as a copy, until it has a checkpoint of its own."""
        if parent is not None and not self._ledger.newest(trial_id, sys.maxsize):
            self._copies[trial_id] = (parent.trial_id, parent.level)

    def begun(self, trial_id: TrialId) -> None:
        """Note that a copy has a checkpoint of its own, or never will."""
        self._copies.pop(trial_id, None)

    def forget(self, trial_id: TrialId) -> None:
        """Write down what is not needed of a trial."""
        known = [place for place, _ in self._ledger.newest(trial_id, sys.maxsize)]
        for place in self._retention.unneeded(known, self._copies.values()):
            self._ledger.remove(place)
            self._gone.append(place)

    def remove(self, place: Place) -> None:
        """Remove a checkpoint at once."""
        self._ledger.remove(place)
        self._submit(lambda: [place])

    def step(self) -> None:
        """Remove what is not needed since trials ended, or another one became the best."""
        self._look()
        if self._gone and not self._going and len(self._gone) * _SHARE >= self._ledger.count:
            self._collect()

    def finish(self) -> None:
        """Leave nothing behind that is not needed, where that is soon done."""
        self._look()
        if self._gone:
            self._collect()
        while self._going and select.select([self._jobs], [], [], _PATIENCE_S)[0]:
            for done in self._jobs.take():
                if isinstance(done, Collected):
                    self.settle(done)

    def settle(self, done: Collected) -> None:
        """Take in that a collection is done."""
        self._going -= 1
        if done.problem and done.problem not in self._problems:
            self._problems.add(done.problem)
            self._remark(done.problem)

    def _look(self) -> None:
        table = self._retention.table
        if len(table.ended) > self._ended:
            for trial_id in table.ended[self._ended :]:
                self.forget(trial_id)
            self._ended = len(table.ended)
        if self._best != self._retention.best:
            if self._best is not None:
                self.forget(self._best)
            self._best = self._retention.best

    def _collect(self) -> None:
        gone, self._gone = self._gone, []
        # One that is kept again since is needed again.
        self._submit(lambda: [place for place in gone if place in self._ledger.dropped])

    def _submit(self, unneeded: Callable[[], Collection[Place]]) -> None:
        self._going += 1
        known, claim = self._ledger.all(), self._claim
        self._jobs.submit(
            partial(copying.collect, self._archive, unneeded, known, claim.who, claim.grace_s)
        )
