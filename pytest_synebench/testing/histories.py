"""Hypothesis strategies for journals: reports, events, notes, decisions, and whole histories.

For whoever writes a scheduler or reads journals. A history is a list of entries that a tuner can
write: trials are started before they report, paused ones are resumed, controllers crash.

    @given(history=HISTORIES)
    def test_my_scheduler_takes_any_history_in(history: list[Entry]) -> None: ...
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from hypothesis import strategies as st

from pytest_synebench.events import (
    Began,
    Closed,
    Decision,
    Ended,
    Event,
    Note,
    Opened,
    Pause,
    Reported,
    Resume,
    Retried,
    SlotFreed,
    Start,
    Stop,
)
from pytest_synebench.experiment.journal.journal import Entry
from pytest_synebench.testing.strategies import LOSSES
from pytest_synebench.trial import CheckpointRef, Report, TrialId, TrialState

#: Any text that JSON can carry, halves of surrogate pairs included.
TEXTS = st.text(st.characters(exclude_categories=()), max_size=20)
TIMES_S = st.floats(0, 1e9)
SCALARS = st.one_of(TEXTS, st.integers(), st.floats(), st.booleans(), st.none())
METRICS = st.dictionaries(TEXTS, SCALARS, max_size=4)
CONFIGS = st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), SCALARS, max_size=4)
TRIAL_IDS = st.integers(0, 2**31).map(TrialId)
LEVELS = st.integers(1, 2**40)
UNTIL = st.none() | LEVELS

REPORTS = st.builds(
    Report, trial_id=TRIAL_IDS, resource=LEVELS, loss=LOSSES, at_s=TIMES_S, metrics=METRICS
)
CHECKPOINTS = st.builds(
    CheckpointRef, trial_id=TRIAL_IDS, level=LEVELS, sha256=st.text("0123456789abcdef", max_size=64)
)
_ENDED = st.builds(
    Ended,
    at_s=TIMES_S,
    trial_id=TRIAL_IDS,
    state=st.sampled_from([TrialState.COMPLETED, TrialState.FAILED]),
    reason=TEXTS,
)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(SlotFreed, at_s=TIMES_S, may_start=st.booleans()),
    st.builds(Reported, report=REPORTS),
    _ENDED,
)
_BEGAN = st.builds(
    Began,
    at_s=TIMES_S,
    trial_id=TRIAL_IDS,
    attempt=st.integers(0, 99),
    resumed_from=st.integers(0, 99),
    checkpoints=st.booleans(),
    remark=TEXTS,
)
NOTES: st.SearchStrategy[Note] = st.one_of(
    st.builds(Opened, at_s=TIMES_S),
    _BEGAN,
    st.builds(Retried, at_s=TIMES_S, trial_id=TRIAL_IDS, reason=TEXTS),
    st.builds(Closed, at_s=TIMES_S, finished=st.booleans(), reason=TEXTS),
)
DECISIONS: st.SearchStrategy[Decision] = st.one_of(
    st.builds(
        Start,
        trial_id=TRIAL_IDS,
        config=CONFIGS,
        until=UNTIL,
        checkpoint=st.none() | CHECKPOINTS,
    ),
    st.builds(Resume, trial_id=TRIAL_IDS, until=UNTIL),
    st.builds(Pause, trial_id=TRIAL_IDS),
    st.builds(Stop, trial_id=TRIAL_IDS),
)

_KINDS = (
    *("start", "report", "began", "pause", "resume", "retry"),
    *("stop", "complete", "fail", "crash", "close"),
)
_Step: TypeAlias = tuple[str, int, float, int]


@dataclass(slots=True)
class _Story:
    """Turns steps into entries; a step that cannot happen now does not happen."""

    entries: list[Entry] = field(default_factory=list)
    running: list[TrialId] = field(default_factory=list)
    paused: list[TrialId] = field(default_factory=list)
    levels: dict[TrialId, int] = field(default_factory=dict)
    attempts: dict[TrialId, int] = field(default_factory=dict)

    @property
    def at_s(self) -> float:
        return float(len(self.entries))

    def note(self, event: Event | Note, *decisions: Decision) -> None:
        self.entries.append(Entry(event, decisions))

    def tell(self, step: _Step) -> None:
        kind, pick, loss, units = step
        if kind == "start":
            self.start(pick)
        elif kind in {"crash", "close"}:
            self.open_again(closed=kind == "close")
        elif kind == "resume":
            self.resume(pick)
        elif self.running:
            self.attempt(kind, self.running[pick % len(self.running)], loss, units)

    def start(self, pick: int) -> None:
        trial = TrialId(len(self.levels))
        decision = Start(trial_id=trial, config={"lr": pick / 8}, until=None)
        self.note(SlotFreed(at_s=self.at_s), decision)
        self.running.append(trial)
        self.levels[trial] = self.attempts[trial] = 0

    def resume(self, pick: int) -> None:
        if not self.paused:
            return
        trial = self.paused.pop(pick % len(self.paused))
        self.note(SlotFreed(at_s=self.at_s), Resume(trial_id=trial))
        self.running.append(trial)
        self.attempts[trial] += 1

    def open_again(self, *, closed: bool) -> None:
        if closed:
            self.note(Closed(at_s=self.at_s, finished=False, reason="interrupted"))
        self.note(Opened(at_s=self.at_s))
        for trial in self.running:
            self.attempts[trial] += 1

    def attempt(self, kind: str, trial: TrialId, loss: float, units: int) -> None:
        if kind in {"complete", "fail"}:
            state = TrialState.COMPLETED if kind == "complete" else TrialState.FAILED
            self.note(Ended(at_s=self.at_s, trial_id=trial, state=state))
            self.running.remove(trial)
        elif kind == "retry":
            self.note(Retried(at_s=self.at_s, trial_id=trial, reason="exit code 1"))
            self.attempts[trial] += 1
        elif kind == "began":
            self.began(trial, max(0, self.levels[trial] + 1 - units))
        else:
            self.report(kind, trial, loss, units)

    def began(self, trial: TrialId, resumed_from: int) -> None:
        self.note(
            Began(
                at_s=self.at_s,
                trial_id=trial,
                attempt=self.attempts[trial],
                resumed_from=resumed_from,
                checkpoints=True,
            )
        )

    def report(self, kind: str, trial: TrialId, loss: float, units: int) -> None:
        level = self.levels[trial] = self.levels[trial] + units
        metrics = {"epoch": level, "loss": loss}
        report = Report(trial_id=trial, resource=level, loss=loss, at_s=self.at_s, metrics=metrics)
        end: dict[str, Decision] = {"pause": Pause(trial_id=trial), "stop": Stop(trial_id=trial)}
        self.note(Reported(report=report), *([end[kind]] if kind in end else []))
        if kind in end:
            self.running.remove(trial)
        if kind == "pause":
            self.paused.append(trial)


def _told(steps: list[_Step]) -> list[Entry]:
    story = _Story()
    story.note(Opened(at_s=0.0))
    for step in steps:
        story.tell(step)
    return story.entries


#: Journals that a tuner can write, from the first entry on; reports have "epoch" and "loss".
HISTORIES: st.SearchStrategy[list[Entry]] = st.lists(
    st.tuples(st.sampled_from(_KINDS), st.integers(0, 7), LOSSES, st.integers(1, 3)), max_size=40
).map(_told)
