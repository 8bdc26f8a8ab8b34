"""Compares runs that are stored, on disk or in S3: two places, or a baseline and a place.

Invariants (tests/test_main.py):
- the engine is the session's; runs are what there is, so each setup is looked at once;
- runs in S3 are judged as the same runs on disk;
- a setup that only one side has is named; where no setup is on both, that is an error;
- runs of equal run ids decide by their fingerprints, all others by their scores.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pytest_synebench.analysis.baselines import (
    Entry,
    lacks_reevaluation,
    make_entry,
    read_baseline,
)
from pytest_synebench.analysis.gate.engine import Case, Suite, judge, judge_suite
from pytest_synebench.analysis.gate.evidence import (
    candidate_scores,
    cannot_pair,
    case,
    compare_fingerprints,
    ignores_seed,
    measured_time,
)
from pytest_synebench.analysis.gate.rules import Rule
from pytest_synebench.analysis.gate.verdicts import Judgement, SuiteJudgement, Verdict
from pytest_synebench.analysis.tolerances import in_units
from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.store.results import RunRecord, load_runs

_RUNS_AT_MOST = 40  #: per side and setup: more are not needed, and an exact test of many is slow

Runs = Mapping[str, dict[int, RunRecord]]  #: benchmark::setup, run id


def runs_below(path: str | Path) -> Runs:
    """Return the finished runs at or below a path, the latest of each setup and run id.

    Args:
        path: a directory, or ``s3://BUCKET/PREFIX``.

    Raises:
        UsageError: there is none.
        StoreError: the bucket cannot be used.
    """
    out: dict[str, dict[int, RunRecord]] = {}
    for run in load_runs(path):
        if run.finished:
            name = f"{run.metadata['benchmark']}::{run.metadata['setup']}"
            out.setdefault(name, {})[int(run.metadata["run_id"])] = run
    return {name: _first(runs) for name, runs in out.items()}


def _first(runs: dict[int, RunRecord]) -> dict[int, RunRecord]:
    kept = {run_id: runs[run_id] for run_id in sorted(runs)[:_RUNS_AT_MOST]}
    for run in kept.values():
        _ = run.trials  # which brings its journal here, whose decisions are compared as well
    return kept


def baseline_of(path: str | Path) -> Mapping[str, Entry]:
    """Return the entries of a baseline's file, or those that the runs below a place give.

    Args:
        path: a baseline's file; or a directory, or ``s3://BUCKET/PREFIX``, with runs.

    Raises:
        UsageError: it is none of these.
        StoreError: the bucket cannot be used.
    """
    if str(path).endswith(".json"):
        if str(path).startswith("s3://"):
            raise UsageError(
                f"{path} is a file in S3; a baseline's file is read from disk, where version "
                "control keeps it: fetch it first, or name the prefix below which runs are"
            )
        entries = read_baseline(Path(path))
        if not entries:
            raise UsageError(
                f"{path} holds no baseline; pytest --synebench NAME --synebench-save "
                "NAME writes one, to .synebench/baselines"
            )
        return entries
    return {name: make_entry(list(runs.values())) for name, runs in runs_below(path).items()}


def compare(
    baseline: Mapping[str, Entry], candidate: Runs, rule: Rule, name: str
) -> SuiteJudgement:
    """Return the verdict on all setups that either side has."""
    declared = sum(len(entry.declared) for entry in baseline.values())
    suite = Suite(rule=rule, setups=len({*baseline, *candidate}), declared=declared)
    judged: list[tuple[Case | None, Judgement]] = []
    for setup in sorted({*baseline, *candidate}):
        if setup in baseline and setup in candidate:
            judged.append(_judged(setup, baseline, candidate[setup], suite))
        else:
            side = "the candidate" if setup in baseline else "the baseline"
            reason = f"{side} has no run of it"
            judged.append((None, Judgement(name=setup, verdict=Verdict.ERROR, reason=reason)))
    return judge_suite(judged, suite, name)


def _judged(
    setup: str, entries: Mapping[str, Entry], runs: Mapping[int, RunRecord], suite: Suite
) -> tuple[Case, Judgement]:
    entry = entries[setup]
    metadata = next(iter(runs.values())).metadata
    repeated = {i: run for i, run in runs.items() if i in entry.fingerprints}
    offset = int(metadata["params"]["random_seed_offset"])
    repeated = repeated if offset == entry.offset else {}
    same, notes = compare_fingerprints(entry, repeated)
    # Equal seeds share their random numbers: their scores are no independent evidence.
    fresh = [run for run in runs.values() if int(run.metadata["seed"]) not in entry.seeds]
    if entry.paired:
        entry, fresh = _pairs(entry, runs)
    told, refused = metadata.get("gate", {}).get("tolerance"), ""
    try:
        tolerance = in_units(told, entry, entries, setup)
    except UsageError as error:
        tolerance, refused = 0.0, str(error)
    known = replace(
        case(setup, entry, same=same, notes=notes, stored=True, tolerance=tolerance),
        candidate=candidate_scores(entry, fresh),
        refused=""
        if same
        else refused
        or cannot_pair(entry, offset)
        or measured_time(entry)
        or ignores_seed(entry, repeated)
        or lacks_reevaluation(fresh, entry.declared),
        differences=entry.differences(metadata),
    )
    answer = judge(known, suite)
    assert isinstance(answer, Judgement)  # noqa: S101 - stored runs are never asked for more
    return known, answer


def _pairs(entry: Entry, runs: Mapping[int, RunRecord]) -> tuple[Entry, list[RunRecord]]:
    """Return what both sides have a run of, in the order of the run ids."""
    both = [run_id for run_id in entry.run_ids if run_id in runs]
    kept = {str(run_id): entry.data["runs"][str(run_id)] for run_id in both}
    return Entry({**entry.data, "runs": kept}), [runs[run_id] for run_id in both]
