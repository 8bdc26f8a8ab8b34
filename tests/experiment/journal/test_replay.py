from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journals import folded

from pytest_synebench.errors import ReplayMismatch
from pytest_synebench.events import (
    Decision,
    Ended,
    Event,
    Opened,
    Reported,
    Retried,
    SlotFreed,
    Start,
)
from pytest_synebench.experiment.journal.journal import Entry
from pytest_synebench.experiment.journal.replay import replay
from pytest_synebench.experiment.journal.trials import TrialTable
from pytest_synebench.schedulers import catalog as schedulers
from pytest_synebench.schedulers.arguments import Arguments
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.searchers import catalog as searchers
from pytest_synebench.space import ConfigSpace, uniform
from pytest_synebench.testing.histories import HISTORIES
from pytest_synebench.testing.strategies import LOSSES
from pytest_synebench.trial import CheckpointRef, Report, TrialId, TrialState

LAST = 9


def scheduler_of(name: str, seed: int = 0) -> Scheduler:
    space = ConfigSpace({"x": uniform(0, 1)})
    given = Arguments(
        searcher=searchers.build("random", space, seed=seed),
        space=space,
        resource_attr="epoch",
        max_resource=LAST,
        cost_attr="seconds",
    )
    return schedulers.build(name, given)


def drive(scheduler: Scheduler, losses: list[float]) -> list[Entry]:
    """Run one trial at a time, a level per loss; with crashes and retries in between."""
    entries, table = [], TrialTable()

    def take(event: Event, *, note: bool = False) -> tuple[Decision, ...]:
        decisions = scheduler.handle(event)
        entries.append(Entry(event, decisions))
        table.fold(event, decisions)
        if note:
            entries.append(Entry(Opened(at_s=event.at_s)))
            table.fold(entries[-1].event)
        return decisions

    for i, loss in enumerate(losses):
        at_s = float(i)
        running = next(iter(table.running()), None)
        if running is None:
            take(SlotFreed(at_s=at_s))
            running = next(iter(table.running()))
        resource = running.level + 1
        report = Report(trial_id=running.id, resource=resource, loss=loss, at_s=at_s)
        decided = take(Reported(report=report), note=i % 5 == 0)
        if resource == LAST and not decided:
            take(Ended(at_s=at_s, trial_id=running.id, state=TrialState.COMPLETED))
    return entries


@pytest.mark.parametrize("name", schedulers.NAMES)
@given(losses=st.lists(LOSSES, min_size=1, max_size=30), cut=st.integers(0, 90))
def test_after_a_replay_the_scheduler_decides_as_if_it_had_never_stopped(
    name: str, losses: list[float], cut: int
) -> None:
    entries = drive(scheduler_of(name), losses)
    cut = min(cut, len(entries))
    resumed, table = scheduler_of(name), TrialTable()
    replay(entries[:cut], resumed, table, audit=True)
    assert repr(vars(table)) == repr(vars(folded(entries[:cut])))
    for entry in entries[cut:]:
        if isinstance(entry.event, SlotFreed | Reported | Ended):
            assert resumed.handle(entry.event) == entry.decisions


@dataclass
class Recorder:
    """A scheduler that remembers what it is asked; it never starts anything."""

    pauses: bool = False
    levels: tuple[int, ...] = ()
    asked: list[Event] = field(default_factory=list)
    folded: list[tuple[Event, tuple[Decision, ...]]] = field(default_factory=list)

    def decide(self, event: Event) -> tuple[Decision, ...]:
        self.asked.append(event)
        return ()

    def fold(self, event: Event, decisions: tuple[Decision, ...]) -> None:
        self.folded.append((event, decisions))

    def handle(self, event: Event) -> tuple[Decision, ...]:
        raise AssertionError(event)


@given(history=HISTORIES)
def test_replay_folds_every_event_and_no_note_and_decides_nothing(history: list[Entry]) -> None:
    recorder, table = Recorder(), TrialTable()
    replay(history, recorder, table)
    events = [e for e in history if isinstance(e.event, SlotFreed | Reported | Ended)]
    assert recorder.asked == []
    assert repr(recorder.folded) == repr([(e.event, e.decisions) for e in events])
    assert repr(vars(table)) == repr(vars(folded(history)))


def test_an_audit_names_the_first_entry_that_would_be_decided_otherwise_now() -> None:
    entries = drive(scheduler_of("fifo", seed=1), [0.5] * (2 * LAST))
    starts = [i for i, e in enumerate(entries) if any(isinstance(d, Start) for d in e.decisions)]
    # Trial 0 is the midpoint under any seed; trial 1 is the first that another seed draws anew.
    with pytest.raises(
        ReplayMismatch, match=rf"^line {starts[1] + 2} of the journal: on \{{'k': 'slot'.*changed$"
    ):
        replay(entries, scheduler_of("fifo", seed=2), TrialTable(), audit=True)
    replay(entries, scheduler_of("fifo", seed=2), TrialTable())


def test_an_audit_passes_over_notes() -> None:
    entries = drive(scheduler_of("fifo"), [0.5])
    entries.append(Entry(Retried(at_s=1.0, trial_id=TrialId(0), reason="exit code 1")))
    table = TrialTable()
    replay(entries, scheduler_of("fifo"), table, audit=True)
    assert table.trials[TrialId(0)].retries == 1


ASKED = CheckpointRef(trial_id=TrialId(0), level=4, sha256="")


@dataclass
class Copying(Scheduler):
    """Starts a copy."""

    pauses: bool = True
    levels: tuple[int, ...] = (4,)

    def decide(self, event: Event) -> tuple[Decision, ...]:
        return (Start(trial_id=TrialId(1), config={}, until=9, checkpoint=ASKED),)

    def fold(self, event: Event, decisions: tuple[Decision, ...]) -> None:
        pass


@pytest.mark.parametrize(
    ("found", "same"),
    [
        (replace(ASKED, sha256="ab"), True),
        (replace(ASKED, level=2, sha256="ab"), True),
        (None, True),
        (replace(ASKED, level=5, sha256="ab"), False),
        (replace(ASKED, trial_id=TrialId(2), sha256="ab"), False),
    ],
)
def test_an_audit_passes_over_which_bytes_a_copy_was_pinned_to(
    found: CheckpointRef | None, same: bool
) -> None:
    written = Start(trial_id=TrialId(1), config={}, until=9, checkpoint=found)
    entries = [Entry(SlotFreed(at_s=0.0), (written,))]
    if same:
        replay(entries, Copying(), TrialTable(), audit=True)
    else:
        with pytest.raises(ReplayMismatch, match="line 2"):
            replay(entries, Copying(), TrialTable(), audit=True)
