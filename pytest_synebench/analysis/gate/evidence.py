"""From runs and a baseline to what the gate judges.

Invariants (tests/analysis/gate/test_evidence.py):
- run ids of baseline and candidate are disjoint, and so are their seeds, whatever the offsets;
- a fingerprint is equal only where every compared run decided the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count, islice

from pytest_synebench.analysis.baselines import FINGERPRINTS, Entry
from pytest_synebench.analysis.curves import SCORES, incumbent
from pytest_synebench.analysis.fingerprint import trace
from pytest_synebench.analysis.gate.engine import Case
from pytest_synebench.experiment.store.results import RunRecord


def repeated_run_ids(entry: Entry, offset: int) -> tuple[int, ...]:
    """Return the baseline's own run ids that are run again, for their fingerprints."""
    return tuple(sorted(entry.fingerprints))[:FINGERPRINTS] if entry.offset == offset else ()


def fresh_run_ids(entry: Entry, offset: int, number: int) -> tuple[int, ...]:
    """Return the smallest run ids whose seeds the baseline has not seen."""
    taken = {(seed - offset) % 2**32 for seed in entry.seeds}
    return tuple(islice((i for i in count() if i not in taken), number))


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
    """Return the scores of runs by name, over as many units as the baseline's."""
    each = [incumbent(run.trials).scores(entry.horizon) for run in runs]
    return {score: [scores[score] for scores in each] for score in SCORES}


def case(
    name: str,
    entry: Entry,
    *,
    same: bool | None,
    notes: Sequence[str] = (),
    runs: Sequence[RunRecord] = (),
    tolerance: float | None = None,
    stored: bool = False,
) -> Case:
    """Return what the gate judges of one setup."""
    return Case(
        name=name,
        baseline=entry.scores(),
        candidate=candidate_scores(entry, runs),
        tolerance=tolerance or 0.0,
        same=same,
        notes=tuple(notes),
        stored=stored,
    )
