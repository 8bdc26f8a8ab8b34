"""A back-end whose attempts' checkpoints are kept in an archive, behind their backs.

Trials write on their own disk. Each checkpoint that they announce is copied by a few threads while
they go on; where copies of one attempt would queue, only the newest is made. An attempt's end is
told once what it had saved is kept: so a pause counts when the archive has it. Its slot is free
before. What is not needed any more is removed by the same threads (``collecting``).

Invariants (tests/experiment/keeping/test_keeping.py, test_copies_kept.py, test_retained.py):
- the end of an attempt is not told before its last checkpoint is kept, or was found to be bad;
- an attempt that resumes starts only once what it resumes from is here, if it can be had;
- a trial that begins as a copy has a checkpoint of its own in the archive before it begins;
- what it is a copy of is sent once, although it may still be on its way by then;
- no two bring back a trial's checkpoints at once;
- an archive that cannot be used breaks the run off, and no trial fails by it;
- the loop is woken by a descriptor.
"""

from __future__ import annotations

import selectors
import shutil
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Protocol, TypeAlias

from pytest_synebench.backends.protocol import (
    AttemptBegan,
    AttemptEnded,
    AttemptGone,
    AttemptKept,
    AttemptKey,
    AttemptSaved,
    AttemptSpec,
    Backend,
    Observation,
)
from pytest_synebench.checkpoints import freezing
from pytest_synebench.checkpoints.protocol import CheckpointArchive, Place
from pytest_synebench.errors import BackendError, StoreError
from pytest_synebench.experiment.keeping import copying
from pytest_synebench.experiment.keeping.collecting import Claim, Collecting
from pytest_synebench.experiment.keeping.copying import Brought, Collected, Copied, Done
from pytest_synebench.experiment.keeping.jobs import Jobs
from pytest_synebench.experiment.keeping.ledger import Ledger
from pytest_synebench.experiment.keeping.retention import Retention
from pytest_synebench.trial import CheckpointRef, TrialId, TrialState

THREADS = 8  #: requests under way at once are bounded by the archive
_Frozen: TypeAlias = tuple[Place, Path]


class Wakeable(Protocol):
    """A back-end that waits by a selector, and can be told something to return with."""

    selector: selectors.BaseSelector

    def tell(self, observation: Observation) -> None:
        """Keep an observation for the next ``poll``."""
        ...


