"""Which run ids a comparison takes, and what fingerprints say."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.analysis.baselines import Entry
from pytest_synebench.analysis.fingerprint import trace
from pytest_synebench.analysis.gate.evidence import (
    cannot_pair,
    compare_fingerprints,
    depends_on_chance,
    fresh_run_ids,
    ignores_seed,
    measured_time,
    repeated_run_ids,
    score_run_ids,
)
from pytest_synebench.events import Reported, SlotFreed, Start
from pytest_synebench.experiment.journal.journal import Journal
from pytest_synebench.experiment.store.results import RunRecord
from pytest_synebench.trial import Report, TrialId

OFFSETS = st.one_of(st.integers(0, 50), st.integers(2**32 - 50, 2**32 - 1))


def entry(run_ids: list[int], offset: int) -> Entry:
    runs = {str(i): {"seed": (offset + i) % 2**32} for i in run_ids}
    prints: dict[str, dict[str, str]] = {str(i): {} for i in sorted(run_ids)[:2]}
    return Entry({"runs": runs, "random_seed_offset": offset, "fingerprints": prints})


def test_time_that_a_clock_has_measured_is_not_compared() -> None:
    def said(scores: dict[str, str], **params: object) -> str:
        return measured_time(Entry({"problem": {"params": params}, "gate": {"scores": scores}}))

    timed = {"units": "min", "seconds_to:0.3": "min"}
    assert said(timed).startswith("seconds_to:0.3 of these runs is real time, which depends")
    assert said(timed, deterministic=False, backend="local")
    assert said(timed, deterministic=True) == said(timed, backend="simulated") == ""
    assert said({"units_to:0.3": "min"}) == ""


@given(st.sets(st.integers(0, 60), min_size=1), OFFSETS, OFFSETS)
def test_seeds_of_baseline_and_candidate_are_disjoint(ids: set[int], then: int, now: int) -> None:
    one = entry(list(ids), then)
    fresh = fresh_run_ids(one, now, 15)
    assert len(set(fresh)) == 15
    assert not {(now + i) % 2**32 for i in fresh} & one.seeds
    if then == now:
        assert not set(fresh) & ids


def test_fresh_run_ids_are_the_smallest_there_are() -> None:
    assert fresh_run_ids(entry([0, 1, 3], 0), 0, 3) == (2, 4, 5)


def test_run_ids_are_repeated_only_with_the_same_offset() -> None:
    assert repeated_run_ids(entry([4, 2, 9], 5), 5) == (2, 4)
    assert repeated_run_ids(entry([4, 2, 9], 5), 6) == ()


def test_pairs_are_the_baseline_s_own_run_ids() -> None:
    one = entry([4, 2, 9], 5)
    assert score_run_ids(one, 5, [30], 3) == [30, 0, 1, 3, 5]
    pairs = Entry({**one.data, "gate": {"paired": True}})
    assert score_run_ids(pairs, 5, [], 3) == [2, 4, 9]
    assert cannot_pair(pairs, 5) == cannot_pair(one, 6) == ""
    assert "random_seed_offset 5, this has 6" in cannot_pair(pairs, 6)


def recorded(directory: Path, run_id: int, x: float, loss: float) -> RunRecord:
    directory.mkdir()
    journal = Journal(directory / "journal.jsonl")
    journal.begin({})
    journal.append(SlotFreed(at_s=0.0), (Start(trial_id=TrialId(0), config={"x": x}),))
    report = Report(trial_id=TrialId(0), resource=1, loss=loss, at_s=1.0, metrics={})
    journal.append(Reported(report=report))
    journal.close()
    return RunRecord(
        directory=directory,
        metadata={"run_id": run_id},
        finished=True,
        reason="",
        read=tuple,
    )


def test_run_ids_that_no_longer_differ_ignore_a_seed(tmp_path: Path) -> None:
    a, b = recorded(tmp_path / "a", 0, 0.1, 1.0), recorded(tmp_path / "b", 1, 0.2, 1.0)
    told = {str(i): trace(run.directory).fingerprint() for i, run in enumerate((a, b))}
    one = Entry({"fingerprints": told})
    assert ignores_seed(one, {0: a, 1: b}) == ""
    assert ignores_seed(one, {0: a}) == ""
    constant = recorded(tmp_path / "c", 1, 0.1, 0.5)
    assert ignores_seed(one, {0: a, 1: constant}).startswith("a seed is ignored: run ids 0 and 1")
    same = Entry({"fingerprints": {"0": told["0"], "1": told["0"]}})
    assert ignores_seed(same, {0: a, 1: constant}) == "", "as on a grid that is not shuffled"
    old = Entry({"fingerprints": {"0": {"sha256": "", "lines": ""}, "1": told["0"]}})
    assert ignores_seed(old, {0: a, 1: constant}) == ""


def test_a_run_that_differs_from_itself_ignores_a_seed(tmp_path: Path) -> None:
    once = recorded(tmp_path / "a", 0, 0.1, 1.0)
    assert depends_on_chance(0, once, recorded(tmp_path / "b", 0, 0.1, 1.0)) == ""
    said = depends_on_chance(0, once, recorded(tmp_path / "c", 0, 0.1, 2.0))
    assert said.startswith("a seed is ignored: run id 0 was run twice and differs from itself")
    assert '"loss":2.0' in said


def test_without_a_repeated_run_nothing_is_equal() -> None:
    assert compare_fingerprints(entry([1], 0), {}) == (None, ())
