"""Which checkpoints may still be needed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.checkpoints.protocol import Place
from pytest_synebench.events import Ended, Pause, Reported, SlotFreed, Start, Stop
from pytest_synebench.experiment.journal.trials import TrialTable
from pytest_synebench.experiment.keeping.retention import ALL, NEEDED, Retention
from pytest_synebench.trial import Report, TrialId, TrialState

ONE, TWO = TrialId(1), TrialId(2)
STATES = st.sampled_from(TrialState)


def places(*levels: int, trial: TrialId = ONE) -> list[Place]:
    """Return them as a ledger does: the newest first."""
    return [Place(trial, 0, level) for level in sorted(levels, reverse=True)]


def levels(found: list[Place]) -> list[int]:
    return sorted(place.level for place in found)


def table(states: dict[TrialId, TrialState], losses: dict[TrialId, dict[int, float]]) -> TrialTable:
    out = TrialTable()
    for trial_id, state in states.items():
        out.fold(SlotFreed(at_s=0.0), (Start(trial_id=trial_id, config={}),))
        for level, loss in losses.get(trial_id, {}).items():
            report = Report(trial_id=trial_id, resource=level, loss=loss, at_s=0.0)
            out.fold(Reported(report=report))
        match state:
            case TrialState.PAUSED:
                out.fold(SlotFreed(at_s=0.0), (Pause(trial_id=trial_id),))
            case TrialState.STOPPED:
                out.fold(SlotFreed(at_s=0.0), (Stop(trial_id=trial_id),))
            case TrialState.COMPLETED | TrialState.FAILED:
                out.fold(Ended(at_s=0.0, trial_id=trial_id, state=state))
            case TrialState.RUNNING:
                pass
    return out


OTHER = {TWO: {1: 0.1}}  # another trial is the best


def test_a_trial_that_may_go_on_or_failed_keeps_its_two_newest() -> None:
    for state in (TrialState.RUNNING, TrialState.PAUSED, TrialState.FAILED):
        retention = Retention(table({ONE: state, TWO: TrialState.RUNNING}, OTHER))
        assert levels(retention.unneeded(places(1, 3, 9, 27))) == [1, 3]
        assert not retention.over(ONE)


def test_one_that_is_over_keeps_none() -> None:
    for state in (TrialState.COMPLETED, TrialState.STOPPED):
        retention = Retention(table({ONE: state, TWO: TrialState.RUNNING}, OTHER))
        assert levels(retention.unneeded(places(1, 3))) == [1, 3]
        assert retention.over(ONE)


def test_the_best_keeps_its_two_newest_and_the_first_that_has_what_its_best_report_had() -> None:
    losses = {ONE: {1: 0.9, 2: 0.2, 3: 0.5, 9: 0.6, 27: 0.7}}
    for state in TrialState:
        retention = Retention(table({ONE: state}, losses))
        # Level 2 was not saved: what it had is in the one of level 3.
        assert levels(retention.unneeded(places(1, 3, 9, 27))) == [1]
        assert not retention.over(ONE)


def test_without_a_finite_report_nobody_is_the_best() -> None:
    retention = Retention(table({ONE: TrialState.COMPLETED}, {ONE: {1: float("nan")}}))
    assert retention.best is None
    assert levels(retention.unneeded(places(1))) == [1]


LEVELS = st.lists(st.integers(1, 9), unique=True, max_size=6)


@given(
    found=LEVELS, state=STATES, referenced=st.sets(st.integers(1, 9)), best=st.sampled_from([1, 2])
)
def test_what_is_referred_to_and_what_a_trial_may_go_on_from_is_always_needed(
    found: list[int], state: TrialState, referenced: set[int], best: int
) -> None:
    losses = {TrialId(best): dict.fromkeys(range(1, 10), 0.1)}
    run = table({ONE: state, TWO: TrialState.PAUSED}, losses)
    pairs = {(ONE, level) for level in referenced}
    gone = set(levels(Retention(run, NEEDED).unneeded(places(*found), pairs)))
    kept = set(found) - gone
    assert referenced & set(found) <= kept
    if state not in (TrialState.COMPLETED, TrialState.STOPPED) or best == ONE:
        assert set(sorted(found)[-2:]) <= kept
        assert len(kept - referenced) <= 3
    else:
        assert kept <= referenced
    assert Retention(run, ALL).unneeded(places(*found), pairs) == []
