"""A run that a job carries out, seen from here: what a local run is to its items, it is to them.

It reads the run's log, and asks where the job stands. Nothing here can change the run: whoever
follows may leave and come back, and several may follow at once.

Invariants (tests/experiment/remote/tuning/test_following.py holds each one):
- when the run is over, its directory here has the files that the job had, byte for byte;
- to leave ends nothing, and says how to come back;
- a job that ended before its run did is told with its reason, and how to go on;
- another experiment than that of the journal is refused; a script that has changed since is said.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any

from pytest_synebench.backends.sagemaker.pacing import Pace
from pytest_synebench.backends.sagemaker.port import NotNowError
from pytest_synebench.backends.sagemaker.statuses import Seen, Standing
from pytest_synebench.clock import Clock, SystemClock
from pytest_synebench.errors import BackendError, RunError, StoreError
from pytest_synebench.experiment.assembly import build_asking, build_store
from pytest_synebench.experiment.journal import timings
from pytest_synebench.experiment.journal.journal import parse_lines
from pytest_synebench.experiment.journal.trials import TrialTable
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.remote.tuning.gathered import Gathered
from pytest_synebench.experiment.remote.tuning.lives import Lives
from pytest_synebench.experiment.remote.tuning.log import RunLog
from pytest_synebench.experiment.remote.tuning.mirror import JOURNAL
from pytest_synebench.experiment.run import Run
from pytest_synebench.experiment.store import directories
from pytest_synebench.experiment.store.summary import Summary
from pytest_synebench.experiment.tuner.launch import Launch

SUMMARY = "summary.json"  #: what the session in the job has said at its end
LOG_GROUP = "/aws/sagemaker/TrainingJobs"
_OF_SCRIPT = ("script_sha256", "beside_sha256")
_CHANGED = "the script, or what it imports, is not here as the job has it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a run is followed from."""

    lives: Lives
    log: RunLog
    shortest_s: float = 1.0  #: between two looks, while there is news
    longest_s: float = 10.0  #: likewise, while there is none


class Followed(Run):
    """A run that a job carries out."""

    def __init__(
        self,
        plan: Plan,
        directory: Path,
        source: Source,
        *,
        clock: Clock | None = None,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        """Ask nothing yet.

        Args:
            plan: that was submitted.
            directory: where the run's files come.
            source: the job, and the log.
            clock: tells when to look again.
            wait: waits so many seconds.
        """
        scheduler, external = build_asking(plan)
        launch = Launch(plan, scheduler, directory, build_store(plan, directory))
        super().__init__(plan, directory, TrialTable(), launch, _clock=clock or SystemClock())
        self._external = external
        self._source = source
        self._wait = wait or Event().wait
        self._pace = Pace(source.shortest_s, source.longest_s)
        self._look_s = self._clock.now_s()
        self._gathered = Gathered()
        self._read = 0  #: bytes of the journal that were folded
        self._first = b""  #: line of the journal
        self._seen = Seen()

    @property
    def job(self) -> str:
        """The name of the job that carries the run out."""
        return self._source.lives.job

    def look(self) -> None:
        """Take in what the run's log has, and where its job stands.

        Raises:
            RunError: the job has ended without a run, or the run is another experiment.
        """
        try:
            # The job first: what had ended by then writes no more.
            seen = self._source.lives.look()
            self._gathered.take(self._source.log.read_on())
        except NotNowError:
            self._look_s = self._clock.now_s() + self._pace.told(news=False)
            return
        except (StoreError, BackendError) as error:
            raise RunError(f"{self.job} cannot be followed: {error}") from error
        news = self._gathered.write(self.directory) or seen.standing is not self._seen.standing
        self._seen = seen
        self._fold()
        if self._gathered.over:
            self._end()
        elif seen.standing is Standing.ENDED:
            self._lost(seen.detail)
        self._look_s = self._clock.now_s() + self._pace.told(news=news)

    def go_on(self) -> None:
        """Have another job go on, where the newest has ended and the run has not.

        Raises:
            BackendError: the service takes none.
            RunError: as ``look``.
        """
        with contextlib.suppress(_NoRunError):  # the next one begins it
            self.look()
        if not self.done:
            self.remarks.append(f"{self.job} has not ended: it is followed")
        elif self.finished:
            self.remarks.append("this run had finished: it is reported again, nothing is started")
        else:
            self._source.lives.go_on()
            self.remarks.append(f"{self.job} goes on where the job before it has ended")
            self.reason, self._seen = "", Seen()
            self._look_s = self._clock.now_s()

    # -- what a run does -------------------------------------------------------------------------

    def pump(self, timeout_s: float) -> None:
        """Look, if it is time to; else wait for that, ``timeout_s`` seconds at most.

        Raises:
            RunError: as ``look``.
        """
        if self.done:
            return
        wait_s = self._look_s - self._clock.now_s()
        if wait_s > 0:
            self._wait(min(wait_s, timeout_s))
        if self._look_s <= self._clock.now_s():
            self.look()

    def interrupt(self, reason: str) -> None:
        """Leave; the job goes on. May be repeated."""
        if not self.done:
            self.reason = f"{reason}: the job {self.job} goes on without being followed"

    def close(self) -> None:
        """Leave, and let everything go. May be repeated."""
        self.interrupt("left")
        self._release()

    def status(self) -> str:
        """Return one line on how it goes."""
        if not self._first:
            return f"{self.job} is {self._seen.standing.value}"
        return super().status()

    def summary(self) -> Summary:
        """Return what a person wants to know at the end."""
        kept = str(self._tell().get("kept") or "")
        return replace(super().summary(), kept=kept)

    # -- what is read ----------------------------------------------------------------------------

    def _fold(self) -> None:
        data = bytes(self._gathered.files.get(JOURNAL, b""))
        if len(data) == self._read:
            return
        name = str(self.directory / JOURNAL)
        if not self._first:
            self._first = data[: data.find(b"\n") + 1]
            self._read = len(self._first)
            self._check(parse_lines([self._first], name)[0] or {})
        _, entries = parse_lines([self._first, data[self._read :]], name)
        self._read = len(data)
        for entry in entries:
            self.table.fold(entry.event, entry.decisions)
        self._busy_s = timings.total_s(self.directory)

    def _check(self, header: Mapping[str, Any]) -> None:
        mine = directories.identity(self.plan)
        if any(header.get(name) != mine[name] for name in _OF_SCRIPT):
            self.remarks.append(_CHANGED)
        same = {**header, **{name: mine[name] for name in _OF_SCRIPT}}
        directories.check_same(same, self.plan, self.directory)

    def _end(self) -> None:
        told = [str(remark) for remark in self._tell().get("remarks", ())]
        self.remarks += [remark for remark in told if remark not in self.plan.warnings]
        self.remarks.append(f"carried out by the job {self.job}")
        self.reason = "" if self.table.closed is None else self.table.closed.reason
        self.finished = True

    def _tell(self) -> Mapping[str, Any]:
        told: Mapping[str, Any] = json.loads(bytes(self._gathered.files.get(SUMMARY, b"{}")))
        return told

    def _lost(self, detail: str) -> None:
        self.reason = (
            f"the job {self.job} has ended before its run: {detail}; its log: {LOG_GROUP} of "
            f"CloudWatch, {self.job}"
        )
        if not self._first:
            raise _NoRunError(self.reason)


class _NoRunError(RunError):
    """A job has ended before it had a run."""
