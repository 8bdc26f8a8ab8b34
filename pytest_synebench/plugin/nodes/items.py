"""The items of an experiment: launch, one per trial (or one for all), and sound.

Each is an ordinary pytest item that carries the experiment's params, so that pytest sets up the
benchmark's fixture for whichever of them runs first.

Invariants (tests/plugin/test_items.py):
- a failed trial is a failed test that shows its config, its last words, and how to run it by hand;
- a trial that was never started is skipped, with the reason;
- ``sound`` is green only where the run ended by a criterion, something finite was measured, no more
  failed than may, and the journal tells the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

from pytest_synebench.backends.local.machine import this_machine
from pytest_synebench.definition import Benchmark
from pytest_synebench.errors import SynebenchError
from pytest_synebench.experiment.journal.trials import TrialRecord
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.preview import Preview, preview
from pytest_synebench.experiment.run import Run
from pytest_synebench.plugin import compat
from pytest_synebench.plugin.choice.selection import typed_of
from pytest_synebench.plugin.nodes.experiment import Experiment, judged_anew
from pytest_synebench.plugin.nodes.replayed import difference
from pytest_synebench.scoring import retrainings
from pytest_synebench.trial import TrialId, TrialState

PREVIEW = "synebench_preview"  #: the property of a report that holds it
_LAST_LINES = 20
_LAST_BYTES = 16_384


class Unsuccessful(Exception):  # noqa: N818 - shown by its text alone
    """A trial failed, or an experiment is not sound: told by its text, without a traceback."""


def _nothing() -> None: ...


class Item(pytest.Function):
    """What the items of an experiment have in common."""

    @property
    def experiment(self) -> Experiment:
        """The collector it belongs to."""
        assert isinstance(self.parent, Experiment)  # noqa: S101 - made by it
        return self.parent

    @property
    def run_(self) -> Run:
        """The experiment's run, which ``setup`` has opened."""
        assert self.experiment.run is not None  # noqa: S101 - setup opened it
        return self.experiment.run

    def setup(self) -> None:
        """Set the fixtures up and launch the experiment, if no item before did."""
        experiment = self.experiment
        if experiment.error and experiment.run is None:
            raise compat.skip_here(f"experiment not launched: {experiment.error.splitlines()[0]}")
        try:
            super().setup()
            if not self.config.getoption("setuponly", default=False):
                self.launch(compat.fixture_value(self, experiment.selection.benchmark))
        except (Exception, pytest.fail.Exception) as error:
            if experiment.run is None:
                experiment.error = str(error) or repr(error)
            if isinstance(error, SynebenchError):
                # In setup pytest asks no item how to show a failure; of this kind it shows text.
                raise pytest.fail.Exception(str(error), pytrace=False) from None
            raise

    def launch(self, definition: Benchmark) -> None:
        """Open the experiment's run, unless it is open."""
        self.experiment.open(definition)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where the benchmark is declared, and what to call the item."""
        path, _, line = self.experiment.where.rpartition(":")
        return Path(path), int(line) - 1, f"{self.experiment.title}::{self.name}"

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:  # type: ignore[override]
        """Show our own errors, and a time-out while waiting, by their text."""
        # A time-out's signal may hit where a frame has no line, which no traceback can show.
        if isinstance(excinfo.value, Unsuccessful | SynebenchError | pytest.fail.Exception):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def broken_off(self) -> BaseException:
        """Return what to raise for an item that the run's end has cut off."""
        experiment = self.experiment
        if experiment.told:
            return compat.skip_here(f"experiment broke off: {experiment.error.splitlines()[0]}")
        experiment.told = True
        return Unsuccessful(f"the experiment broke off: {experiment.error}")


_ItemT = TypeVar("_ItemT", bound=Item)


def make(
    kind: type[_ItemT], experiment: Experiment, base: str, number: int | None = None
) -> _ItemT:
    """Return an item of an experiment, with its params and marks."""
    part = None if number is None else str(number)
    callspec = experiment.prototype.callspec
    # A variant that is expected to fail has one item to do so: its verdict.
    marks = [m for m in callspec.marks if m.name != "xfail" or kind is SoundItem]
    return kind.from_parent(
        experiment,
        name=base if part is None else f"{base}[{part}]",
        originalname=base,
        callobj=_nothing,
        callspec=compat.with_id(callspec, part, marks),
        fixtureinfo=compat.fixture_info(experiment.prototype),
    )


class LaunchItem(Item):
    """Starts the experiment: what is wrong with it is reported here, once."""

    def runtest(self) -> None:
        """Start the first trials; a run that is carried out elsewhere is waited for."""
        run = self.run_
        self.experiment.pump()
        self.experiment.wait(lambda: bool(run.trials))
        if self.experiment.error and not run.trials:
            raise self.broken_off()
        for remark in (*self.run_.plan.warnings, *self.run_.remarks):
            self.add_report_section("call", "synebench", remark)


class TrialItem(Item):
    """One trial, reported when it has ended."""

    record: TrialRecord | None = None

    @property
    def number(self) -> TrialId:
        """The trial's id."""
        return TrialId(int(self.name[6:-1]))

    def runtest(self) -> None:
        """Wait for the trial, and fail where it failed."""
        run, number = self.run_, self.number
        self.experiment.wait(lambda: run.final(number))
        self.record = run.trials.get(number)
        if self.experiment.error and (self.record is None or not self.record.state.final):
            raise self.broken_off()
        if self.record is None:
            raise compat.skip_here(f"not started: {run.reason}")
        self.user_properties += properties(run, self.record)
        if self.record.state is TrialState.FAILED:
            raise Unsuccessful(failure(run, self.record))


