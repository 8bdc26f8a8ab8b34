from __future__ import annotations

import math
from pathlib import Path

from scripted_backend import Behaviour, loss_of
from tuner_bench import Bench, finish, journaled, levels, states

from pytest_synebench.backends.protocol import AttemptReported
from pytest_synebench.clock import VirtualClock
from pytest_synebench.events import Closed
from pytest_synebench.experiment.journal.journal import read_journal
from pytest_synebench.trial import TrialId, TrialState


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
