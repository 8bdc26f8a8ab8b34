"""Settles one setup: takes the runs that this session has made, and makes what is still needed.

Invariants (tests/plugin/gate/test_story.py, tests/plugin/gate/test_settling.py):
- runs of an earlier session are never taken for this one's;
- a run that did not end by a criterion is an error, not a score;
- where a score takes it, the best config of each run that is scored is trained anew;
- what decides differently is run once more: a run that differs from itself is an error;
- a gate that is run again adds to what it has seen before, twice at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest

from pytest_synebench.analysis.baselines import Entry
from pytest_synebench.analysis.fingerprint import trace
from pytest_synebench.analysis.gate.engine import Ask, Case, Suite, judge
from pytest_synebench.analysis.gate.evidence import (
    candidate_scores,
    cannot_pair,
    case,
    compare_fingerprints,
    depends_on_chance,
    fresh_run_ids,
    ignores_seed,
    repeated_run_ids,
    score_run_ids,
)
from pytest_synebench.analysis.gate.reruns import AT_MOST, Look, Reruns, change_key, pooled
from pytest_synebench.analysis.gate.rules import CONFIRMING_RUNS
from pytest_synebench.analysis.gate.verdicts import Judgement, Verdict
from pytest_synebench.analysis.tolerances import in_units
from pytest_synebench.definition import Benchmark
from pytest_synebench.errors import RunError, UsageError
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.store.directories import identity
from pytest_synebench.experiment.store.results import RunRecord, load_runs
from pytest_synebench.plugin.choice.selection import Selection
from pytest_synebench.plugin.gate.ask import Asked, wanted
from pytest_synebench.plugin.nodes import ledger
from pytest_synebench.plugin.nodes.experiment import judged_anew, made
from pytest_synebench.scoring import retrainings


class Asking(Protocol):
    """Who wants a setup settled: its gate."""

    config: pytest.Config
    selection: Selection
    variant: str
    where: str

    @property
    def title(self) -> str:
        """``<benchmark>::<setup>``."""
        ...

    @property
    def asked(self) -> Asked:
        """What the session's options say."""
        ...

    def tolerance(self, definition: Benchmark) -> float | str | None:
        """Return the shift of the metric that is put up with."""
        ...