class InPlaceItem(Item):
    """Takes the place of an experiment, of which nothing is started."""

    plan: Plan | None = None  #: of the experiment, once its benchmark is there

    def launch(self, definition: Benchmark) -> None:
        """Keep the plan."""
        self.plan = self.experiment.plan(definition)


class PreviewItem(InPlaceItem):
    """Says what the experiment would do, in place of doing it."""

    expected: Preview | None = None

    def launch(self, definition: Benchmark) -> None:
        """Look into the plan."""
        super().launch(definition)
        if self.plan is not None:
            self.expected = preview(self.plan, this_machine())

    def runtest(self) -> None:
        """Keep what was found for the end of the session, on whatever worker this is."""
        if self.expected is not None:
            self.user_properties.append((PREVIEW, "\n".join(self.expected.lines())))


class TrialsItem(Item):
    """Stands for all trials of an experiment that has very many."""

    def runtest(self) -> None:
        """Wait for the experiment, and fail where a trial failed."""
        run = self.run_
        self.experiment.wait(lambda: run.done)
        if self.experiment.error:
            raise self.broken_off()
        failed = [t for t in run.trials.values() if t.state is TrialState.FAILED]
        self.user_properties.append(("trials", len(run.trials)))
        if failed:
            rest = f"\n\n… and {len(failed) - 3} more" if len(failed) > 3 else ""
            raise Unsuccessful(
                f"{len(failed)} of {len(run.trials)} trials failed\n\n"
                + "\n\n".join(failure(run, trial) for trial in failed[:3])
                + rest
            )


class SoundItem(Item):
    """Whether the experiment as a whole can be believed."""

    def runtest(self) -> None:
        """Wait for the experiment, and say everything that is wrong with it."""
        run = self.run_
        self.experiment.wait(lambda: run.done)
        if wrong := unsound(run, audit=typed_of(self.config).audit):
            raise Unsuccessful("\n".join([f"{self.experiment.title} is not sound:", *wrong]))
        times = retrainings(run.plan.definition.scores)
        if times and self.experiment.is_saved:
            remarks: list[str] = []
            judged_anew(self.config, run.plan, run.directory, times, remarks.append)
            for remark in remarks:
                self.add_report_section("call", "synebench", remark)


def unsound(run: Run, *, audit: bool) -> list[str]:
    """Return what is wrong with a run that is over; nothing: it can be believed."""
    wrong = []
    if not run.finished:
        wrong.append(f"- it did not end by a criterion: {run.reason}")
    failed = sum(t.state is TrialState.FAILED for t in run.trials.values())
    allowed = run.plan.params["max_failures"]
    if failed > allowed:
        trials = "trial" if failed == 1 else "trials"
        wrong.append(f"- {failed} {trials} failed, max_failures is {allowed}")
    if not any(math.isfinite(r.loss) for t in run.trials.values() for r in t.reports):
        metric = run.plan.definition.metric
        wrong.append(f"- no trial reported a finite {metric!r}: nothing was measured")
    # The journal of a run that was taken over is another session's by now.
    if not run.fenced and (told := difference(run, audit=audit)):
        wrong.append(f"- its journal does not tell the same: {told}")
    return wrong


def properties(run: Run, trial: TrialRecord) -> list[tuple[str, object]]:
    """Return what a report keeps of a trial: its config, and how it ended."""
    out: list[tuple[str, object]] = [(f"config.{k}", v) for k, v in trial.config.items()]
    out += [("state", trial.state.value), ("level", trial.level), ("resumed", trial.resumed)]
    out += [("saved", trial.saved), ("repeated", trial.repeated)]
    out += [(f"resume.{attempt}", text) for attempt, text in trial.resumes.items()]
    if trial.last is not None:
        out.append((run.plan.definition.metric, run.metric(trial.last.loss)))
    return out


def failure(run: Run, trial: TrialRecord) -> str:
    """Return what a person needs to look into a failed trial."""
    directory = run.directory / "trials" / str(trial.id)
    lines = [
        f"trial {trial.id} failed at level {trial.level}, attempt {trial.attempts}: {trial.reason}",
        f"config: {dict(trial.config)}",
        f"by hand: {run.command(trial.id)}",
        f"logs: {directory}",
    ]
    last = last_lines(directory / "stderr.log")
    if last and last[-1] not in trial.reason:
        lines += ["last lines of stderr:", *(f"  {line}" for line in last)]
    return "\n".join(lines)


def last_lines(path: Path) -> Sequence[str]:
    """Return the end of a log, whatever bytes are in it; empty where there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _LAST_BYTES))
            text = file.read().decode(errors="backslashreplace")
    except OSError:
        return ()
    # Control characters in what a script printed must not reach a terminal.
    return [
        "".join(c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in line)
        for line in text.rstrip("\n").split("\n")[-_LAST_LINES:]
    ]


def of_experiment(experiment: Experiment) -> Iterator[pytest.Item]:
    """Yield the items of an experiment: launch, the trials, sound; or what it would do."""
    if experiment.config.option.synebench_dry_run:
        yield make(PreviewItem, experiment, "preview")
        return
    yield make(LaunchItem, experiment, "launch")
    if experiment.one_item:
        yield make(TrialsItem, experiment, "trials")
    else:
        for number in range(experiment.num_trials):
            yield make(TrialItem, experiment, "trial", number)
    yield make(SoundItem, experiment, "sound")
