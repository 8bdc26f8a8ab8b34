"""The nodes of the gate: one per setup, and one on all of them, after every experiment.

    synebench::gate::<benchmark>::<setup>
    synebench::gate::suite

A gate reads the directories of the runs that this session has made, and makes those that it still
needs. So it may be run alone, by its node id.

Invariants (tests/plugin/gate/test_story.py):
- gates come last, whatever the order of collection;
- a red verdict is a failed test that shows its numbers, without a traceback;
- a missing baseline is an error unless it may be skipped; nothing measured is never green.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pytest_synebench.analysis.gate import report
from pytest_synebench.analysis.gate.engine import Case, Suite, judge_suite
from pytest_synebench.analysis.gate.reruns import Reruns
from pytest_synebench.analysis.gate.rules import STRICT
from pytest_synebench.analysis.gate.verdicts import Judgement, SuiteJudgement, Verdict
from pytest_synebench.definition import Benchmark
from pytest_synebench.errors import SynebenchError, UsageError
from pytest_synebench.experiment.plan.plan import setup_id
from pytest_synebench.plugin import compat
from pytest_synebench.plugin.choice.selection import Selection
from pytest_synebench.plugin.gate.ask import ASKED, Asked, asked
from pytest_synebench.plugin.gate.confirming import confirmed
from pytest_synebench.plugin.gate.publishing import publish
from pytest_synebench.plugin.gate.settling import Settling
from pytest_synebench.plugin.nodes.collect import BenchmarkNode, at_home
from pytest_synebench.plugin.nodes.experiment import storage
from pytest_synebench.plugin.nodes.items import Unsuccessful
from pytest_synebench.scoring import is_tolerance

MARK = "synebench_gate"
JUDGED = pytest.StashKey[list["Judged"]]()


class Judged(NamedTuple):
    """A setup, and what is needed to look at it again."""

    case: Case | None  #: None: nothing was compared
    judgement: Judgement
    gate: GateItem
    unused: Sequence[int] = ()  #: run ids that neither side has

    def confirmed(self) -> Judged:
        """Return it once an alarm has been confirmed, or taken back."""
        what, entry = self.gate.asked, self.gate.asked.entries.get(self.gate.title)
        asked = what.confirm and what.rule.name == STRICT.name and self.judgement.looks
        if self.judgement.verdict is not Verdict.FAIL or not asked or not (self.case and entry):
            return self
        args = (self.gate, entry, self.case, self.judgement, self.unused)
        return self.judged_as(confirmed(*args))

    def judged_as(self, judgement: Judgement) -> Judged:
        """Return it with another judgement."""
        return Judged(self.case, judgement, self.gate, self.unused)


def entries(
    session: pytest.Session, found: Iterable[pytest.Collector | pytest.Item]
) -> list[pytest.Collector]:
    """Return what to add to the tree where a gate is asked for."""
    what = asked(session.config)
    if what is None or not what.compare:
        return []
    gates: list[pytest.Collector] = [
        GateEntry.from_parent(parent, name=name, nodeid=f"synebench::gate::{name}")
        for name, parent in at_home(session, found)
    ]
    return [*gates, SuiteEntry.from_parent(session, name="gate", nodeid="synebench::gate")]


def last(items: list[pytest.Item]) -> None:
    """Put the gates behind everything else, and the verdict on all of them last."""
    items.sort(key=lambda item: isinstance(item, GateItem) + 2 * isinstance(item, SuiteItem))


class GateEntry(pytest.Collector):
    """Collects the gates of one benchmark."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield a gate per setup."""
        assert self.parent is not None  # noqa: S101 - it is made with one
        node = GateNode.from_parent(
            self.parent,
            path=self.config.invocation_params.dir,
            name=self.name,
            nodeid=f"synebench::gate::{self.name}",
        )
        try:
            yield from node.collect()
        except SynebenchError as error:
            raise self.CollectError(str(error)) from None


class GateNode(BenchmarkNode):
    """``synebench::gate::<benchmark>``."""

    def collect(self) -> Iterator[Any]:
        """Yield a gate per setup."""
        prototypes, seen = self.prototypes()
        for prototype in prototypes:
            selection, variant = self.selected(prototype)
            setup = setup_id(variant, selection.params, selection.listed)
            # A variant that is expected to fail has its own verdict to do so.
            marks = [mark for mark in prototype.callspec.marks if mark.name != "xfail"]
            yield GateItem.from_parent(
                self,
                name=setup,
                originalname=setup,
                callobj=_nothing,
                callspec=compat.with_id(prototype.callspec, None, marks),
                fixtureinfo=compat.fixture_info(prototype),
                selection=selection,
                variant=variant,
                where=seen.where,
            )


def _nothing() -> None: ...


