"""The platform that SageMaker is: attempts in, jobs out, and where they stand.

Invariants (tests/backends/sagemaker/test_service.py holds each one, against the emulator):
- an attempt has one job, whatever answers are lost and however often it is created;
- what may pass is told apart from what never will, and from what ends the run;
- states come by lists of all jobs; one job is looked at by itself once, when it has ended;
- a job whose request a dead controller had sent is ended, whenever it turns up;
- of every job that has ended the service's own count of its time is asked for, once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pytest_synebench.backends.protocol import AttemptKey, AttemptSpec
from pytest_synebench.backends.sagemaker import limits
from pytest_synebench.backends.sagemaker.names import Names
from pytest_synebench.backends.sagemaker.platform import (
    BusyError,
    JobState,
    Phase,
    RefusedJobError,
)
from pytest_synebench.backends.sagemaker.port import NotNowError, RefusedError, TrainingJobs
from pytest_synebench.backends.sagemaker.spending.bill import Bill
from pytest_synebench.backends.sagemaker.statuses import Seen, Standing, after
from pytest_synebench.errors import BackendError, UsageError
from pytest_synebench.training.agent.orders import VARIABLE
from pytest_synebench.trial import TrialId

_OVERLAP_S = 120.0  #: that lists look back, beyond the newest change they have shown
_PHASES = {
    Standing.WAITING: Phase.WAITING,
    Standing.INTERRUPTED: Phase.WAITING,
    Standing.PLACED: Phase.PLACED,
    Standing.ENDING: Phase.PLACED,
    Standing.ENDED: Phase.ENDED,
}
_RUNS = frozenset({Standing.WAITING, Standing.INTERRUPTED, Standing.PLACED})


class SageMakerPlatform:
    """The jobs of one run."""

    def __init__(
        self,
        jobs: TrainingJobs,
        names: Names,
        request: Callable[[AttemptSpec], Mapping[str, Any]],
        bill: Bill | None = None,
    ) -> None:
        """Ask nothing yet.

        Args:
            jobs: the service.
            names: of the run's jobs.
            request: makes the request of an attempt.
            bill: is told what is seen of jobs, and what the service counts of their time.
        """
        self._jobs, self._names, self._request = jobs, names, request
        self._bill = bill
        self._seen: dict[str, Seen] = {}
        self._looked_at: set[str] = set()  #: ended jobs whose end is known whole
        self._newest_s = 0.0
        self._asked: dict[TrialId, int] = {}  #: number of the newest attempt asked for, by trial

    def create(self, spec: AttemptSpec, orders_url: str) -> None:
        """Have a job run an attempt; one that is there already is the attempt's.

        Raises:
            BusyError: not now.
            RefusedJobError: not ever.
        """
        request = self._request(spec)
        if request["Environment"][VARIABLE] != orders_url:
            raise BackendError(f"the orders of {spec.key} are at {orders_url}, not where it looks")
        self._asked[spec.key.trial_id] = spec.key.number
        try:
            limits.check(request)
            with _not_now():
                self._jobs.create(request)
        except (UsageError, RefusedError) as error:
            raise RefusedJobError(str(error)) from None

    def stop(self, key: AttemptKey) -> bool:
        """Ask a job to end; return whether there is one.

        Raises:
            BusyError: not now.
        """
        name = self._names.job(key)
        with _not_now():
            there = self._jobs.describe(name) is not None
            self._jobs.stop(name)
        return there

    def states(self, keys: Iterable[AttemptKey]) -> Mapping[AttemptKey, JobState]:
        """Return where jobs stand; one that is not to be seen yet is left out.

        Raises:
            BusyError: not now.
        """
        with _not_now():
            for name in self._list(self._newest_s - _OVERLAP_S):
                self._jobs.stop(name)
            names = {key: self._names.job(key) for key in keys}
            return {
                key: _state(self._whole(name)) for key, name in names.items() if name in self._seen
            }

    def unfinished(self) -> list[AttemptKey]:
        """Return all jobs of the run that have not ended, whoever started them.

        Raises:
            BusyError: not now.
        """
        with _not_now():
            self._list(0.0)
            for name in self._bill.uncounted() if self._bill else ():
                self._whole(name)
        named = ((self._names.attempt(name), seen) for name, seen in self._seen.items())
        return sorted(key for key, seen in named if key and seen.standing is not Standing.ENDED)

    def _list(self, since_s: float) -> list[str]:
        """Take in where jobs stand; return those that run although a later attempt was asked for.

        A request that a dead controller had sent may be carried out after the next one has looked.
        """
        former = []
        for summary in self._jobs.named(self._names.prefix, max(0.0, since_s)):
            name = str(summary["TrainingJobName"])
            seen = self._seen[name] = after(self._seen.get(name, Seen()), summary)
            self._newest_s = max(self._newest_s, seen.modified_s)
            if self._bill is not None:
                self._bill.saw(name, seen)
            key = self._names.attempt(name)
            if key and seen.standing in _RUNS and key.number < self._asked.get(key.trial_id, 0):
                former.append(name)
        return former

    def _whole(self, name: str) -> Seen:
        """Return what is known of a job: why it ended stands in no list."""
        seen = self._seen[name]
        if seen.standing is not Standing.ENDED or name in self._looked_at:
            return seen
        told = self._jobs.describe(name)
        whole = seen if told is None else after(Seen(), told)
        if whole.standing is Standing.ENDED:  # else the list was ahead of it: it is asked again
            self._looked_at.add(name)
            self._seen[name] = whole
            if self._bill is not None and told is not None:
                self._bill.counted(name, whole.billable_s)
        return whole


def _state(seen: Seen) -> JobState:
    return JobState(phase=_PHASES[seen.standing], ok=seen.ok, detail=seen.detail)


@contextmanager
def _not_now() -> Iterator[None]:
    try:
        yield
    except NotNowError as error:
        raise BusyError(f"SageMaker takes no request now ({error.why.name}): {error}") from None
