from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hypothesis import given
from journals import folded, write_journal

from pytest_synebench.events import (
    Began,
    Closed,
    Ended,
    Opened,
    Pause,
    Reported,
    Resume,
    Retried,
    SlotFreed,
    Start,
    Stop,
)
from pytest_synebench.experiment.journal.journal import Entry, read_journal
from pytest_synebench.experiment.journal.trials import TrialTable
from pytest_synebench.testing.histories import HISTORIES
from pytest_synebench.trial import CheckpointRef, Report, TrialId, TrialState

T0, T1 = TrialId(0), TrialId(1)


def start(trial: TrialId = T0, until: int | None = None) -> Entry:
    return Entry(SlotFreed(at_s=0.0), (Start(trial_id=trial, config={"lr": 1.0}, until=until),))


def report(level: int, loss: float = 1.0, trial: TrialId = T0) -> Reported:
    return Reported(report=Report(trial_id=trial, resource=level, loss=loss, at_s=float(level)))


def began(attempt: int, resumed_from: int, remark: str = "") -> Entry:
    return Entry(
        Began(
            at_s=0.0,
            trial_id=T0,
            attempt=attempt,
            resumed_from=resumed_from,
            checkpoints=True,
            remark=remark,
        )
    )


def reports_of(history: list[Entry]) -> list[Report]:
    return [entry.event.report for entry in history if isinstance(entry.event, Reported)]


# -- any history ---------------------------------------------------------------------------------


