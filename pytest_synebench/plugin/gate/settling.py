"""Settles one setup: takes the runs that this session has made, and makes what is still needed.

Invariants (tests/plugin/gate/test_story.py):
- runs of an earlier session are never taken for this one's;
- a run that did not end by a criterion is an error, not a score.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Protocol

import pytest

from pytest_synebench.analysis.baselines import Entry
from pytest_synebench.analysis.gate.engine import Ask, Case, Suite, judge
from pytest_synebench.analysis.gate.evidence import (
    case,
    compare_fingerprints,
    fresh_run_ids,
    repeated_run_ids,
)
from pytest_synebench.analysis.gate.verdicts import Judgement
from pytest_synebench.definition import Benchmark
from pytest_synebench.errors import RunError
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.store.directories import identity
from pytest_synebench.experiment.store.results import RunRecord, load_runs
from pytest_synebench.plugin.choice.selection import Selection
from pytest_synebench.plugin.gate.ask import wanted
from pytest_synebench.plugin.nodes import ledger
from pytest_synebench.plugin.nodes.experiment import PROGRESS, opened

_PUMP_S = 0.2


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


class Settling:
    """One setup on its way to a verdict."""

    def __init__(self, item: Asking, entry: Entry, definition: Benchmark) -> None:
        self._item, self._entry, self._definition = item, entry, definition
        self._offset = int(item.selection.params["random_seed_offset"])
        self._made: list[int] = []  #: run ids that were run in here

    def verdict(self, suite: Suite) -> tuple[Case, Judgement]:
        """Return the verdict, and what it is of.

        Raises:
            SynebenchError: a run that it takes cannot be made.
        """
        entry = self._entry
        plan = self._plan(0)
        metadata: dict[str, Any] = {**identity(plan), "params": dict(plan.params)}
        if differences := entry.differences(metadata):
            known = replace(case(self._item.title, entry, same=None), differences=differences)
            return known, _final(judge(known, suite))
        repeated = {i: self._run(i) for i in repeated_run_ids(entry, self._offset)}
        same, notes = compare_fingerprints(entry, repeated)
        given = wanted(self._item.config, entry, self._offset)
        fresh = [i for i in fresh_run_ids(entry, self._offset, 20 + len(given)) if i not in given]
        order, runs = [*given, *fresh], 0 if same else len(given)
        while True:
            records = [self._run(i) for i in order[:runs]]
            known = case(
                self._item.title,
                entry,
                same=same,
                notes=(*notes, *self._said(order[:runs])),
                runs=records,
                tolerance=self._definition.tolerance,
            )
            answer = judge(known, suite)
            if not isinstance(answer, Ask):
                return known, answer
            runs = answer.runs

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
            run = opened(config, plan)
            progress = config.stash.get(PROGRESS, None)
            try:
                while not run.done:
                    run.pump(_PUMP_S)
                    if progress is not None:
                        progress.tick(f"gate: {plan.name}", run.status)
            finally:
                run.close()
                if progress is not None:
                    progress.clear()
            directory = run.directory
            ledger.note(config, plan.name, directory)
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
