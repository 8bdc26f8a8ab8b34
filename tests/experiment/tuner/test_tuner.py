from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_backend import Behaviour, ScriptedBackend, loss_of

from pytest_synebench.backends.protocol import AttemptReported, AttemptSpec
from pytest_synebench.clock import VirtualClock
from pytest_synebench.definition import Benchmark
from pytest_synebench.events import Closed, Reported, Start
from pytest_synebench.experiment.assembly import build_scheduler
from pytest_synebench.experiment.journal.journal import Journal, read_journal
from pytest_synebench.experiment.journal.replay import replay
from pytest_synebench.experiment.journal.trials import TrialTable
from pytest_synebench.experiment.plan.parameter_table import GLOBALS, resolve
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.tuner.budget import Budget
from pytest_synebench.experiment.tuner.deadlines import Deadlines
from pytest_synebench.experiment.tuner.intake import Intake
from pytest_synebench.experiment.tuner.launch import Launch
from pytest_synebench.experiment.tuner.tuner import Limits, Machinery, Tuner
from pytest_synebench.space import uniform
from pytest_synebench.trial import CheckpointRef, TrialId, TrialState


@dataclass
class Bench:
    """One run directory, and the sessions that work in it one after another."""

    root: Path
    params: Mapping[str, Any] = field(default_factory=dict)
    behaviour: Behaviour = field(default_factory=Behaviour)
    on_start: Callable[[AttemptSpec], None] = lambda spec: None
    saved: dict[int, list[int]] = field(default_factory=dict)
    mode: str = "min"

    def __post_init__(self) -> None:
        script = self.root / "train.py"
        script.write_text("")
        definition = Benchmark(
            script=script,
            config_space={"x": uniform(0, 1), "epochs": 9},
            metric="loss",
            mode=self.mode,  # type: ignore[arg-type] # one of the two
            resource_attr="epoch",
            max_resource_attr="epochs",
            elapsed_time_attr="elapsed",
        )
        defaults = {"scheduler": "asha_promotion", "num_workers": 2, "num_trials": 9}
        params = resolve(GLOBALS, [("user", {**defaults, **self.params})], "toy")
        self.plan = Plan(benchmark="toy", variant="v", params=params, definition=definition)

    def newest(self, directory: Path, at_most: int | None) -> CheckpointRef | None:
        trial_id = TrialId(int(directory.parent.name))
        levels = [v for v in self.saved.get(trial_id, []) if at_most is None or v <= at_most]
        if not levels:
            return None
        return CheckpointRef(trial_id=trial_id, level=max(levels), sha256="")

    def discard_beyond(self, directory: Path, level: int) -> None:
        raise NotImplementedError

    def session(self) -> Tuner:
        """Open the run as a controller does: replay what is there, go on."""
        clock = VirtualClock()
        scheduler, table = build_scheduler(self.plan), TrialTable()
        journal = Journal(self.root / "journal.jsonl", sync=False)
        if journal.header is None:
            journal.begin({})
        replay(journal.entries, scheduler, table)
        backend = ScriptedBackend(clock, self.behaviour, self.saved, on_start=self.on_start)
        launch = Launch(self.plan, scheduler, self.root, self)
        tuner = Tuner(
            Machinery(
                scheduler=scheduler,
                backend=backend,
                journal=journal,
                table=table,
                launch=launch,
                intake=Intake(self.plan.definition),
                clock=clock,
            ),
            Limits(
                num_workers=self.plan.params["num_workers"],
                max_retries=self.plan.params["max_retries"],
                budget=Budget.of(self.plan),
                deadlines=Deadlines(
                    trial_timeout_s=self.plan.params["trial_timeout"],
                    progress_timeout_s=self.plan.params["progress_timeout"],
                ),
                wind_down_s=1.0,
            ),
        )
        tuner.open()
        return tuner

    def backend(self, tuner: Tuner) -> ScriptedBackend:
        assert isinstance(tuner.parts.backend, ScriptedBackend)
        return tuner.parts.backend

    def run(self) -> Tuner:
        tuner = self.session()
        finish(tuner)
        return tuner