class KeepingBackend:
    """Runs attempts by another back-end, and keeps what they save."""

    def __init__(
        self,
        inner: Backend,
        wakeable: Wakeable,
        archive: CheckpointArchive,
        ledger: Ledger,
        *,
        retention: Retention,
        trials: Path,
        claim: Claim,
        remark: Callable[[str], None],
    ) -> None:
        """Be ready.

        Args:
            inner: runs the attempts.
            wakeable: what ``inner`` waits by.
            archive: keeps their checkpoints.
            ledger: where that is written down.
            retention: says which of them are needed.
            trials: directory of the trials' own.
            claim: on the archive.
            remark: takes a line on what could not be kept.
        """
        self._inner = inner
        self._wakeable = wakeable
        self._archive = archive
        self._ledger = ledger
        self._trials = trials
        self._remark = remark
        self._retention = retention
        self._jobs: Jobs[Done] = Jobs(THREADS)
        self._running: set[AttemptKey] = set()
        self._copies: dict[AttemptKey, Place] = {}  #: what those have that begin as copies
        self._collecting = Collecting(archive, ledger, self._jobs, retention, claim, remark)
        self._closed = False
        self._busy: dict[AttemptKey, _Frozen | None] = {}  #: being copied, and what follows
        self._held: dict[AttemptKey, AttemptEnded] = {}
        self._coming: dict[AttemptKey, bool] = {}  #: wait for what they resume from; True: stopped
        self._behind: list[AttemptSpec] = []  #: copies of what is on its way to the archive
        self._alone: defaultdict[TrialId, Lock] = defaultdict(Lock)  #: who brings back a trial's
        self._refused: dict[AttemptKey, tuple[str, ...]] = {}
        self._told: list[Observation] = []
        self._failure = ""
        wakeable.selector.register(self._jobs, selectors.EVENT_READ, self._wake)

    def start(self, spec: AttemptSpec) -> None:
        """Have the attempt run, once what it resumes from is here."""
        if spec.key in self._coming:
            return
        self._ledger.discard_beyond(spec.key.trial_id, spec.resume_at_most)
        if not spec.resume_at_most:
            self._begin(spec)
            return
        self._coming[spec.key] = False
        self._collecting.refer(spec.key.trial_id, spec.copied_from)
        self._behind.append(spec)
        self._bring_those_that_can()

    def stop(self, key: AttemptKey) -> None:
        """Have the attempt end."""
        if key in self._coming:
            self._coming[key] = True
        else:
            self._inner.stop(key)

    def poll(self, timeout_s: float) -> list[Observation]:
        """Return what happened; waits for one to happen.

        Raises:
            BackendError: the archive cannot be used; the run can be continued.
        """
        self._check_failure()
        for seen in self._inner.poll(0.0 if self._told else timeout_s):
            self._take(seen)
        for done in self._jobs.take():
            self._settle(done)
        told, self._told = self._told, []
        self._running.difference_update(one.key for one in told if isinstance(one, AttemptEnded))
        self._collecting.step()
        if not told:
            self._check_failure()
        return told

    def close(self) -> None:
        """End every attempt by force, give up what is not kept yet, and let everything go."""
        try:
            if not (self._running or self._coming or self._busy or self._failure or self._closed):
                self._collecting.finish()
        finally:
            self._closed = True
            self._archive.close()
            try:
                self._inner.close()
            finally:
                self._jobs.close()
                self._ledger.close()

    def catch_up(self) -> None:
        """Go on where a controller died: keep what paused trials have and the archive has not.

        And remove what is not needed, whatever became of who was to do that.
        """
        for outbox in self._trials.glob(f"*/{freezing.OUTBOX}"):
            shutil.rmtree(outbox, ignore_errors=True)
        trials = self._retention.table.trials
        for trial in trials.values():
            paused = trial.state is TrialState.PAUSED and trial.attempts_of
            if paused and self._ledger.level(trial.id, trial.level) < trial.level:
                self._keep(AttemptKey(trial.id, trial.attempts_of[-1]), trial.level)
        self._collecting.catch_up()

    def fetch(self, trial_id: TrialId, at_most: int) -> None:
        """Bring a trial's checkpoint back at once: another one is to begin from it.

        Raises:
            BackendError: the archive cannot be used.
        """
        known = self._ledger.newest(trial_id, at_most)
        checkpoints = self._trials / str(trial_id) / "checkpoints"
        try:
            with self._alone[trial_id]:
                copying.bring_back(
                    self._archive, trial_id, checkpoints, at_most, known, self._ledger.dropped
                )
        except StoreError as error:
            raise BackendError(f"the checkpoint_store cannot be used: {error}") from error

    def _check_failure(self) -> None:
        if self._failure:
            raise BackendError(self._failure)

    # -- what happened ---------------------------------------------------------------------------

    def _wake(self) -> None:
        # Anything does: what was done is taken in by ``poll``, under the run's lease.
        self._wakeable.tell(AttemptKept(key=AttemptKey(TrialId(0), 0), level=0))

    def _take(self, seen: Observation) -> None:
        match seen:
            case AttemptKept():
                return
            case AttemptSaved(key=key, level=level):
                self._told.append(seen)
                self._keep(key, level)
            case AttemptBegan(key=key):
                self._check_copy(seen)
                told = "; ".join(filter(None, (*self._refused.get(key, ()), seen.remark)))
                self._told.append(replace(seen, remark=told))
            case AttemptEnded(key=key) if key in self._busy:
                self._held[key] = seen
                self._told.append(AttemptGone(key=key))
            case _:
                self._told.append(seen)

    def _settle(self, done: Done | Exception) -> None:
        match done:
            case Copied():
                self._copied(done)
            case Brought():
                self._brought(done)
            case Collected():
                self._collecting.settle(done)
            case StoreError():
                self._failure = f"the checkpoint_store cannot be used: {done}"
            case Exception():
                raise done

    def _copied(self, done: Copied) -> None:
        self._note(done)
        following = self._busy.pop(done.key)
        if following is not None:
            self._copy(done.key, following)
        elif (end := self._held.pop(done.key, None)) is not None:
            self._told.append(end)
        self._bring_those_that_can()

    def _note(self, done: Copied) -> None:
        if done.sha256:
            self._ledger.note(done.place, done.sha256)
            self._told.append(AttemptKept(key=done.key, level=done.place.level))
            self._collecting.forget(done.place.trial_id)
        else:
            trial_id, _, level = done.place
            self._remark(
                f"trial {trial_id}: its checkpoint of level {level} is not kept: {done.problem}"
            )

    def _bring_those_that_can(self) -> None:
        behind, self._behind = self._behind, []
        for spec in behind:
            parent, source = spec.copied_from, self._source(spec.copied_from)
            if parent and not source and any(k.trial_id == parent.trial_id for k in self._busy):
                self._behind.append(spec)
                continue
            trial_id = spec.key.trial_id
            known = self._ledger.newest(trial_id, spec.resume_at_most)
            dropped = frozenset(self._ledger.dropped)
            alone = self._alone[trial_id]
            self._jobs.submit(partial(_bring, alone, self._archive, spec, known, dropped, source))

    def _brought(self, done: Brought) -> None:
        key = done.spec.key
        if done.own is not None:
            self._copies[key] = done.own.place
            self._note(done.own)
        self._collecting.begun(key.trial_id)
        if done.remarks:
            self._refused[key] = done.remarks
        if self._coming.pop(key):
            self._told.append(AttemptEnded(key=key, ok=False, detail="told to stop: it never ran"))
        else:
            self._begin(done.spec)

    def _begin(self, spec: AttemptSpec) -> None:
        self._running.add(spec.key)
        self._inner.start(spec)

    # -- what is kept ----------------------------------------------------------------------------

    def _keep(self, key: AttemptKey, level: int) -> None:
        frozen = freezing.freeze(self._trials / str(key.trial_id), key.number, level)
        if frozen is None:
            return
        what = (Place(key.trial_id, key.number, level), frozen)
        if key not in self._busy:
            self._copy(key, what)
            return
        if (passed := self._busy[key]) is not None:
            shutil.rmtree(passed[1], ignore_errors=True)
        self._busy[key] = what

    def _copy(self, key: AttemptKey, what: _Frozen) -> None:
        self._busy[key] = None
        place, frozen = what
        self._jobs.submit(partial(copying.copy, self._archive, key, place, frozen))

    def _source(self, parent: CheckpointRef | None) -> Place | None:
        """Return what the archive has of a checkpoint that a copy begins from."""
        if parent is None:
            return None
        known = self._ledger.newest(parent.trial_id, parent.level)
        return next((place for place, sha256 in known if sha256 == parent.sha256), None)

    def _check_copy(self, seen: AttemptBegan) -> None:
        """A copy that did not begin where it should has nothing of the other trial's."""
        place = self._copies.get(seen.key)
        if place is not None and seen.checkpoints and seen.resumed_from < place.level:
            del self._copies[seen.key]
            self._collecting.remove(place)


def _bring(
    alone: Lock,
    archive: CheckpointArchive,
    spec: AttemptSpec,
    known: Sequence[tuple[Place, str]],
    dropped: Collection[Place],
    source: Place | None,
) -> Brought:
    with alone:
        return copying.bring(archive, spec, known, dropped, source)
