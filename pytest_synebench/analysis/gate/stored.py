"""Compares runs that lie on disk: two directories, or a baseline and a directory.

Invariants (tests/test_main.py):
- the engine is the session's; runs are what there is, so each setup is looked at once;
- a setup that only one side has is named; where no setup is on both, that is an error;
- runs of equal run ids decide by their fingerprints, all others by their scores.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pytest_synebench.analysis.baselines import Entry, make_entry, read_baseline
from pytest_synebench.analysis.gate.engine import Case, Suite, judge, judge_suite
from pytest_synebench.analysis.gate.evidence import case, compare_fingerprints
from pytest_synebench.analysis.gate.rules import Rule
from pytest_synebench.analysis.gate.verdicts import Judgement, SuiteJudgement, Verdict
from pytest_synebench.experiment.store.results import RunRecord, load_runs

_RUNS_AT_MOST = 40  #: per side and setup: more are not needed, and an exact test of many is slow

Runs = Mapping[str, dict[int, RunRecord]]  #: benchmark::setup, run id


def runs_below(path: Path) -> Runs:
    """Return the finished runs at or below a path, the latest of each setup and run id.

    Raises:
        UsageError: there is none.
    """
    out: dict[str, dict[int, RunRecord]] = {}
    for run in load_runs(path):
        if run.finished:
            name = f"{run.metadata['benchmark']}::{run.metadata['setup']}"
            out.setdefault(name, {})[int(run.metadata["run_id"])] = run
    return {name: _first(runs) for name, runs in out.items()}


def _first(runs: dict[int, RunRecord]) -> dict[int, RunRecord]:
    return {run_id: runs[run_id] for run_id in sorted(runs)[:_RUNS_AT_MOST]}


def baseline_of(path: Path) -> Mapping[str, Entry]:
    """Return the entries of a baseline's file, or those that the runs below a directory give.

    Raises:
        UsageError: it is neither.
    """
    if path.suffix == ".json":
        return read_baseline(path)
    return {name: make_entry(list(runs.values())) for name, runs in runs_below(path).items()}


def compare(
    baseline: Mapping[str, Entry], candidate: Runs, rule: Rule, name: str
) -> SuiteJudgement:
    """Return the verdict on all setups that either side has."""
    suite = Suite(rule=rule, setups=len({*baseline, *candidate}))
    judged: list[tuple[Case | None, Judgement]] = []
    for setup in sorted({*baseline, *candidate}):
        if setup in baseline and setup in candidate:
            judged.append(_judged(setup, baseline[setup], candidate[setup], suite))
        else:
            side = "the candidate" if setup in baseline else "the baseline"
            reason = f"{side} has no run of it"
            judged.append((None, Judgement(name=setup, verdict=Verdict.ERROR, reason=reason)))
    return judge_suite(judged, suite, name)


def _judged(
    setup: str, entry: Entry, runs: Mapping[int, RunRecord], suite: Suite
) -> tuple[Case, Judgement]:
    metadata = next(iter(runs.values())).metadata
    repeated = {i: run for i, run in runs.items() if i in entry.fingerprints}
    comparable = int(metadata["params"]["random_seed_offset"]) == entry.offset
    same, notes = compare_fingerprints(entry, repeated if comparable else {})
    # Equal seeds share their random numbers: their scores are no independent evidence.
    fresh = [run for run in runs.values() if int(run.metadata["seed"]) not in entry.seeds]
    known = replace(
        case(setup, entry, same=same, notes=notes, runs=fresh, stored=True),
        differences=entry.differences(metadata),
    )
    answer = judge(known, suite)
    assert isinstance(answer, Judgement)  # noqa: S101 - stored runs are never asked for more
    return known, answer
