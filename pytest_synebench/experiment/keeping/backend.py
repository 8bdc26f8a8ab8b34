"""A back-end whose attempts' checkpoints are kept in an archive, behind their backs.

Trials write on their own disk. Each checkpoint that they announce is copied by a few threads while
they go on; where copies of one attempt would queue, only the newest is made. An attempt's end is
told once what it had saved is kept: so a pause counts when the archive has it. Its slot is free
before.

Invariants (tests/experiment/keeping/test_keeping.py):
- the end of an attempt is not told before its last checkpoint is kept, or was found to be bad;
- an attempt that resumes starts only once what it resumes from is here, if it can be had;
- an archive that cannot be used breaks the run off, and no trial fails by it;
- the loop is woken by a descriptor.
"""

from __future__ import annotations

import selectors
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
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
from pytest_synebench.experiment.journal.trials import TrialRecord
from pytest_synebench.experiment.keeping import copying
from pytest_synebench.experiment.keeping.copying import Brought, Copied
from pytest_synebench.experiment.keeping.jobs import Jobs
from pytest_synebench.experiment.keeping.ledger import Ledger
from pytest_synebench.trial import TrialId, TrialState

THREADS = 4
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
        trials: Path,
        remark: Callable[[str], None],
    ) -> None:
        """Be ready.

        Args:
            inner: runs the attempts.
            wakeable: what ``inner`` waits by.
            archive: keeps their checkpoints.
            ledger: where that is written down.
            trials: directory of the trials' own.
            remark: takes a line on what could not be kept.
        """
        self._inner = inner
        self._wakeable = wakeable
        self._archive = archive
        self._ledger = ledger
        self._trials = trials
        self._remark = remark
        self._jobs: Jobs[Copied | Brought] = Jobs(THREADS)
        self._busy: dict[AttemptKey, _Frozen | None] = {}  #: being copied, and what follows
        self._held: dict[AttemptKey, AttemptEnded] = {}
        self._coming: dict[AttemptKey, bool] = {}  #: wait for what they resume from; True: stopped
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
            self._inner.start(spec)
            return
        known = self._ledger.newest(spec.key.trial_id, spec.resume_at_most)
        self._coming[spec.key] = False
        dropped = frozenset(self._ledger.dropped)
        self._jobs.submit(partial(copying.bring, self._archive, spec, known, dropped))

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
        if not told:
            self._check_failure()
        return told

    def close(self) -> None:
        """End every attempt by force, give up what is not kept yet, and let everything go."""
        self._archive.close()
        try:
            self._inner.close()
        finally:
            self._jobs.close()
            self._ledger.close()

    def catch_up(self, trials: Iterable[TrialRecord]) -> None:
        """Go on where a controller died: keep what paused trials have and the archive has not."""
        for outbox in self._trials.glob(f"*/{freezing.OUTBOX}"):
            shutil.rmtree(outbox, ignore_errors=True)
        for trial in trials:
            paused = trial.state is TrialState.PAUSED and trial.attempts_of
            if paused and self._ledger.level(trial.id, trial.level) < trial.level:
                self._keep(AttemptKey(trial.id, trial.attempts_of[-1]), trial.level)

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
            case AttemptBegan(key=key) if key in self._refused:
                told = "; ".join(filter(None, (*self._refused[key], seen.remark)))
                self._told.append(replace(seen, remark=told))
            case AttemptEnded(key=key) if key in self._busy:
                self._held[key] = seen
                self._told.append(AttemptGone(key=key))
            case _:
                self._told.append(seen)

    def _settle(self, done: Copied | Brought | Exception) -> None:
        match done:
            case Copied():
                self._copied(done)
            case Brought():
                self._brought(done)
            case StoreError():
                self._failure = f"the checkpoint_store cannot be used: {done}"
            case Exception():
                raise done

    def _copied(self, done: Copied) -> None:
        if done.sha256:
            self._ledger.note(done.place, done.sha256)
            self._told.append(AttemptKept(key=done.key, level=done.place.level))
        else:
            trial_id, _, level = done.place
            self._remark(
                f"trial {trial_id}: its checkpoint of level {level} is not kept: {done.problem}"
            )
        following = self._busy.pop(done.key)
        if following is not None:
            self._copy(done.key, following)
        elif (end := self._held.pop(done.key, None)) is not None:
            self._told.append(end)

    def _brought(self, done: Brought) -> None:
        key = done.spec.key
        if done.remarks:
            self._refused[key] = done.remarks
        if self._coming.pop(key):
            self._told.append(AttemptEnded(key=key, ok=False, detail="told to stop: it never ran"))
        else:
            self._inner.start(done.spec)

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