def finish(tuner: Tuner) -> None:
    for _ in range(100_000):
        if tuner.done:
            tuner.parts.journal.close()
            return
        tuner.pump(60.0)
    raise AssertionError("the experiment does not end")


def levels(tuner: Tuner, trial_id: int) -> list[int]:
    return [r.resource for r in tuner.parts.table.trials[TrialId(trial_id)].reports]


def states(tuner: Tuner) -> list[TrialState]:
    return [trial.state for trial in tuner.parts.table.trials.values()]


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


def test_a_decision_is_in_the_journal_before_it_is_carried_out(tmp_path: Path) -> None:
    seen: list[int] = []

    def look(spec: AttemptSpec) -> None:
        _, entries = read_journal(tmp_path / "journal.jsonl")
        started = [d.trial_id for e in entries for d in e.decisions if isinstance(d, Start)]
        assert spec.key.trial_id in started
        seen.append(spec.key.trial_id)

    Bench(tmp_path, on_start=look).run()
    assert len(seen) >= 9


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


def journaled(tuner: Tuner) -> set[tuple[int, int]]:
    return {(t.id, r.resource) for t in tuner.parts.table.trials.values() for r in t.reports}


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


def test_num_trials_counts_failed_ones_and_promotions_go_on(tmp_path: Path) -> None:
    failing = Behaviour(fails_at=lambda spec, level: spec.key.trial_id == 2)
    tuner = Bench(tmp_path, {"max_failures": 5, "num_trials": 10}, failing).run()
    assert len(tuner.parts.table.trials) == 10
    assert states(tuner).count(TrialState.FAILED) == 1
    assert max(trial.level for trial in tuner.parts.table.trials.values()) == 9


def test_one_failure_too_many_ends_the_experiment(tmp_path: Path) -> None:
    failing = Behaviour(fails_at=lambda spec, level: True)
    tuner = Bench(tmp_path, {"max_failures": 2}, failing).run()
    assert tuner.reason == "3 trials failed, max_failures is 2"
    assert states(tuner).count(TrialState.FAILED) == 3


def test_a_failed_attempt_is_tried_again_from_its_checkpoint(tmp_path: Path) -> None:
    flaky = Behaviour(fails_at=lambda spec, level: spec.key.number == 0 and level == 5)
    bench = Bench(
        tmp_path,
        {"scheduler": "fifo", "checkpointing": "every", "max_retries": 1, "num_trials": 2},
        flaky,
    )
    tuner = bench.run()
    assert states(tuner) == [TrialState.COMPLETED] * 2
    assert levels(tuner, 0) == list(range(1, 10))
    assert [t.saved for t in tuner.parts.table.trials.values()] == [4, 4]


def test_a_script_that_exits_early_has_failed(tmp_path: Path) -> None:
    early = Behaviour(exits_early_at=lambda spec, level: level == 2)
    tuner = Bench(tmp_path, {"scheduler": "fifo", "num_trials": 1}, early).run()
    trial = tuner.parts.table.trials[TrialId(0)]
    assert trial.state is TrialState.FAILED
    assert "after epoch 2 of 9" in trial.reason


def test_a_script_that_never_reports_has_failed(tmp_path: Path) -> None:
    silent = Behaviour(exits_early_at=lambda spec, level: True)
    tuner = Bench(tmp_path, {"num_trials": 1}, silent).run()
    assert "without one report of 'loss'" in tuner.parts.table.trials[TrialId(0)].reason


def test_a_trial_that_hangs_fails_after_its_progress_timeout(tmp_path: Path) -> None:
    hanging = Behaviour(hangs_at=lambda spec, level: spec.key.trial_id == 1)
    bench = Bench(tmp_path, {"progress_timeout": 100.0}, hanging)
    tuner = bench.run()
    trial = tuner.parts.table.trials[TrialId(1)]
    assert trial.state is TrialState.FAILED
    assert "no report for 100 s" in trial.reason
    assert tuner.finished


