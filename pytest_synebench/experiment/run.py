"""One experiment being run: the façade that pytest items, and later others, follow.

Invariants (tests/experiment/test_run.py, tests/faults/):
- what cannot work is refused by ``open``, before any attempt starts;
- whatever ends a run, its journal says how far it came, and ``open(resume=True)`` goes on there;
- a finished run that is opened again with nothing more to do starts nothing;
- a run that was taken over writes nothing more, and says by whom.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pytest_synebench.backends.local.backend import LocalBackend
from pytest_synebench.backends.sagemaker.backend import SageMakerBackend
from pytest_synebench.backends.sagemaker.spending.bill import Bill
from pytest_synebench.backends.simulated.backend import SimulatedBackend
from pytest_synebench.clock import Clock, SystemClock, VirtualClock
from pytest_synebench.errors import BackendError, RunError, SearcherError
from pytest_synebench.experiment.assembly import (
    Site,
    build_asking,
    build_backend,
    build_store,
    slots,
)
from pytest_synebench.experiment.disk import derived_errors, disk_errors
from pytest_synebench.experiment.external.searcher import ExternalSearcher, recalling
from pytest_synebench.experiment.fencing import FencedBackend, take
from pytest_synebench.experiment.journal import timings
from pytest_synebench.experiment.journal.journal import Journal
from pytest_synebench.experiment.journal.replay import replay
from pytest_synebench.experiment.journal.trials import TrialRecord, TrialTable
from pytest_synebench.experiment.keeping.opening import with_keeping
from pytest_synebench.experiment.keeping.results_copy import ResultsCopy, copy_of
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.plan.workers import check_gpus
from pytest_synebench.experiment.store import directories, summary
from pytest_synebench.experiment.store.lease import Lease
from pytest_synebench.experiment.store.results import write_results
from pytest_synebench.experiment.tuner.deadlines import Deadlines
from pytest_synebench.experiment.tuner.launch import Launch
from pytest_synebench.experiment.tuner.machinery import Limits, Machinery
from pytest_synebench.experiment.tuner.timekeeping import (
    Timekeeping,
    check_deterministic,
    wall_s,
)
from pytest_synebench.experiment.tuner.tuner import Tuner
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.trial import Scalar, TrialId

_LINES_PER_FSYNC = 1000  # of a simulated run's journal: what a crash may cost is simulated again
_FORCE_S = 5.0  # after the grace: how long the kernel may take to end what SIGKILL has hit


@dataclass(slots=True)
class Run:
    """One experiment. Make it by ``Run.open``; it advances while somebody calls ``pump``."""

    plan: Plan
    directory: Path
    table: TrialTable
    launch: Launch
    remarks: list[str] = field(default_factory=list)  #: what people should know
    reason: str = ""  #: why it is over; "" while it is not
    finished: bool = False  #: over by a criterion, not by an interruption
    resumed: bool = False  #: whether it went on from an earlier session
    fenced: bool = False  #: another controller has taken it over
    _clock: Clock = field(default_factory=SystemClock)
    _site: Site = field(default_factory=Site)
    _tuner: Tuner | None = None
    _journal: Journal | None = None
    _lease: Lease | None = None
    _copy: ResultsCopy | None = None
    _busy_s: dict[TrialId, float] = field(default_factory=dict)
    _external: ExternalSearcher | None = None  #: what asks a process for configs
    _bill: Bill | None = None  #: what its jobs cost

    @classmethod
    def open(
        cls,
        plan: Plan,
        *,
        root: Path,
        resume: bool = False,
        takeover: bool = False,
        audit: bool = False,
        clock: Clock | None = None,
        site: Site | None = None,
    ) -> Run:
        """Start a new run, or go on with the newest one of this setup and run id.

        Args:
            plan: what to run.
            root: the ``.synebench`` directory.
            resume: go on with the newest run; where there is none, one is started and that is said.
            takeover: on a resume, fence a controller that is stopped or out of sight.
            audit: on a resume, decide again and compare with the journal.
            clock: what tells the time; the machine's unless given.
            site: what there is for trials: this machine, and supervisors of its own, unless given.

        Raises:
            UsageError: the plan cannot work, or the run to go on with is another experiment.
            RunError: its directory cannot be written, or another controller holds it.
            JournalError: its journal is damaged.
        """
        clock, site = clock or SystemClock(), site or Site()
        if not (plan.simulated or plan.remote):
            check_gpus(plan.params, len(site.machine.gpus))
        check_deterministic(plan)
        scheduler, external = build_asking(plan)
        directory = directories.newest(root, plan) if resume else None
        fresh = directory is None
        if directory is None:
            directory = directories.create(root, plan, clock)
        launch = Launch(plan, scheduler, directory, build_store(plan, directory))
        run = cls(
            plan, directory, TrialTable(), launch, resumed=not fresh, _clock=clock, _site=site
        )
        run._external = external
        if resume and fresh:
            run.remarks.append("there is no run to go on with: a new one is started")
        try:
            with disk_errors(directory):
                lease = run._lease = take(directory, plan, clock, takeover=takeover)
                if lease.taken_from is not None:
                    run.remarks.append(f"taken over from {lease.taken_from}: it writes no more")
                run._begin(scheduler, lease, audit=audit)
                lease.rest()
        except BaseException:
            run._release()
            raise
        return run

    def _begin(self, scheduler: Scheduler, lease: Lease, *, audit: bool) -> None:
        journal = self._journal = Journal(
            self.directory / "journal.jsonl",
            every=_LINES_PER_FSYNC if self.plan.simulated else 1,
            guard=lease.check,
        )
        if self._external is not None:
            self._external.place(self.directory, self._site.directory)
        if journal.header is None:
            journal.begin(directories.identity(self.plan))
        else:
            directories.check_same(journal.header, self.plan, self.directory)
            directories.check_space(self.directory)
        if not directories.read_metadata(self.directory):
            directories.write_metadata(self.directory, directories.describe(self.plan, self._clock))
        self._copy = copy_of(self.plan, self.directory)
        if torn := journal.torn_bytes:
            told = (
                f"the last line of the journal was torn by a crash ({torn} bytes): it is left out"
            )
            self.remarks.append(told)
        with recalling(self._external, journal.entries):
            replay(journal.entries, scheduler, self.table, audit=audit)
        journal.entries.clear()
        self._busy_s = timings.total_s(self.directory)
        directories.check_enough_trials(self.plan, len(self.table.trials), self.directory)
        closed = self.table.closed
        if closed and closed.finished and not directories.asks_for_more(self.directory, self.plan):
            self.remarks.append("this run had finished: it is reported again, nothing is started")
            self._conclude(closed.reason, finished=True)
            return
        directories.note_params(self.directory, self.plan)
        self._tuner = self._build_tuner(scheduler, journal, lease)
        self._tuner.open()

    def _build_tuner(self, scheduler: Scheduler, journal: Journal, lease: Lease) -> Tuner:
        plan, say = self.plan, self.remarks.append
        clock: Clock = VirtualClock(self.table.at_s) if plan.simulated else self._clock
        kept = self.launch.open_ledger
        backend = build_backend(plan, self.directory, clock, self._site, say, kept)
        if isinstance(backend, SageMakerBackend):
            self._bill = backend.bill
            backend = FencedBackend(backend, lease)
        elif isinstance(backend, LocalBackend):
            fenced = FencedBackend(backend, lease)  # what is simulated acts on nothing outside
            backend = with_keeping(
                plan, self.directory, self.launch, self.table, fenced, backend, say
            )
        num_workers, fewer = slots(self.plan, self._site.machine)
        self.remarks += [fewer] if fewer else []
        keeping = Timekeeping.of(plan, self.table, self.directory)
        return Tuner(
            Machinery(
                scheduler=scheduler,
                backend=backend if plan.simulated else self._site.wrap(backend),
                journal=journal,
                table=self.table,
                launch=self.launch,
                intake=keeping.intake,
                clock=clock,
                order=keeping.order,
                spent_s=keeping.spent_s,
                reports=backend.reports if isinstance(backend, SimulatedBackend) else None,
            ),
            Limits(
                num_workers=num_workers,
                max_retries=plan.params["max_retries"],
                strict_checkpoints=plan.params["strict_checkpoints"],
                budget=keeping.budget,
                deadlines=Deadlines.of(plan),
                wind_down_s=0.0 if plan.simulated else plan.params["stop_grace"] + _FORCE_S,
                session_s=keeping.session_s,
                instant=plan.simulated,
                cap=None if self._bill is None else self._bill.exceeded,
            ),
        )

    # -- while it runs ---------------------------------------------------------------------------

    def pump(self, timeout_s: float) -> None:
        """Advance; wait at most ``timeout_s`` seconds for something to happen.

        Raises:
            RunError: the disk is full or gone; every attempt is ended, the run can be resumed.
                Or the run was taken over: every attempt is ended, nothing more is written.
            BackendError: the back-end can start nothing; likewise.
            SearcherError: the process that suggests configs does not; likewise.
        """
        if self._tuner is None:
            return
        try:
            with self._step():
                self._tuner.pump(math.inf if self.plan.simulated else timeout_s)
                self._write_timings()
                if self._tuner.done:
                    self._conclude(self._tuner.reason, finished=self._tuner.finished)
        except SearcherError as error:
            self.interrupt(str(error))
            raise
        except (RunError, BackendError) as error:
            self._give_up(str(error))
            raise

    def interrupt(self, reason: str) -> None:
        """End every attempt, politely first; the run can be resumed. May be repeated."""
        if self._tuner is None:
            return
        try:
            with self._step():
                try:
                    self._tuner.close(reason, finished=False)
                except (RunError, BackendError, OSError):
                    raise
                except BaseException:  # a signal, while they end politely: they are forced
                    self._conclude(self._tuner.reason, finished=self._tuner.finished)
                    raise
                self._conclude(self._tuner.reason, finished=self._tuner.finished)
        except (RunError, BackendError) as error:
            self._give_up(f"{reason}; {error}")

    def close(self) -> None:
        """Interrupt if it is not over, and let everything go. May be repeated."""
        try:
            self.interrupt("interrupted")
        finally:
            self._release()

    @property
    def done(self) -> bool:
        """Whether nothing more will happen."""
        return bool(self.reason)

    @property
    def trials(self) -> Mapping[TrialId, TrialRecord]:
        """The trials by id, in the order in which they were started."""
        return self.table.trials

    @property
    def ended(self) -> Sequence[TrialId]:
        """Trials whose outcome is final, in the order in which it became so."""
        if not self.done:
            return self.table.ended
        # Behind them what was paused, or cut off when the run was over.
        return [*self.table.ended, *(t.id for t in self.trials.values() if not t.state.final)]

    def final(self, trial_id: TrialId) -> bool:
        """Whether the outcome of a trial is final."""
        trial = self.table.trials.get(trial_id)
        return trial is not None and (self.done or trial.state.final)

    def busy_s(self, trial_id: TrialId) -> float:
        """Return the seconds that a trial's attempts have taken so far."""
        return self._busy_s.get(trial_id, 0.0)

    def config(self, trial_id: TrialId) -> dict[str, Scalar]:
        """Return the complete config of a trial, constants included."""
        return self.plan.definition.space.merged(self.table.trials[trial_id].config)

    def metric(self, loss: float) -> float:
        """Return a loss as the user's metric."""
        return summary.signed(loss, self.plan.definition.mode)

    def command(self, trial_id: TrialId) -> str:
        """Return the command that runs a trial's config by hand."""
        return summary.command_line(self.plan, self.config(trial_id))

    def status(self) -> str:
        """Return one line on how it goes."""
        cost = "" if self._bill is None else self._bill.short()
        ledger = self.launch.ledger
        return summary.status(self.plan, self.table, self._measured_s(), ledger, cost)

    def _measured_s(self) -> float:
        if self._tuner is not None:
            return self._tuner.measured_s()
        return wall_s(self.plan, self.table, self.directory)

    def summary(self) -> summary.Summary:
        """Return what a person wants to know at the end."""
        best = self.table.best
        return replace(
            summary.of(self.plan, self.table, self.launch.ledger, self.directory),
            command="" if best is None else self.command(best.trial_id),
            wall_s=self._measured_s(),
            reason=self.reason,
            finished=self.finished,
            fenced=self.fenced,
            cost="" if self._bill is None else self._bill.words(),
            remarks=tuple(self._all_remarks()),
        )

    def _all_remarks(self) -> list[str]:
        return self.remarks + (self._tuner.remarks if self._tuner else [])

    # -- when it is over -------------------------------------------------------------------------

    def _conclude(self, reason: str, *, finished: bool) -> None:
        self.reason, self.finished = reason, finished
        with derived_errors(self.remarks.append):
            self._write_derived()
        if self._copy is not None:
            self._copy.finish(self.remarks.append)
        self._release()

    def _write_derived(self) -> None:
        self._write_timings()
        resource_attr = self.plan.definition.resource_attr
        write_results(self.directory / "results.csv.gz", self.table, resource_attr)
        directories.note_outcome(
            self.directory,
            self.plan,
            reason=self.reason,
            finished=self.finished,
            counts=summary.counts(self.table),
        )

    def _give_up(self, reason: str) -> None:
        """Disk, back-end or lease is gone: nothing more can be written down, everything ends."""
        self.reason, self.finished = reason, False
        self.fenced = self._lease is not None and not self._lease.held
        if self._tuner is not None:
            self._tuner.parts.backend.close()
        self._release()

    def _release(self) -> None:
        if self._tuner is not None:
            self.remarks.extend(self._tuner.remarks)
            self._tuner.parts.backend.close()
            self._tuner = None
        if self._copy is not None:
            self._copy.close()
        if self._journal is not None:
            with contextlib.suppress(OSError):
                self._journal.close()
            self._journal = None
        if self._lease is not None:
            self._lease.release()
            self._lease = None
        if self._external is not None:
            self._external.close()
        if self._bill is not None:
            self._bill.close()

    @contextlib.contextmanager
    def _step(self) -> Iterator[None]:
        """Make a step of the run, unless it is another controller's by now."""
        lease = self._lease.acting() if self._lease else contextlib.nullcontext()
        with disk_errors(self.directory), lease:
            yield

    def _write_timings(self) -> None:
        if self._bill is not None:
            self._bill.write()
        if self._tuner is None or not self._tuner.timings:
            return
        lines = list(self._tuner.timings)
        self._tuner.timings.clear()
        timings.add_up(self._busy_s, lines)
        timings.append(self.directory, lines)
