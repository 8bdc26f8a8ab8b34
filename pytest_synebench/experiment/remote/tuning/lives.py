"""The jobs of one submission: the first has its name, each that goes on another number behind it.

    toy-20260101T000000-ab12cd, toy-20260101T000000-ab12cd-2, …

Invariants (tests/experiment/remote/tuning/test_lives.py holds each one):
- whoever has a run go on, and however often, there is one job of each number;
- a name that is no submission's is refused, with what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Event
from typing import Any

from pytest_synebench.backends.sagemaker.names import LONGEST, is_name
from pytest_synebench.backends.sagemaker.port import BotoTrainingJobs
from pytest_synebench.backends.sagemaker.statuses import Seen, Standing, after
from pytest_synebench.backends.sagemaker.tuner import VARIABLE
from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.remote.tuning.submitting import create


def record_url(jobs: BotoTrainingJobs, name: str, region: str) -> str:
    """Return where the record of a submission is.

    Raises:
        UsageError: no submission has this name.
        NotNowError: the service does not say.
    """
    if not is_name(name):
        raise UsageError(
            f"--synebench-attach: {name!r} is no name of a job, which has at most {LONGEST} "
            "letters, digits and dashes; --synebench-remote prints the names"
        )
    told = jobs.describe(name)
    if told is None:
        raise UsageError(
            f"--synebench-attach: no job is called {name!r} in this account and region ({region}); "
            "--synebench-remote prints the names, and `aws sagemaker list-training-jobs` has them"
        )
    url = told.get("Environment", {}).get(VARIABLE)
    if not url:
        raise UsageError(
            f"--synebench-attach: {name!r} is a training job, and none that --synebench-remote "
            "has submitted; give the name that it has printed"
        )
    return str(url)


class Lives:
    """The jobs of one submission, one after the other."""

    def __init__(
        self,
        jobs: BotoTrainingJobs,
        name: str,
        request: Mapping[str, Any],
        wait: Callable[[float], object] | None = None,
    ) -> None:
        """Ask nothing yet.

        Args:
            jobs: the service.
            name: of the first job.
            request: that created it.
            wait: waits so many seconds; None: of the machine's.
        """
        self._jobs, self._name, self._request = jobs, name, request
        self._wait = wait or Event().wait
        self._number = 1

    @property
    def job(self) -> str:
        """The name of the newest job that is known."""
        return self._name if self._number == 1 else f"{self._name}-{self._number}"

    def look(self) -> Seen:
        """Return where the newest job stands.

        Raises:
            NotNowError: the service does not say.
            BackendError: it never will.
        """
        seen = self._seen()
        while seen.standing is Standing.ENDED:
            self._number += 1
            if self._jobs.describe(self.job) is None:
                self._number -= 1
                return seen
            seen = self._seen()
        return seen

    def go_on(self) -> None:
        """Have another job go on where the newest has ended.

        Raises:
            BackendError: the service takes none.
        """
        number = self._number + 1
        create(
            self._jobs,
            {**self._request, "TrainingJobName": f"{self._name}-{number}"},
            self._wait,
        )
        self._number = number

    def _seen(self) -> Seen:
        told = self._jobs.describe(self.job)
        return Seen() if told is None else after(Seen(), told)