def test_time_in_which_nobody_pumps_counts_against_no_trial(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"progress_timeout": 100.0})
    tuner = bench.session()
    tuner.pump(0.0)
    clock = tuner.parts.clock
    assert isinstance(clock, VirtualClock)
    clock.advance(10_000.0)
    finish(tuner)
    assert TrialState.FAILED not in states(tuner)


def test_a_wrong_metric_name_ends_the_experiment_with_the_first_report(tmp_path: Path) -> None:
    wrong = Behaviour(metrics=lambda spec, level: {"epoch": level, "accuracy": 0.5})
    tuner = Bench(tmp_path, {}, wrong).run()
    assert "has no 'loss', the metric (its keys: epoch, accuracy)" in tuner.reason
    assert not tuner.finished
    assert len(tuner.parts.table.trials) <= 2


def test_levels_that_go_back_fail_the_trial(tmp_path: Path) -> None:
    stuck = Behaviour(metrics=lambda spec, level: {"epoch": 1, "loss": 1.0})
    tuner = Bench(tmp_path, {"scheduler": "fifo", "num_trials": 1}, stuck).run()
    assert "reported epoch 1 after 1" in tuner.parts.table.trials[TrialId(0)].reason


def test_a_diverged_trial_is_never_the_best(tmp_path: Path) -> None:
    diverging = Behaviour(
        metrics=lambda spec, level: {
            "epoch": level,
            "loss": math.nan if spec.key.trial_id == 0 else loss_of(spec, level),
        }
    )
    tuner = Bench(tmp_path, {}, diverging).run()
    best = tuner.parts.table.best
    assert best is not None
    assert best.trial_id != 0
    assert levels(tuner, 0) == [1]


def test_the_resource_budget_is_exact(tmp_path: Path) -> None:
    tuner = Bench(tmp_path, {"resource_budget": 7}).run()
    assert tuner.parts.table.units == 7
    assert tuner.reason == "resource_budget of 7 units spent"


def test_a_target_ends_the_run_with_the_report_that_reaches_it(tmp_path: Path) -> None:
    tuner = Bench(tmp_path, {"target_value": 0.9}).run()
    assert tuner.reason == "target_value reached"
    table = tuner.parts.table
    assert table.best is not None
    assert table.best.loss <= 0.9
    others = [r.loss for t in table.trials.values() for r in t.reports if r is not table.best]
    assert all(loss > 0.9 for loss in others)


def test_a_timeout_ends_the_run_and_leaves_it_resumable(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"scheduler_timeout": 10.0})
    tuner = bench.run()
    assert tuner.reason == "scheduler_timeout of 10 s reached"
    assert bench.backend(tuner).alive == set()

    longer = Bench(tmp_path, {}, saved=bench.saved).run()
    assert longer.reason == "all trials ended"
    assert journaled(tuner) <= journaled(longer)


def test_an_interrupted_run_says_so_in_its_journal(tmp_path: Path) -> None:
    tuner = Bench(tmp_path).session()
    tuner.pump(60.0)
    tuner.close("Ctrl-C", finished=False)
    tuner.parts.journal.close()
    _, entries = read_journal(tmp_path / "journal.jsonl")
    assert isinstance(entries[-1].event, Closed)
    assert entries[-1].event.reason == "Ctrl-C"
    assert not entries[-1].event.finished


def test_an_observation_of_an_earlier_attempt_is_passed_over(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    tuner = bench.session()
    tuner.pump(0.0)
    live = next(iter(tuner.live.values()))
    stale = live.key._replace(number=live.key.number + 7)
    before = journaled(tuner)
    tuner._observe(AttemptReported(key=stale, sequence=0, metrics={"epoch": 1, "loss": 0.0}))
    assert journaled(tuner) == before
    tuner.parts.journal.close()


def test_a_pause_without_its_checkpoint_fails_loudly(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"max_failures": 99})
    bench.newest = lambda directory, at_most: None  # type: ignore[method-assign] # lost on disk
    tuner = bench.run()
    reasons = [t.reason for t in tuner.parts.table.trials.values() if t.reason]
    assert any("no good checkpoint of level 1" in reason for reason in reasons)
