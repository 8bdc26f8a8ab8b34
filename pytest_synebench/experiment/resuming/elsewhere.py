"""A run whose trials go on on another machine each time: what they left here is out of their reach.

Nothing else differs from any other run: attempts are launched, paused at their stop level, uploaded
and brought back by the same code.

Invariants (tests/experiment/resuming/test_elsewhere.py):
- an attempt that resumes finds nothing here but what the store brought;
- what was here is kept aside, per attempt, for whoever looks for faults.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pytest_synebench.backends.protocol import AttemptKey, AttemptSpec, Backend, Observation
from pytest_synebench.experiment.journal.journal import Journal
from pytest_synebench.experiment.run import Run
from pytest_synebench.experiment.store.lease import Lease
from pytest_synebench.experiment.tuner.tuner import Tuner
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.training.probing import FOLDER

LEFT = "left"  #: of a trial's directory: the checkpoints that its attempts left, by the next one


class RunElsewhere(Run):
    """A run of trials that are resumed on another machine than the one they were paused on."""

    probing = False  #: whether the scripts' variables are looked at

    def _build_tuner(self, scheduler: Scheduler, journal: Journal, lease: Lease) -> Tuner:
        tuner = super()._build_tuner(scheduler, journal, lease)
        elsewhere = Elsewhere(tuner.parts.backend, probing=self.probing)
        return replace(tuner, parts=replace(tuner.parts, backend=elsewhere))


class ProbedRun(RunElsewhere):
    """The same, and the scripts' variables are looked at."""

    probing = True


class Elsewhere:
    """A back-end that takes a trial's checkpoints away before it resumes."""

    def __init__(self, inner: Backend, *, probing: bool) -> None:
        self._inner = inner
        self._probing = probing
        self._started: set[AttemptKey] = set()

    def start(self, spec: AttemptSpec) -> None:
        """Have the attempt run, with nothing here to resume from."""
        if spec.key not in self._started:
            self._started.add(spec.key)
            if self._probing:
                (spec.directory / FOLDER).mkdir(parents=True, exist_ok=True)
            _take_away(spec.directory, spec.key.number)
        self._inner.start(spec)

    def stop(self, key: AttemptKey) -> None:
        """Have the attempt end."""
        self._inner.stop(key)

    def poll(self, timeout_s: float) -> list[Observation]:
        """Return what happened; waits for one to happen."""
        return self._inner.poll(timeout_s)

    def close(self) -> None:
        """End every attempt by force and let everything go."""
        self._inner.close()


def _take_away(trial: Path, attempt: int) -> None:
    checkpoints = trial / "checkpoints"
    if checkpoints.exists():
        (trial / LEFT).mkdir(exist_ok=True)
        checkpoints.rename(trial / LEFT / str(attempt))