class Settling:
    """One setup on its way to a verdict."""

    def __init__(self, item: Asking, entry: Entry, definition: Benchmark) -> None:
        """Look at nothing yet.

        Raises:
            UsageError: a mark says something else than a tolerance.
        """
        self._item, self._entry, self._definition = item, entry, definition
        self._offset = int(item.selection.params["random_seed_offset"])
        self._made: list[int] = []  #: run ids that were run in here
        self._scored: set[int] = set()  #: run ids of the candidate
        self._notes: tuple[str, ...] = ()
        self._remarks: list[str] = []  #: on runs that are made in here
        self._same: bool | None = None
        self._refused = ""
        self._tolerance, self._untold = 0.0, ""
        told = item.tolerance(definition)
        try:
            self._tolerance = in_units(told, entry, item.asked.entries, item.title)
        except UsageError as error:
            self._untold = str(error)  # which matters only where scores decide

    def verdict(
        self, suite: Suite, reruns: Reruns, *, again: bool = False
    ) -> tuple[Case, Judgement]:
        """Return the verdict, and what it is of.

        Args:
            suite: what is judged together.
            reruns: what earlier gates have seen.
            again: whether to add to that.

        Raises:
            SynebenchError: a run that it takes cannot be made.
        """
        plan = self._plan(0)
        metadata: dict[str, Any] = {**identity(plan), "params": dict(plan.params)}
        if differences := self._entry.differences(metadata):
            known = replace(self._case([], {}), differences=differences)
            return known, _final(judge(known, suite))
        repeated = self._repeated()
        traces = [trace(run.directory).fingerprint()["sha256"] for run in repeated.values()]
        key = change_key(self._item.title, self._entry, traces)
        looks = reruns.looks(key) if again and traces else []
        if looks and not self._same:
            return self._looked_again(suite, reruns, key, looks)
        ids, known, judgement = self._looked(suite)
        if judgement.verdict is Verdict.FAIL and judgement.looks == 2 and traces:
            reruns.begin(key, Look(ids, {k: list(v) for k, v in known.candidate.items()}))
        return known, judgement

    def _repeated(self) -> dict[int, RunRecord]:
        """Run the baseline's own run ids again, and see what has changed."""
        entry = self._entry
        ids = repeated_run_ids(entry, self._offset) if self._definition.repeatable else ()
        repeated = {run_id: self._run(run_id) for run_id in ids}
        self._same, notes = compare_fingerprints(entry, repeated)
        self._notes = (*notes, *self._declared_since())
        self._refused = self._untold or cannot_pair(entry, self._offset)
        if self._same is False:
            self._refused = self._refused or ignores_seed(entry, repeated) or self._chance(repeated)
        return repeated

    def _declared_since(self) -> list[str]:
        """Say which scores the benchmark declares by now that the baseline does not have."""
        new = [name for name in self._definition.scores if name not in self._entry.declared]
        text = (
            f"declared since the baseline was made, and not judged: {', '.join(new)}; save it again"
        )
        return [text] if new else []

    def _chance(self, repeated: Mapping[int, RunRecord]) -> str:
        """Run once more what differs from the baseline: it must not differ from itself."""
        told = self._entry.fingerprints
        run_id = next(i for i, run in repeated.items() if not trace(run.directory).same(told[i]))
        once_more = self._finished(run_id, self._make(run_id, anew=True))
        return depends_on_chance(run_id, repeated[run_id], once_more)

    def _looked(self, suite: Suite) -> tuple[list[int], Case, Judgement]:
        """Look at as many runs as it takes."""
        given = wanted(self._item.config, self._entry, self._offset)
        order = score_run_ids(self._entry, self._offset, given, suite.final_runs)
        runs = 0 if self._same or self._refused else len(given)
        while True:
            ids = order[:runs]
            known = self._case(ids, self._scores(ids))
            answer = judge(known, suite)
            if not isinstance(answer, Ask):
                return ids, known, answer
            runs = answer.runs

    def _looked_again(
        self, suite: Suite, reruns: Reruns, key: str, looks: list[Look]
    ) -> tuple[Case, Judgement]:
        """Add runs to what earlier gates have seen, and look at all of them."""
        before = [run_id for look in looks for run_id in look.run_ids]
        self._scored.update(before)
        number = len(looks)
        if number > AT_MOST or self._entry.paired:
            why = (
                f"it was run again {AT_MOST} times already, and stays worse"
                if number > AT_MOST
                else "it is compared pair by pair, and has no further pairs"
            )
            return self._refuse(f"{why}; change the code, or move the baseline on purpose", suite)
        order = score_run_ids(self._entry, self._offset, before, suite.final_runs)
        ids = order[len(before) :][: suite.final_runs]
        look = Look(ids, self._scores(ids))
        known = replace(self._case(ids, pooled([*looks, look])), stored=True)
        note = f"gate {number + 1} of {AT_MOST + 1} on this change: {len(before)} runs seen before"
        known = replace(known, notes=(*known.notes, note))
        reruns.add(key, look)
        return known, _final(judge(known, suite))

    def _refuse(self, why: str, suite: Suite) -> tuple[Case, Judgement]:
        known = replace(self._case([], {}), refused=why)
        return known, _final(judge(known, suite))

    def _case(self, ids: Sequence[int], scores: Mapping[str, Sequence[float]]) -> Case:
        return case(
            self._item.title,
            self._entry,
            same=self._same,
            notes=(*self._notes, *self._said(ids), *self._remarks),
            scores=scores,
            tolerance=self._tolerance,
            refused=self._refused,
        )

    @property
    def unused(self) -> list[int]:
        """Run ids that neither side has, enough of them to confirm an alarm."""
        number = len(self._scored) + CONFIRMING_RUNS
        fresh = fresh_run_ids(self._entry, self._offset, number)
        return [run_id for run_id in fresh if run_id not in self._scored]

    def _scores(self, ids: Sequence[int]) -> dict[str, list[float]]:
        self._scored.update(ids)
        return candidate_scores(self._entry, [self._judged_anew(run_id) for run_id in ids])

    def _said(self, scored: Iterable[int]) -> list[str]:
        ids = list(scored)
        if not ids:
            return []
        made = [i for i in ids if i in self._made]
        text = f"run ids {_ranges(ids)}"
        return [f"{text}, of which {_ranges(made)} were run in here" if made else text]

    def _plan(self, run_id: int) -> Plan:
        item = self._item
        return Plan(
            benchmark=item.selection.benchmark,
            variant=item.variant,
            params=item.selection.params,
            definition=self._definition,
            run_id=run_id,
            listed=item.selection.listed,
            where=item.where,
        )

    def _run(self, run_id: int) -> RunRecord:
        """Return a run of this session, made now unless an experiment made it."""
        plan, config = self._plan(run_id), self._item.config
        directory = ledger.find(config, plan.name)
        if directory is None:
            self._made.append(run_id)
            directory = self._make(run_id)
            ledger.note(config, plan.name, directory)
        return self._finished(run_id, directory)

    def _make(self, run_id: int, *, anew: bool = False) -> Path:
        return made(self._item.config, self._plan(run_id), "gate", anew=anew)

    def _judged_anew(self, run_id: int) -> RunRecord:
        """Return a run whose best config was trained anew, if a score takes that."""
        run, times = self._run(run_id), retrainings(self._entry.declared)
        if not times:
            return run
        plan, say = self._plan(run_id), self._remarks.append
        judged_anew(self._item.config, plan, run.directory, times, say)
        return self._finished(run_id, run.directory)

    def _finished(self, run_id: int, directory: Path) -> RunRecord:
        [record] = load_runs(directory)
        if not record.finished:
            raise RunError(
                f"run id {run_id} did not end by a criterion: {record.reason or 'it broke off'}; "
                f"its files: {directory}"
            )
        return record


def _final(answer: Ask | Judgement) -> Judgement:
    assert isinstance(answer, Judgement)  # noqa: S101 - no run makes parameters equal
    return answer


def _ranges(ids: list[int]) -> str:
    """Return run ids in short: 3, 20 to 24."""
    out: list[list[int]] = []
    for one in sorted(ids):
        if out and out[-1][-1] == one - 1:
            out[-1].append(one)
        else:
            out.append([one])
    return ", ".join(f"{part[0]} to {part[-1]}" if len(part) > 1 else str(part[0]) for part in out)