class GateItem(pytest.Function):
    """The gate of one setup."""

    def __init__(self, selection: Selection, variant: str, where: str, **more: Any) -> None:
        super().__init__(**more)
        self.selection, self.variant, self.where = selection, variant, where

    @property
    def title(self) -> str:
        """``<benchmark>::<setup>``."""
        return f"{self.selection.benchmark}::{self.name}"

    @property
    def asked(self) -> Asked:
        """What the session's options say."""
        return self.config.stash[ASKED]

    def runtest(self) -> None:
        """Reach a verdict, and fail where it is red."""
        judged = self._judged().confirmed()
        self.config.stash.setdefault(JUDGED, []).append(judged)
        tell(self, judged.judgement.verdict, report.lines(judged.judgement))

    def _judged(self) -> Judged:
        entry = self.asked.entries.get(self.title)
        if entry is None:
            reason = missing(self.asked, self.title)
            if self.asked.skip_missing:
                raise compat.skip_here(reason)
            return self._erred(reason)
        definition = compat.fixture_value(self, self.selection.benchmark)
        reruns = Reruns(storage(self.config) / "gates" / "reruns.json")
        try:
            settling = Settling(self, entry, definition)
            case, judgement = settling.verdict(
                suite_of(self.session), reruns, again=self.asked.again
            )
        except SynebenchError as error:
            return self._erred(str(error))
        return Judged(case, judgement, self, settling.unused)

    def _erred(self, reason: str) -> Judged:
        return Judged(None, Judgement(name=self.title, verdict=Verdict.ERROR, reason=reason), self)

    def tolerance(self, definition: Benchmark) -> float | str | None:
        """Return the shift that is put up with: what a mark says, else what the benchmark does.

        Raises:
            UsageError: the mark says anything else.
        """
        mark = self.get_closest_marker(MARK)
        if mark is None:
            return definition.tolerance
        tolerance = mark.kwargs.get("tolerance")
        known = not mark.args and set(mark.kwargs) == {"tolerance"}
        if not known or not is_tolerance(tolerance):
            raise UsageError(
                f"{MARK} is given {[*mark.args, mark.kwargs]!r}; it takes tolerance=NUMBER, from 0 "
                "up, in units of the metric, or tolerance='10%', of the gain over random search"
            )
        return tolerance

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where the benchmark is declared, and what to call the item."""
        path, _, line = self.where.rpartition(":")
        return Path(path), int(line) - 1, f"gate::{self.title}"

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:  # type: ignore[override]
        """Show a verdict by its text."""
        if isinstance(excinfo.value, Unsuccessful | SynebenchError | pytest.fail.Exception):
            return str(excinfo.value)
        return super().repr_failure(excinfo)


def suite_of(session: pytest.Session) -> Suite:
    """Return what is judged together: how many tests there are, whichever of them run."""
    what = session.config.stash[ASKED]
    gates = [item for item in session.items if isinstance(item, GateItem)]
    entries = [what.entries[item.title] for item in gates if item.title in what.entries]
    declared = sum(len(entry.declared) for entry in entries)
    return Suite(rule=what.rule, setups=len(gates), declared=declared)


def missing(what: Asked, name: str) -> str:
    """Return why there is nothing to compare with."""
    have = ", ".join(what.entries) or "nothing"
    return (
        f"the baseline {what.compare} has no {name} (it has {have}); make it on the commit to "
        f"compare with: pytest --synebench {name.split('::')[0]} --synebench-save {what.compare}"
    )


def tell(item: pytest.Item, verdict: Verdict, lines: list[str]) -> None:
    """Leave a verdict on the item's report, and fail where it is red."""
    item.user_properties += [("verdict", verdict.value), ("gate", "\n".join(lines))]
    if verdict.red:
        raise Unsuccessful("\n".join(lines))


class SuiteEntry(pytest.Collector):
    """Collects the verdict on all setups together."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield it."""
        yield SuiteItem.from_parent(self, name="suite", nodeid="synebench::gate::suite")


class SuiteItem(pytest.Item):
    """The verdict on all setups together."""

    def runtest(self) -> None:
        """Reach it from those on the setups, write it down, and fail where it is red."""
        what = self.config.stash[ASKED]
        judged = self.config.stash.get(JUDGED, [])
        gates = [item for item in self.session.items if isinstance(item, GateItem)]
        if not judged and gates and what.skip_missing:
            raise compat.skip_here(f"the baseline {what.compare} has none of these setups")
        verdict = self._verdict(judged, what)
        publish(self.config, verdict)
        tell(self, verdict.verdict, report.suite_lines(verdict))

    def _verdict(self, judged: list[Judged], what: Asked) -> SuiteJudgement:
        """Judge all together; what fails only then is confirmed, as others have been before."""
        suite = suite_of(self.session)
        pairs = [(one.case, one.judgement) for one in judged]
        verdict = judge_suite(pairs, suite, what.compare)
        late = [
            one.judged_as(now).confirmed()
            if now.verdict is Verdict.FAIL and one.judgement.verdict is not Verdict.FAIL
            else one
            for one, now in zip(judged, verdict.judgements, strict=True)
        ]
        if all(a is b for a, b in zip(judged, late, strict=True)):
            return verdict
        return judge_suite([(one.case, one.judgement) for one in late], suite, what.compare)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return what to call the item."""
        return self.path, 0, "gate::suite"  # a skip is shown with a line

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:  # type: ignore[override]
        """Show a verdict by its text."""
        if isinstance(excinfo.value, Unsuccessful):
            return str(excinfo.value)
        return super().repr_failure(excinfo)
