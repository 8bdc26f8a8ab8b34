"""From runs and a baseline to what the gate judges.

Invariants (tests/analysis/gate/test_evidence.py):
- run ids of baseline and candidate are disjoint, and so are their seeds, whatever the offsets;
- a fingerprint is equal only where every compared run decided the same;
- times that a clock has measured are not compared;
- a run that differs from itself, and run ids that no longer differ, are said to ignore a seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count, islice

from pytest_synebench.analysis.baselines import FINGERPRINTS, Entry
from pytest_synebench.analysis.curves import SCORES
from pytest_synebench.analysis.fingerprint import trace
from pytest_synebench.analysis.gate.engine import Case
from pytest_synebench.experiment.store.results import RunRecord

_TIMES = ("seconds", "seconds_to")


def repeated_run_ids(entry: Entry, offset: int) -> tuple[int, ...]:
    """Return the baseline's own run ids that are run again, for their fingerprints."""
    return tuple(sorted(entry.fingerprints))[:FINGERPRINTS] if entry.offset == offset else ()


def fresh_run_ids(entry: Entry, offset: int, number: int) -> tuple[int, ...]:
    """Return the smallest run ids whose seeds the baseline has not seen."""
    taken = {(seed - offset) % 2**32 for seed in entry.seeds}
    return tuple(islice((i for i in count() if i not in taken), number))


def score_run_ids(entry: Entry, offset: int, given: Sequence[int], number: int) -> list[int]:
    """Return the run ids whose scores are compared, in the order in which they are asked for.

    Args:
        entry: of the baseline.
        offset: the seed offset of the candidate.
        given: those that are run in any case.
        number: how many more, at most.
    """
    if entry.paired:
        return entry.run_ids
    fresh = fresh_run_ids(entry, offset, number + len(given))
    return [*given, *(run_id for run_id in fresh if run_id not in given)]


def cannot_pair(entry: Entry, offset: int) -> str:
    """Return why equal run ids share no random numbers with the baseline; "": they do."""
    if not entry.paired or entry.offset == offset:
        return ""
    return (
        f"the baseline was made with random_seed_offset {entry.offset}, this has {offset}, and its "
        "runs are compared pair by pair; give both the same"
    )


def measured_time(entry: Entry) -> str:
    """Return that a score compares times that a clock has measured; "": none does."""
    params = entry.data["problem"]["params"]
    virtual = params.get("deterministic") or params.get("backend") == "simulated"
    timed = [name for name in entry.declared if name.partition(":")[0] in _TIMES]
    if virtual or not timed:
        return ""
    return (
        f"{timed[0]} of these runs is real time, which depends on the machine and its load: only "
        "runs in turns on one machine could be compared; make them with --deterministic 1, whose "
        "time is virtual, or leave that score out"
    )


def ignores_seed(entry: Entry, repeated: Mapping[int, RunRecord]) -> str:
    """Return that several run ids try the same configs, where the baseline's did not; "": no."""
    then = [entry.fingerprints[run_id].get("configs") for run_id in repeated]
    now = [trace(run.directory).configs for run in repeated.values()]
    if len(now) < 2 or None in then or len(set(then)) == 1 or len(set(now)) > 1:
        return ""
    ids = " and ".join(map(str, repeated))
    return (
        f"a seed is ignored: run ids {ids} try the same configs, and in the baseline they tried "
        "different ones; have the searcher draw from the seed it is given"
    )


def depends_on_chance(run_id: int, once: RunRecord, again: RunRecord) -> str:
    """Return that a run did not repeat itself; "": it did."""
    first = trace(once.directory).fingerprint()
    second = trace(again.directory)
    if second.same(first):
        return ""
    return (
        f"a seed is ignored: run id {run_id} was run twice and differs from itself, "
        f"{second.first_difference(first)}; draw all chance from the trial's seed, or say "
        "Benchmark(repeatable=False), and scores alone decide"
    )


def compare_fingerprints(
    entry: Entry, repeated: Mapping[int, RunRecord]
) -> tuple[bool | None, tuple[str, ...]]:
    """Return whether decisions are equal (None: nothing to compare), and what to say of it."""
    for run_id, run in repeated.items():
        told, now = entry.fingerprints[run_id], trace(run.directory)
        if not now.same(told):
            note = f"behaviour changed: run id {run_id}: {now.first_difference(told)}"
            other = entry.elsewhere(run.metadata)
            return False, (note, f"it may be because of {other}") if other else (note,)
    return (True if repeated else None), ()


def candidate_scores(entry: Entry, runs: Sequence[RunRecord]) -> dict[str, list[float]]:
    """Return the scores of runs by name, read as the baseline's are."""
    each = [entry.scores_of(run) for run in runs]
    return {score: [scores[score] for scores in each] for score in (*SCORES, *entry.declared)}


def case(
    name: str,
    entry: Entry,
    *,
    same: bool | None,
    notes: Sequence[str] = (),
    scores: Mapping[str, Sequence[float]] | None = None,
    tolerance: float | None = None,
    refused: str = "",
    stored: bool = False,
) -> Case:
    """Return what the gate judges of one setup."""
    return Case(
        name=name,
        baseline=entry.scores(),
        candidate=scores or candidate_scores(entry, ()),
        declared=entry.declared,
        paired=entry.paired,
        tolerance=tolerance or 0.0,
        same=same,
        refused=refused,
        notes=tuple(notes),
        stored=stored,
    )
