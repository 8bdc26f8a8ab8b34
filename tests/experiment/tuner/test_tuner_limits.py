from __future__ import annotations

import math
from argparse import Namespace
from pathlib import Path

import pytest
from scripted_backend import Behaviour, loss_of
from tuner_bench import Bench, finish, journaled, levels, states

from pytest_synebench.backends.protocol import AttemptReported
from pytest_synebench.clock import VirtualClock
from pytest_synebench.errors import RunError
from pytest_synebench.events import Closed
from pytest_synebench.experiment.journal.journal import read_journal
from pytest_synebench.trial import TrialId, TrialState


def nothing_saved(directory: Path, at_most: int | None, *, fresh: bool = False) -> None:
    """Say what a store says that has no good checkpoint."""


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


def test_a_wrong_metric_name_fails_its_trial_and_two_of_them_the_experiment(tmp_path: Path) -> None:
    wrong = Behaviour(metrics=lambda spec, level: {"epoch": level, "accuracy": 0.5})
    tuner = Bench(tmp_path, {}, wrong).run()
    assert tuner.reason == "2 trials failed, max_failures is 1"
    reason = tuner.parts.table.trials[TrialId(0)].reason
    assert "has no 'loss', the metric (its keys: epoch, accuracy)" in reason


@pytest.mark.parametrize("deterministic", [False, True])
def test_nothing_counts_that_came_together_with_a_report_without_its_metric(
    tmp_path: Path, deterministic: bool
) -> None:
    at_once = Behaviour(
        seconds=lambda spec, level: 0.0,
        metrics=lambda spec, level: {"epoch": level, "los" if level == 3 else "loss": 1 / level},
    )
    params = {"scheduler": "fifo", "num_trials": 1, "deterministic": deterministic}
    tuner = Bench(tmp_path, params, at_once).run()
    assert levels(tuner, 0) == [1, 2]
    assert "has no 'loss'" in tuner.parts.table.trials[TrialId(0)].reason


def test_one_trial_with_a_wrong_metric_name_harms_no_other(tmp_path: Path) -> None:
    wrong = Behaviour(
        metrics=lambda spec, level: {
            "epoch": level,
            "loss" if spec.key.trial_id else "los": loss_of(spec, level),
        }
    )
    tuner = Bench(tmp_path, {"num_workers": 1, "scheduler": "fifo"}, wrong).run()
    assert states(tuner) == [TrialState.FAILED] + [TrialState.COMPLETED] * 8


@pytest.mark.parametrize("retries", [0, 3])
def test_what_fails_on_a_full_disk_runs_again_when_there_is_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, retries: int
) -> None:
    fails = [True]
    failing = Behaviour(fails_at=lambda spec, level: fails[0] and spec.key.trial_id == 1)
    bench = Bench(tmp_path, {"max_retries": retries}, failing)
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda path: Namespace(free=4096))
        tuner = bench.session()
        with pytest.raises(RunError, match=r"0\.0 MB free; a run needs at least 20 MB"):
            finish(tuner)
        tuner.parts.journal.close()
    fails[0] = False
    again = bench.run()
    assert again.finished
    assert TrialState.FAILED not in states(again)
    assert again.parts.table.trials[TrialId(1)].retries == 0


def test_what_is_told_to_stop_is_no_failure_on_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: Namespace(free=4096))
    hanging = Behaviour(hangs_at=lambda spec, level: spec.key.trial_id == 1 and level == 1)
    tuner = Bench(tmp_path, {"progress_timeout": 100.0}, hanging).run()
    assert "no report for 100 s" in tuner.parts.table.trials[TrialId(1)].reason


def test_on_a_full_disk_a_run_is_closed_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuner = Bench(tmp_path).session()
    tuner.pump(60.0)
    assert tuner.live
    monkeypatch.setattr("shutil.disk_usage", lambda path: Namespace(free=4096))
    tuner.close("Ctrl-C", finished=False)
    tuner.parts.journal.close()
    _, entries = read_journal(tmp_path / "journal.jsonl")
    assert isinstance(entries[-1].event, Closed)


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
    tuner.attempts.arrive(
        [AttemptReported(key=stale, sequence=0, metrics={"epoch": 1, "loss": 0.0})]
    )
    assert journaled(tuner) == before
    tuner.parts.journal.close()


def test_a_pause_without_its_checkpoint_fails_loudly(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"max_failures": 99})
    bench.newest = nothing_saved  # type: ignore[method-assign] # lost on disk
    tuner = bench.run()
    reasons = [t.reason for t in tuner.parts.table.trials.values() if t.reason]
    assert any("no good checkpoint of level 1" in reason for reason in reasons)


def test_what_ended_in_the_batch_of_the_last_report_has_ended(tmp_path: Path) -> None:
    # Each attempt reports and ends in the same instant; the budget is spent in the middle of it.
    together = Behaviour(last_level=1, seconds=lambda spec, level: 1.0)
    params = {"scheduler": "fifo", "num_workers": 3, "num_trials": 3, "resource_budget": 2}
    bench = Bench(tmp_path, params, together)
    tuner = bench.session()
    began_s = tuner.now_s()
    finish(tuner)
    assert tuner.reason == "resource_budget of 2 units spent"
    assert tuner.now_s() - began_s < 2.0, "nothing is waited for that has ended"
    assert tuner.live == {}


def test_a_resume_with_fewer_workers_keeps_to_them(tmp_path: Path) -> None:
    many = Bench(tmp_path, {"scheduler": "fifo", "num_workers": 4, "num_trials": 6})
    tuner = many.session()
    tuner.pump(0.0)
    assert len(tuner.live) == 4
    tuner.parts.journal.close()  # dies

    few = Bench(tmp_path, {"scheduler": "fifo", "num_workers": 1, "num_trials": 6})
    tuner = few.run()
    assert few.backend(tuner).most_alive == 1
    assert states(tuner) == [TrialState.COMPLETED] * 6


def test_a_pause_that_hangs_while_it_saves_has_failed(tmp_path: Path) -> None:
    bench = Bench(
        tmp_path,
        {"progress_timeout": 5.0, "max_failures": 99, "num_trials": 3},
        Behaviour(end_delay_s=1000.0),
    )
    bench.newest = nothing_saved  # type: ignore[method-assign] # never saved
    tuner = bench.run()
    assert states(tuner) == [TrialState.FAILED] * 3
    reason = tuner.parts.table.trials[TrialId(0)].reason
    assert "no good checkpoint of level 1" in reason


def test_a_failed_pause_uses_a_retry_up(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"max_retries": 1, "max_failures": 99, "num_trials": 3})
    bench.newest = nothing_saved  # type: ignore[method-assign] # lost on disk
    tuner = bench.run()
    assert [trial.retries for trial in tuner.parts.table.trials.values()] == [1, 1, 1]
    assert sum("paused at level 1, but" in remark for remark in tuner.remarks) == 3


def test_a_gap_between_levels_is_remarked_once(tmp_path: Path) -> None:
    every_other = Behaviour(
        metrics=lambda spec, level: {"epoch": 2 * level, "loss": 1 / level}, last_level=4
    )
    tuner = Bench(tmp_path, {"scheduler": "fifo", "num_trials": 2}, every_other).run()
    assert sum("reported level 2 after 0" in remark for remark in tuner.remarks) == 1
