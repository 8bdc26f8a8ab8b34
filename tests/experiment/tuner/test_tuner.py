from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_backend import Behaviour, ScriptedBackend, loss_of
from tuner_bench import Bench, journaled, states

from pytest_synebench.backends.protocol import AttemptKey
from pytest_synebench.events import Reported, Start, Stop
from pytest_synebench.experiment.journal.journal import Journal, read_journal
from pytest_synebench.trial import TrialState


def test_trials_are_paused_at_rungs_and_the_best_go_on_to_the_end(tmp_path: Path) -> None:
    tuner = Bench(tmp_path).run()

    ends = sorted(trial.level for trial in tuner.parts.table.trials.values())
    assert ends[0] == 1
    assert ends[-1] == 9
    assert 3 in ends
    assert tuner.reason == "all trials ended"
    assert tuner.finished
    assert any(trial.resumed for trial in tuner.parts.table.trials.values())


def test_an_attempt_that_ends_at_its_stop_level_is_never_told_to_stop(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    tuner = bench.run()
    assert bench.backend(tuner).stopped == []


@pytest.mark.parametrize("scheduler", ["asha_promotion", "asha_stopping"])
def test_a_decision_is_on_disk_before_it_is_carried_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheduler: str
) -> None:
    path = tmp_path / "journal.jsonl"
    synced, acted = [0], []
    sync, stop = Journal.sync, ScriptedBackend.stop

    def noted(journal: Journal, **last: bool) -> None:
        sync(journal, **last)
        synced[:] = [len(read_journal(path)[1])]

    def check(decision: type[Start | Stop], trial_id: int) -> None:
        _, entries = read_journal(path)
        assert synced == [len(entries)]
        decided = [d for e in entries for d in e.decisions if isinstance(d, decision)]
        assert trial_id in [d.trial_id for d in decided]
        acted.append(decision)

    def stopped(backend: ScriptedBackend, key: AttemptKey) -> None:
        check(Stop, key.trial_id)
        stop(backend, key)

    monkeypatch.setattr(Journal, "sync", noted)
    monkeypatch.setattr(ScriptedBackend, "stop", stopped)
    Bench(
        tmp_path,
        {"scheduler": scheduler},
        on_start=lambda spec: check(Start, spec.key.trial_id),
    ).run()
    assert acted.count(Start) >= 9
    assert (Stop in acted) == (scheduler == "asha_stopping")


def test_what_a_pump_has_seen_is_on_disk_when_it_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[Journal] = []
    monkeypatch.setattr(Journal, "sync", lambda journal, **last: waits.append(journal))
    tuner = Bench(tmp_path).session()
    while not tuner.done:
        waits.clear()
        before = len(read_journal(tmp_path / "journal.jsonl")[1])
        tuner.pump(1.0)
        grown = len(read_journal(tmp_path / "journal.jsonl")[1]) > before
        assert waits or not grown


@given(workers=st.integers(1, 5), trials=st.integers(1, 12), delay=st.sampled_from([0.0, 0.5, 4.0]))
@settings(max_examples=30, deadline=None)
def test_never_more_attempts_are_alive_than_workers(
    workers: int, trials: int, delay: float
) -> None:
    with TemporaryDirectory() as name:
        bench = Bench(
            Path(name),
            {"num_workers": workers, "num_trials": trials},
            Behaviour(end_delay_s=delay),
        )
        tuner = bench.run()
        assert bench.backend(tuner).most_alive <= workers
        assert len(tuner.parts.table.trials) == trials


@given(
    cuts=st.lists(st.integers(0, 40), max_size=4),
    scheduler=st.sampled_from(["fifo", "asha_promotion", "asha_stopping"]),
    checkpointing=st.sampled_from(["auto", "every", "off"]),
    delay=st.sampled_from([0.0, 3.0]),
)
@settings(max_examples=60, deadline=None)
def test_a_controller_that_dies_anywhere_loses_and_doubles_nothing(
    cuts: list[int], scheduler: str, checkpointing: str, delay: float
) -> None:
    with TemporaryDirectory() as name:
        bench = Bench(
            Path(name),
            {"scheduler": scheduler, "checkpointing": checkpointing, "num_trials": 6},
            Behaviour(end_delay_s=delay),
        )
        before: set[tuple[int, int]] = set()
        keys: list[object] = []
        for cut in cuts:
            tuner = bench.session()
            for _ in range(cut):
                tuner.pump(60.0)
            before |= journaled(tuner)
            keys += [spec.key for spec in bench.backend(tuner).started]
            tuner.parts.journal.close()  # dies: nothing else is done
        tuner = bench.run()
        keys += [spec.key for spec in bench.backend(tuner).started]

        assert len(keys) == len(set(keys)), "an attempt number was given twice"
        assert before <= journaled(tuner), "a report was lost"
        for trial in tuner.parts.table.trials.values():
            assert [r.resource for r in trial.reports] == list(range(1, trial.level + 1))
            for report in trial.reports:
                assert report.loss == pytest.approx(
                    ((trial.id * 7919) % 101) / 101 + 1 / report.resource
                )
        assert tuner.finished


def test_a_resumed_run_decides_as_the_uninterrupted_one(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole = Bench(tmp_path / "a", {"num_workers": 1}).run()
    bench = Bench(tmp_path / "b", {"num_workers": 1})
    for _ in range(5):
        tuner = bench.session()
        for _ in range(4):
            tuner.pump(60.0)
        tuner.parts.journal.close()
    tuner = bench.run()

    assert states(tuner) == states(whole)
    assert journaled(tuner) == journaled(whole)
    assert [dict(t.config) for t in tuner.parts.table.trials.values()] == [
        dict(t.config) for t in whole.parts.table.trials.values()
    ]


def test_a_level_repeated_after_a_resume_reaches_the_scheduler_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"checkpointing": "off"})
    tuner = bench.run()
    _, entries = read_journal(tmp_path / "journal.jsonl")
    reports = [
        (e.event.report.trial_id, e.event.report.resource)
        for e in entries
        if isinstance(e.event, Reported)
    ]
    assert len(reports) == len(set(reports))
    repeated = sum(trial.repeated for trial in tuner.parts.table.trials.values())
    assert repeated > 0, "without checkpoints a resumed trial starts over"


def test_elapsed_time_goes_on_where_the_resumed_level_ended(tmp_path: Path) -> None:
    # The script counts from its own start: one unit per level, from nought in each process.
    timed = Behaviour(
        metrics=lambda spec, level: {
            "epoch": level,
            "loss": loss_of(spec, level),
            "elapsed": float(level - spec.resume_at_most),
        }
    )
    tuner = Bench(tmp_path, {}, timed).run()
    assert any(trial.resumed for trial in tuner.parts.table.trials.values())
    for trial in tuner.parts.table.trials.values():
        assert [r.metrics["elapsed"] for r in trial.reports] == [r.resource for r in trial.reports]


def test_a_repeat_that_differs_is_remarked(tmp_path: Path) -> None:
    times = iter(range(10_000))
    drifting = Behaviour(
        metrics=lambda spec, level: {"epoch": level, "loss": loss_of(spec, level) + next(times)}
    )
    tuner = Bench(tmp_path, {"checkpointing": "off"}, drifting).run()
    assert any("does not continue as it began" in remark for remark in tuner.remarks)


def test_what_is_sent_after_a_stop_changes_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"scheduler": "asha_stopping", "num_trials": 12})
    tuner = bench.run()
    stopped = [t for t in tuner.parts.table.trials.values() if t.state is TrialState.STOPPED]
    assert stopped
    assert {trial.level for trial in stopped} <= {1, 3}
