"""The tuner in virtual time: loads, delays and deaths of controllers change nothing it decides."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_backend import Behaviour, loss_of
from tuner_bench import Bench, finish, journaled, states

from pytest_synebench.backends.protocol import AttemptSpec
from pytest_synebench.clock import VirtualClock
from pytest_synebench.events import Closed, Ended, Opened, Reported, Retried, SlotFreed, Start
from pytest_synebench.experiment.assembly import build_scheduler
from pytest_synebench.experiment.journal import timings
from pytest_synebench.experiment.journal.journal import Entry, read_journal
from pytest_synebench.experiment.journal.replay import replay
from pytest_synebench.experiment.journal.trials import TrialTable
from pytest_synebench.experiment.tuner.tuner import Tuner
from pytest_synebench.space import keyed_random
from pytest_synebench.trial import TrialId, TrialState


@dataclass(frozen=True)
class Setting:
    """What is run, and what happens to its trials wherever it runs."""

    scheduler: str = "asha_promotion"
    workers: int = 3
    trials: int = 7
    checkpointing: str = "auto"
    retries: int = 0
    #: trial -> level at which each of its attempts crashes, exits early, or hangs
    crashes: tuple[tuple[int, int], ...] = ()
    exits: tuple[tuple[int, int], ...] = ()
    hangs: tuple[tuple[int, int], ...] = ()

    @property
    def params(self) -> dict[str, Any]:
        return {
            "deterministic": True,
            "scheduler": self.scheduler,
            "num_workers": self.workers,
            "num_trials": self.trials,
            "checkpointing": self.checkpointing,
            "max_retries": self.retries,
            "max_failures": 99,
            "progress_timeout": 1000.0,
        }


def loaded(setting: Setting, load: int) -> Behaviour:
    """The same scripts on a machine whose speed jumps about."""

    def jitter(*key: object) -> float:
        # Over three decades: whoever is first in one load is last in another.
        return float(10 ** keyed_random(load, *key).uniform(-1.5, 1.5))

    def within(places: tuple[tuple[int, int], ...]) -> Callable[[AttemptSpec, int], bool]:
        return lambda spec, level: (spec.key.trial_id, level) in places

    return Behaviour(
        seconds=lambda spec, level: jitter(spec.key, level),
        lag_s=lambda spec, when: jitter(spec.key, when),
        metrics=lambda spec, level: {
            "epoch": level,
            "loss": loss_of(spec, level),
            "elapsed": jitter(spec.key, level),
        },
        fails_at=within(setting.crashes),
        exits_early_at=within(setting.exits),
        hangs_at=within(setting.hangs),
        words=f"exit code 1\nTraceback: /tmp/run-{load}/train.py",
    )


@dataclass
class Place:
    bench: Bench

    @property
    def path(self) -> Path:
        return self.bench.root / "journal.jsonl"

    @property
    def entries(self) -> list[Entry]:
        return read_journal(self.path)[1]

    def go_on(self) -> Tuner:
        """Run to the end, whatever a session writes to timings.jsonl included."""
        tuner = self.bench.session()
        finish(tuner)
        timings.append(self.bench.root, tuner.timings)
        return tuner


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


_NUMBERS = itertools.count()


def place(
    folder: Path, setting: Setting, load: int, capacity: int | None = None, **params: Any
) -> Place:
    root = folder / str(next(_NUMBERS))
    root.mkdir()
    bench = Bench(root, {**setting.params, **params}, loaded(setting, load), capacity=capacity)
    return Place(bench)


def told(entries: list[Entry]) -> list[Entry]:
    """What the scheduler was told and decided, and each retry; without whose process it was."""
    kinds = SlotFreed | Reported | Ended | Retried
    return [entry for entry in entries if isinstance(entry.event, kinds)]


PLACES = st.lists(st.tuples(st.integers(0, 6), st.integers(1, 9)), max_size=2).map(tuple)
SETTINGS = st.builds(
    Setting,
    scheduler=st.sampled_from(["asha_promotion", "asha_stopping", "fifo"]),
    workers=st.integers(1, 4),
    trials=st.integers(1, 7),
    checkpointing=st.sampled_from(["auto", "every", "off"]),
    retries=st.integers(0, 1),
    crashes=PLACES,
    exits=PLACES,
    hangs=PLACES,
)
LOADS = st.integers(0, 10**6)


@given(setting=SETTINGS, loads=st.tuples(LOADS, LOADS), capacity=st.sampled_from([None, 1, 2]))
@settings(max_examples=80, deadline=None)
def test_the_journal_is_the_same_whatever_runs_how_fast_and_how_many_at_once(
    folder: Path, setting: Setting, loads: tuple[int, int], capacity: int | None
) -> None:
    one, other = place(folder, setting, loads[0]), place(folder, setting, loads[1], capacity)
    one.go_on()
    other.go_on()
    assert one.path.read_bytes() == other.path.read_bytes()
    assert isinstance(one.entries[-1].event, Closed)
    assert one.entries[-1].event.finished


@given(setting=SETTINGS, loads=st.tuples(LOADS, LOADS), cut=st.floats(0, 1))
@settings(max_examples=80, deadline=None)
def test_a_controller_that_dies_after_any_entry_decides_as_if_it_had_not(
    folder: Path, setting: Setting, loads: tuple[int, int], cut: float
) -> None:
    whole, broken = place(folder, setting, loads[0]), place(folder, setting, loads[1])
    whole.go_on()
    lines = whole.path.read_bytes().splitlines(keepends=True)
    broken.path.write_bytes(b"".join(lines[: 1 + int(cut * (len(lines) - 2))]))
    broken.bench.saved.update(whole.bench.saved)
    broken.go_on()
    assert told(broken.entries) == told(whole.entries)


@pytest.mark.parametrize("scheduler", ["asha_promotion", "asha_stopping", "fifo"])
def test_every_single_entry_may_be_the_last_of_a_controller(folder: Path, scheduler: str) -> None:
    setting = Setting(scheduler=scheduler, retries=1, crashes=((2, 1), (4, 3)), exits=((1, 2),))
    whole = place(folder, setting, 0)
    whole.go_on()
    lines = whole.path.read_bytes().splitlines(keepends=True)
    for count in range(1, len(lines)):
        broken = place(folder, setting, count)
        broken.path.write_bytes(b"".join(lines[:count]))
        broken.bench.saved.update({k: list(v) for k, v in whole.bench.saved.items()})
        broken.go_on()
        assert told(broken.entries) == told(whole.entries), f"cut after line {count}"


@given(setting=SETTINGS, load=LOADS, pumps=st.lists(st.integers(0, 30), max_size=3))
@settings(max_examples=40, deadline=None)
def test_interruptions_change_no_decision(
    folder: Path, setting: Setting, load: int, pumps: list[int]
) -> None:
    whole, broken = place(folder, setting, load), place(folder, setting, load + 1)
    whole.go_on()
    for count in pumps:
        tuner = broken.bench.session()
        for _ in range(count):
            tuner.pump(7.0)
        tuner.close("Ctrl-C", finished=False)
        tuner.parts.journal.close()
    broken.go_on()
    assert told(broken.entries) == told(whole.entries)


@given(setting=SETTINGS, load=LOADS, budget=st.integers(1, 30))
@settings(max_examples=40, deadline=None)
def test_a_budget_ends_it_at_the_same_report(
    folder: Path, setting: Setting, load: int, budget: int
) -> None:
    runs = [place(folder, setting, load + i, resource_budget=budget) for i in (0, 1)]
    for run in runs:
        run.go_on()
    assert runs[0].path.read_bytes() == runs[1].path.read_bytes()


@pytest.mark.parametrize("seconds", [0.1, 1.0, 10.0])
def test_a_trial_that_is_about_to_complete_when_a_criterion_ends_the_run_is_unfinished(
    folder: Path, seconds: float
) -> None:
    """Whether its end has arrived by then is chance; so it never counts."""
    run = place(folder, Setting(scheduler="fifo", workers=2, trials=2), 0, resource_budget=17)
    run.bench.behaviour = Behaviour(
        seconds=lambda spec, level: 1.0 if spec.key.trial_id else seconds
    )
    tuner = run.go_on()
    assert tuner.reason == "resource_budget of 17 units spent"
    assert [trial.level for trial in tuner.parts.table.trials.values()] == [9, 8]
    assert states(tuner) == [TrialState.RUNNING] * 2


def test_the_scheduler_would_decide_the_same_again(folder: Path) -> None:
    run = place(folder, Setting(crashes=((1, 1),)), 5)
    run.go_on()
    replay(run.entries, build_scheduler(run.bench.plan), TrialTable(), audit=True)


def test_asynchronous_stays_asynchronous_a_slow_start_costs_no_virtual_time(folder: Path) -> None:
    run = place(folder, Setting(workers=2, trials=4), 3)
    run.go_on()
    times = [e.event.at_s for e in run.entries if isinstance(e.event, Reported)]
    assert times[:2] == [1.0, 1.0]
    assert times == sorted(times)
    starts = [e.event.at_s for e in run.entries if any(isinstance(d, Start) for d in e.decisions)]
    assert starts[:2] == [0.0, 0.0]
    assert len(set(starts)) > 1, "nobody waits for a rung to fill"


def test_a_report_counts_at_the_start_of_its_attempt_plus_its_levels(folder: Path) -> None:
    run = place(
        folder, Setting(workers=1, trials=1, scheduler="fifo", crashes=((0, 4),), retries=1), 0
    )
    run.go_on()
    events = [entry.event for entry in told(run.entries)]
    assert [e.at_s for e in events if isinstance(e, Reported)] == [1.0, 2.0, 3.0]
    # The crash counts when level 4 was due; the retry, without checkpoints, begins there.
    assert [e.at_s for e in events if isinstance(e, Retried)] == [4.0]
    assert [e.at_s for e in events if isinstance(e, Ended)] == [5.0]


def test_nothing_measured_stands_in_the_journal_and_all_of_it_beside(folder: Path) -> None:
    run = place(folder, Setting(scheduler="fifo", workers=2, trials=2), 11)
    tuner = run.go_on()
    assert b"elapsed" not in run.path.read_bytes()
    arrivals = timings.arrivals(run.bench.root)
    assert set(arrivals) == {(TrialId(i), level) for i in (0, 1) for level in range(1, 10)}
    for one in arrivals.values():
        assert isinstance(one.elapsed, float)
    measured = [arrivals[TrialId(0), level].at_s for level in range(1, 10)]
    assert measured == sorted(measured)
    assert timings.last_s(run.bench.root) == pytest.approx(tuner.measured_s())
    assert tuner.now_s() == 9.0


def test_the_measured_time_of_a_report_is_that_of_its_arrival(folder: Path) -> None:
    run = place(folder, Setting(scheduler="fifo", workers=2, trials=2), 0)
    run.bench.behaviour = Behaviour(seconds=lambda spec, level: 1.0 if spec.key.trial_id else 50.0)
    run.go_on()
    arrivals = timings.arrivals(run.bench.root)
    assert [arrivals[TrialId(1), level].at_s for level in (1, 2, 3)] == [1.0, 2.0, 3.0]


def test_elapsed_time_goes_on_beside_the_journal_when_a_trial_or_its_run_is_resumed(
    folder: Path,
) -> None:
    run = place(folder, Setting(workers=1, trials=9), 0)
    run.bench.behaviour = replace(
        run.bench.behaviour,
        metrics=lambda spec, level: {
            "epoch": level,
            "loss": loss_of(spec, level),
            "elapsed": 1.5 * (level - spec.resume_at_most),
        },
    )
    tuner = run.bench.session()
    while not any(trial.resumed for trial in tuner.parts.table.trials.values()):
        tuner.pump(60.0)
    timings.append(run.bench.root, tuner.timings)
    tuner.parts.journal.close()  # dies
    run.go_on()
    arrivals = timings.arrivals(run.bench.root)
    assert {level for _, level in arrivals} == set(range(1, 10))
    assert all(one.elapsed == 1.5 * level for (_, level), one in arrivals.items())


def test_what_a_failed_script_printed_is_not_journaled(folder: Path) -> None:
    run = place(folder, Setting(crashes=((0, 1),)), 4)
    tuner = run.go_on()
    assert tuner.parts.table.trials[TrialId(0)].reason == "exit code 1"
    assert b"Traceback" not in run.path.read_bytes()


def test_a_scheduler_timeout_interrupts_and_the_run_goes_on_to_the_same_end(folder: Path) -> None:
    setting = Setting(workers=2)
    whole, timed = place(folder, setting, 1), place(folder, setting, 2, scheduler_timeout=20.0)
    whole.go_on()
    tuner = timed.go_on()
    assert not tuner.finished
    assert tuner.reason.startswith("scheduler_timeout of 20 s reached; in a deterministic run")
    assert tuner.reason.endswith("--synebench-resume goes on")
    assert tuner.measured_s() == pytest.approx(20.0)
    sessions = 2
    while not timed.go_on().finished:
        sessions += 1
        assert sessions < 100, "it does not come to an end"
    assert sessions > 2, "each session has the whole time"
    assert told(timed.entries) == told(whole.entries)
    assert sum(isinstance(e.event, Opened) for e in timed.entries) == sessions


def test_a_hanging_attempt_fails_at_the_level_that_was_due(folder: Path) -> None:
    run = place(folder, Setting(scheduler="fifo", workers=2, trials=3, hangs=((1, 4),)), 8)
    tuner = run.go_on()
    trial = tuner.parts.table.trials[TrialId(1)]
    assert trial.state is TrialState.FAILED
    assert "no report for 1000 s" in trial.reason
    (ended,) = [
        e.event for e in run.entries if isinstance(e.event, Ended) and e.event.trial_id == 1
    ]
    assert ended.at_s == 4.0


def test_an_attempt_that_waits_for_its_turn_is_not_overdue(folder: Path) -> None:
    # Trial 0 takes for ever; trial 1 has ended long before its end may count.
    slow = Behaviour(seconds=lambda spec, level: 900.0 if spec.key.trial_id == 0 else 0.1)
    run = place(folder, Setting(scheduler="fifo", workers=2, trials=2), 0)
    run.bench.behaviour = slow
    assert states(run.go_on()) == [TrialState.COMPLETED] * 2


def test_a_save_after_the_last_report_is_waited_for(folder: Path) -> None:
    """A pause ends its attempt; how long that takes must not change what is decided next."""
    setting = Setting(workers=3, trials=6)
    quick, slow = place(folder, setting, 1), place(folder, setting, 1)
    slow.bench.behaviour = replace(slow.bench.behaviour, lag_s=lambda spec, when: 9.0)
    quick.go_on()
    slow.go_on()
    assert quick.path.read_bytes() == slow.path.read_bytes()


def test_a_raised_limit_goes_on_where_the_run_ended(folder: Path) -> None:
    setting = Setting(workers=2)
    whole, short = place(folder, setting, 1), place(folder, setting, 2, num_trials=3)
    whole.go_on()
    short.go_on()
    more = Bench(short.bench.root, setting.params, loaded(setting, 3), saved=short.bench.saved)
    tuner = more.session()
    finish(tuner)
    assert tuner.reason == "all trials ended"
    assert len(tuner.parts.table.trials) == setting.trials


def test_the_machine_may_run_fewer_than_there_are_slots(folder: Path) -> None:
    run = place(folder, Setting(workers=4), 1, capacity=2)
    tuner = run.bench.session()
    finish(tuner)
    assert run.bench.backend(tuner).most_alive == 2


def test_without_it_times_are_measured_and_elapsed_time_is_in_the_journal(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {}, loaded(Setting(), 3))
    tuner = bench.run()
    assert b"elapsed" in (tmp_path / "journal.jsonl").read_bytes()
    clock = tuner.parts.clock
    assert isinstance(clock, VirtualClock)
    assert tuner.now_s() == clock.now_s()
    assert all(isinstance(line, timings.Span) for line in tuner.timings)
    assert journaled(tuner)