@given(history=HISTORIES)
def test_a_journal_folds_to_the_table_that_the_live_run_had(history: list[Entry]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write_journal(Path(folder, "j"), history)
        again = folded(read_journal(path)[1])
    assert state_of(again) == state_of(folded(history))


def state_of(table: TrialTable) -> dict[str, str]:
    """Return all that the table knows, as text, in which NaN equals NaN."""
    return {key: repr(value) for key, value in vars(table).items()}


def beginnings_of(history: list[Entry]) -> Iterator[tuple[TrialId, int, TrialTable]]:
    """Yield trial, attempt and table at each moment at which a new process of a trial begins."""
    table = TrialTable()
    for entry in history:
        running = {trial.id for trial in table.running()}
        table.fold(entry.event, entry.decisions)
        begun = {d.trial_id for d in entry.decisions if isinstance(d, Start | Resume)}
        match entry.event:
            case Opened():
                begun |= running
            case Retried(trial_id=trial_id):
                begun.add(trial_id)
            case _:
                pass
        for trial_id in begun:
            yield trial_id, table.trials[trial_id].attempts - 1, table


@given(history=HISTORIES)
def test_attempt_numbers_of_a_trial_never_repeat(history: list[Entry]) -> None:
    numbers: dict[TrialId, list[int]] = {}
    for trial_id, number, _ in beginnings_of(history):
        numbers.setdefault(trial_id, []).append(number)
    for seen in numbers.values():
        assert seen == list(range(len(seen)))


@given(history=HISTORIES)
def test_best_is_the_lowest_finite_loss_over_all_levels(history: list[Entry]) -> None:
    table = folded(history)
    finite = [r for r in reports_of(history) if math.isfinite(r.loss)]
    if not finite:
        assert table.best is None
    else:
        # min: the earliest of equals.
        assert table.best is min(finite, key=lambda r: r.loss)
    for trial in table.trials.values():
        own = [r for r in finite if r.trial_id == trial.id]
        assert trial.best is (min(own, key=lambda r: r.loss) if own else None)


@given(history=HISTORIES)
def test_each_level_of_a_trial_is_one_unit_once(history: list[Entry]) -> None:
    highest: dict[TrialId, int] = {}
    for r in reports_of(history):
        highest[r.trial_id] = max(r.resource, highest.get(r.trial_id, 0))
    table = folded(history)
    assert table.units == sum(highest.values())
    for trial in table.trials.values():
        assert trial.level == highest.get(trial.id, 0)
        levels = [r.resource for r in trial.reports]
        assert levels == sorted(set(levels))
        assert len(trial.attempts_of) == len(levels)


@given(history=HISTORIES)
def test_every_trial_is_in_one_state_and_ends_once(history: list[Entry]) -> None:
    table = folded(history)
    assert len(set(table.ended)) == len(table.ended)
    final = {trial.id for trial in table.trials.values() if trial.state.final}
    assert set(table.ended) == final
    failed = [t for t in table.trials.values() if t.state is TrialState.FAILED]
    assert table.failed == len(failed)
    running = {trial.id for trial in table.running()}
    assert running == {t.id for t in table.trials.values() if t.state is TrialState.RUNNING}


@given(history=HISTORIES)
def test_saved_and_repeated_units_are_what_earlier_attempts_had_reported(
    history: list[Entry],
) -> None:
    for trial in folded(history).trials.values():
        assert trial.saved >= 0
        assert trial.repeated >= 0
        assert trial.saved + trial.repeated <= trial.level * trial.attempts


# -- by example ----------------------------------------------------------------------------------


def test_a_crash_between_two_attempts_costs_a_number() -> None:
    table = folded([Entry(Opened(at_s=0.0)), start(), Entry(report(1))])
    assert table.trials[T0].attempts == 1
    table.fold(Opened(at_s=2.0))
    table.fold(Opened(at_s=2.0))
    assert table.trials[T0].attempts == 3
    table.fold(report(2))
    assert table.trials[T0].attempts_of == [0, 2]


def test_a_crash_costs_a_paused_trial_nothing() -> None:
    table = folded([start(), Entry(report(1), (Pause(trial_id=T0),))])
    assert table.trials[T0].state is TrialState.PAUSED
    table.fold(Opened(at_s=2.0))
    assert table.trials[T0].attempts == 1
    table.fold(SlotFreed(at_s=2.0), (Resume(trial_id=T0, until=3),))
    trial = table.trials[T0]
    assert (trial.state, trial.until) == (TrialState.RUNNING, 3)
    assert (trial.attempts, trial.resumed, trial.retries) == (2, 1, 0)


def test_units_that_a_checkpoint_spared_and_units_run_again() -> None:
    entries = [start(), began(0, 0), Entry(report(1)), Entry(report(3))]
    entries += [Entry(Retried(at_s=4.0, trial_id=T0, reason="exit code 1")), began(1, 2)]
    trial = folded(entries).trials[T0]
    # Level 3 was reported, the checkpoint was of 2: two spared, one repeated.
    assert (trial.saved, trial.repeated) == (2, 1)
    assert (trial.retries, trial.reason) == (1, "exit code 1")


def test_units_that_another_trials_checkpoint_brought_are_not_saved_ones() -> None:
    trial = folded([start(), began(0, 5), Entry(report(6))]).trials[T0]
    assert (trial.saved, trial.repeated) == (0, 0)


def test_a_second_hello_of_an_attempt_amends_the_first() -> None:
    # The seed's order: report first, then a checkpoint helper, which says hello again.
    entries = [start(), began(0, 0), Entry(report(1)), began(0, 0)]
    trial = folded(entries).trials[T0]
    assert (trial.saved, trial.repeated) == (0, 0)
    entries += [Entry(Opened(at_s=1.0)), began(1, 0), Entry(report(2)), began(1, 0)]
    assert (folded(entries).trials[T0].saved, folded(entries).trials[T0].repeated) == (0, 1)


def test_a_refused_checkpoint_is_remarked() -> None:
    trial = folded([start(), began(0, 0, "REJECTED: sha256 differs"), began(0, 0)]).trials[T0]
    assert trial.remarks == ["REJECTED: sha256 differs"]


def test_nothing_finite_has_no_best() -> None:
    table = folded([start(), Entry(report(1, math.nan)), Entry(report(2, -math.inf))])
    assert table.best is None
    assert table.trials[T0].best is None
    assert table.trials[T0].last == table.trials[T0].reports[1]


def test_the_best_may_be_an_early_level_and_the_earliest_of_equals() -> None:
    entries = [start(), start(T1), Entry(report(1, 0.5)), Entry(report(2, 0.9))]
    table = folded([*entries, Entry(report(1, 0.5, T1))])
    assert table.best == report(1, 0.5).report
    assert table.trials[T1].best == report(1, 0.5, T1).report


def test_ended_trials_stand_in_the_order_of_their_ends() -> None:
    entries = [start(), start(T1), Entry(report(1, trial=T1), (Stop(trial_id=T1),))]
    failed = Ended(at_s=9.0, trial_id=T0, state=TrialState.FAILED, reason="exit code 1")
    table = folded([*entries, Entry(failed)])
    assert table.ended == [T1, T0]
    assert (table.failed, table.at_s) == (1, 9.0)
    assert table.trials[T0].reason == "exit code 1"
    assert [trial.state for trial in table.trials.values()] == [
        TrialState.FAILED,
        TrialState.STOPPED,
    ]


def test_how_the_last_controller_left_is_known_until_another_opens() -> None:
    closed = Closed(at_s=1.0, finished=True, reason="all trials ended")
    table = folded([Entry(Opened(at_s=0.0)), Entry(closed)])
    assert table.closed == closed
    table.fold(Opened(at_s=1.0))
    assert table.closed is None


def test_the_clock_goes_on_where_the_latest_entry_left_it() -> None:
    assert folded([Entry(Opened(at_s=5.0)), Entry(Opened(at_s=3.0))]).at_s == 5.0


# -- where an attempt starts ---------------------------------------------------------------------


def resume(at_s: float) -> Entry:
    return Entry(SlotFreed(at_s=at_s), (Resume(trial_id=T0, until=9),))


def test_an_attempt_starts_with_the_decision_that_leads_to_it() -> None:
    pause = Entry(report(3), (Pause(trial_id=T0),))
    entries = [start(until=3), Entry(report(1)), pause, resume(7.5)]
    trial = folded(entries[:2]).trials[T0]
    assert (trial.started_s, trial.started_from) == (0.0, 0)
    trial = folded(entries).trials[T0]
    assert (trial.started_s, trial.started_from) == (7.5, 3)


def test_a_retry_starts_when_the_failure_counted() -> None:
    failed = Entry(Retried(at_s=3.0, trial_id=T0, reason="exit code 1"))
    trial = folded([start(), Entry(report(2)), failed]).trials[T0]
    assert (trial.started_s, trial.started_from) == (3.0, 2)


def test_an_attempt_that_is_run_again_keeps_the_start_of_its_decision() -> None:
    entries = [start(), Entry(report(2)), Entry(Opened(at_s=2.0)), Entry(report(3))]
    trial = folded(entries).trials[T0]
    assert (trial.started_s, trial.started_from, trial.attempts) == (0.0, 0, 2)


def test_a_trial_from_anothers_checkpoint_starts_at_its_level() -> None:
    ref = CheckpointRef(trial_id=T1, level=4, sha256="")
    clone = Start(trial_id=T0, config={}, until=9, checkpoint=ref)
    assert folded([Entry(SlotFreed(at_s=1.0), (clone,))]).trials[T0].started_from == 4


def test_a_slot_that_was_left_free_is_known_until_something_happens() -> None:
    free = SlotFreed(at_s=1.0, may_start=False)
    assert folded([start(), Entry(free)]).declined == free
    for note in (Opened(at_s=2.0), Closed(at_s=2.0, finished=False, reason="")):
        assert folded([start(), Entry(free), Entry(note)]).declined == free
    retried = Retried(at_s=2.0, trial_id=T0, reason="")
    ended = Ended(at_s=2.0, trial_id=T0, state=TrialState.FAILED)
    for event in (report(1), retried, ended):
        assert folded([start(), Entry(free), Entry(event)]).declined is None
    assert folded([start()]).declined is None


def test_a_copy_is_at_the_level_it_began_from_which_it_did_not_run_itself() -> None:
    ref = CheckpointRef(trial_id=TrialId(0), level=4, sha256="ab")
    copy = Start(trial_id=TrialId(1), config={}, until=6, checkpoint=ref)
    entries = [Entry(SlotFreed(at_s=1.0), (copy,))]
    record = folded(entries).trials[TrialId(1)]
    assert (record.level, record.started_from, record.checkpoint) == (4, 4, ref)
    report = Report(trial_id=TrialId(1), resource=5, loss=0.5, at_s=2.0)
    entries += [Entry(Reported(report=report))]
    table = folded(entries)
    assert (table.units, table.trials[TrialId(1)].level) == (1, 5)
    # Its first attempt loaded level 4, its second one level 5, which it had reached itself.
    entries[1:1] = [
        Entry(Began(at_s=1.0, trial_id=TrialId(1), attempt=0, resumed_from=4, checkpoints=True))
    ]
    entries += [
        Entry(Began(at_s=3.0, trial_id=TrialId(1), attempt=1, resumed_from=5, checkpoints=True))
    ]
    assert folded(entries).trials[TrialId(1)].saved == 1


def test_what_came_of_each_resume_is_told_and_the_first_attempt_is_none() -> None:
    entries = [start(), began(0, 0), Entry(report(1))]
    for attempt, (level, remark) in enumerate([(1, ""), (0, ""), (0, "REJECTED: torn")], start=1):
        entries += [Entry(Opened(at_s=float(attempt))), began(attempt, level, remark)]
    trial = folded(entries).trials[T0]
    assert trial.resumes == {1: "resumed@1", 2: "fresh", 3: "REJECTED: torn; fresh"}
