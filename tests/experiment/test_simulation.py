from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_plan import toy_plan
from toy_tables import SPACE, toy_table

from pytest_synebench.backends.local.machine import Machine
from pytest_synebench.backends.protocol import AttemptKey, AttemptSpec
from pytest_synebench.blackboxes.nearest import NearestRow
from pytest_synebench.blackboxes.protocol import Blackbox
from pytest_synebench.blackboxes.synthetic import Synthetic
from pytest_synebench.durable import frame, read_lines
from pytest_synebench.errors import TrialError, UsageError
from pytest_synebench.events import Began, Closed, Opened
from pytest_synebench.experiment import simulation
from pytest_synebench.experiment.assembly import build_scheduler, slots
from pytest_synebench.experiment.journal.journal import Entry, read_journal
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.run import Run
from pytest_synebench.experiment.tuner.machinery import Limits
from pytest_synebench.trial import TrialId, TrialState

FAMILY = Synthetic(last_level=9, rank_correlation=0.7)
TABLE = FAMILY.table(60)


def plan(
    folder: Path, blackbox: object = TABLE, fields: dict[str, Any] | None = None, **params: Any
) -> Plan:
    given: dict[str, Any] = {
        "config_space": {**FAMILY.config_space, "epochs": 9},
        "elapsed_time_attr": "seconds",
        "blackbox": blackbox,
    }
    chosen: dict[str, Any] = {
        "backend": "simulated",
        "scheduler": "asha_promotion",
        "num_trials": 30,
    }
    return toy_plan(folder, fields=given | (fields or {}), **(chosen | params))


def finish(run: Run) -> Run:
    while not run.done:
        run.pump(0.2)
    run.close()
    return run


def simulate(plan: Plan, root: Path) -> Run:
    return finish(Run.open(plan, root=root))


def journal(run: Run) -> bytes:
    return (run.directory / "journal.jsonl").read_bytes()


@settings(max_examples=40, deadline=None)
@given(
    scheduler=st.sampled_from(
        [
            "fifo",
            "asha_stopping",
            "asha_promotion",
            "median_stopping",
            "synchronous_hyperband",
            "pbt",
        ]
    ),
    workers=st.integers(1, 5),
    checkpointing=st.sampled_from(["auto", "every"]),
    delays=st.tuples(*[st.sampled_from([0.0, 1.5])] * 4),
    limits=st.sampled_from(
        [{}, {"resource_budget": 40}, {"target_value": 0.7}, {"scheduler_timeout": 17.0}]
    ),
)
def test_reports_taken_in_one_after_the_other_leave_the_same_journal(
    tmp_path_factory: pytest.TempPathFactory,
    scheduler: str,
    workers: int,
    checkpointing: str,
    delays: tuple[float, ...],
    limits: dict[str, Any],
) -> None:
    folder = tmp_path_factory.mktemp("runs")
    names = ("start", "on_trial_result", "stop", "complete_after_final_report")
    waits: dict[str, Any] = dict(zip([f"delay_{name}" for name in names], delays, strict=True))
    chosen: dict[str, Any] = {
        "scheduler": scheduler,
        "num_workers": workers,
        "checkpointing": checkpointing,
    }
    asked = plan(
        folder, Synthetic(last_level=9, diverging=0.2), num_trials=9, **chosen, **waits, **limits
    )
    fast, slow = Run.open(asked, root=folder / "fast"), Run.open(asked, root=folder / "slow")
    assert slow._tuner is not None
    slow._tuner.parts = dataclasses.replace(slow._tuner.parts, reports=None)
    assert journal(finish(fast)) == journal(finish(slow))


@pytest.mark.parametrize("scheduler", ["fifo", "asha_stopping", "asha_promotion"])
@pytest.mark.parametrize("checkpointing", ["auto", "off"])
def test_equal_plans_give_equal_journals(
    tmp_path: Path, scheduler: str, checkpointing: str
) -> None:
    options: dict[str, Any] = {"scheduler": scheduler, "checkpointing": checkpointing}
    one, other = (simulate(plan(tmp_path, **options), tmp_path / name) for name in ("one", "other"))
    assert journal(one) == journal(other)
    assert one.finished
    assert list((one.directory / "trials").iterdir()) == []
    for entry in read_journal(one.directory / "journal.jsonl")[1]:
        assert entry.event.at_s >= 0
    other_seed = simulate(plan(tmp_path, run_id=1, **options), tmp_path / "seed")
    assert journal(one) != journal(other_seed)


def decided(entries: list[Entry]) -> list[str]:
    """What matters of a journal: the events and decisions, not who was there to write them."""
    return [repr(e) for e in entries if not isinstance(e.event, Opened | Began | Closed)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    root = tmp_path_factory.mktemp("whole")
    return {
        f"{scheduler}{off}": simulate(
            plan(root, scheduler=scheduler, checkpointing=off), root / f"{scheduler}{off}"
        )
        for scheduler in ("fifo", "asha_stopping", "asha_promotion")
        for off in ("auto", "off")
    }


@settings(max_examples=150)
@given(
    scheduler=st.sampled_from(["fifo", "asha_stopping", "asha_promotion"]),
    checkpointing=st.sampled_from(["auto", "off"]),
    part=st.floats(0, 1),
)
def test_a_run_that_was_killed_decides_once_resumed_as_if_it_had_not(
    whole: dict[str, Run],
    tmp_path_factory: pytest.TempPathFactory,
    scheduler: str,
    checkpointing: str,
    part: float,
) -> None:
    before = whole[f"{scheduler}{checkpointing}"]
    root = tmp_path_factory.mktemp("killed")
    lines, _ = read_lines(journal(before), "journal")
    kept = 1 + int(part * (len(lines) - 2))
    directory = root / before.directory.relative_to(before.directory.parents[3])
    shutil.copytree(before.directory, directory)
    (directory / "journal.jsonl").write_bytes(b"".join(map(frame, lines[:kept])))

    again = plan(before.plan.definition.script.parent, **dict(before.plan.params))
    run = finish(Run.open(again, root=root, resume=True))
    assert run.directory == directory
    after = decided(read_journal(directory / "journal.jsonl")[1])
    assert after == decided(read_journal(before.directory / "journal.jsonl")[1])


def test_an_interrupted_run_loses_nothing_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Limits, "polls", 20)
    run = Run.open(plan(tmp_path), root=tmp_path / "r")
    run.pump(0.2)
    run.close()
    told = decided(read_journal(run.directory / "journal.jsonl")[1])
    assert len(told) > 20
    again = finish(Run.open(plan(tmp_path), root=tmp_path / "r", resume=True))
    straight = simulate(plan(tmp_path), tmp_path / "straight")
    after = decided(read_journal(again.directory / "journal.jsonl")[1])
    assert after[: len(told)] == told
    assert after == decided(read_journal(straight.directory / "journal.jsonl")[1])


def test_what_is_reported_is_the_curves_under_the_benchmarks_keys(tmp_path: Path) -> None:
    run = simulate(plan(tmp_path, num_trials=4), tmp_path / "r")
    for trial in run.trials.values():
        curve = list(TABLE.curve(trial.config, 0))
        assert [dict(report.metrics) for report in trial.reports] == [
            {"loss": p.metrics["loss"], "epoch": p.level, "seconds": p.elapsed_s}
            for p in curve[: trial.level]
        ]
    assert run.remarks[0] == "simulated: every time is virtual, nothing was trained"


def test_without_checkpoints_a_resumed_trial_repeats_its_levels(tmp_path: Path) -> None:
    with_, without = (
        simulate(plan(tmp_path, checkpointing=how), tmp_path / how) for how in ("on", "off")
    )
    assert sum(trial.saved for trial in with_.trials.values()) > 0
    assert sum(trial.repeated for trial in with_.trials.values()) == 0
    assert sum(trial.saved for trial in without.trials.values()) == 0
    assert sum(trial.repeated for trial in without.trials.values()) > 0
    assert with_.summary().wall_s < without.summary().wall_s


def test_every_row_is_tried_once_and_then_the_space_is_empty(tmp_path: Path) -> None:
    run = simulate(plan(tmp_path, scheduler="fifo", num_trials=100), tmp_path / "r")
    rows = [TABLE.rows.find(trial.config) for trial in run.trials.values()]
    assert sorted(rows, key=str) == sorted(range(60), key=str)
    assert run.reason == "the space holds no more configs"


def test_with_the_nearest_row_configs_lie_anywhere_and_how_good_that_is_is_said(
    tmp_path: Path,
) -> None:
    run = simulate(plan(tmp_path, NearestRow(TABLE)), tmp_path / "r")
    assert all(TABLE.rows.find(t.config) is None for t in list(run.trials.values())[1:])
    assert any("60 rows held out" in remark for remark in run.remarks)


def test_a_time_budget_is_virtual_and_exact(tmp_path: Path) -> None:
    run = simulate(plan(tmp_path, scheduler_timeout=12.5), tmp_path / "r")
    assert run.reason == "scheduler_timeout of 12.5 s reached"
    entries = read_journal(run.directory / "journal.jsonl")[1]
    assert entries[-1].event.at_s == 12.5
    assert len(run.trials) > 3, "and until then trials were run"


def test_a_diverged_trial_is_no_failed_one(tmp_path: Path) -> None:
    sick = dataclasses.replace(FAMILY, diverging=0.5).table(60)
    run = simulate(plan(tmp_path, sick, scheduler="fifo"), tmp_path / "r")
    assert {trial.state for trial in run.trials.values()} == {TrialState.COMPLETED}
    assert any(str(t.reports[-1].loss) == "nan" for t in run.trials.values())


def test_a_point_of_the_users_moves_to_the_nearest_row(tmp_path: Path) -> None:
    run = simulate(plan(tmp_path, points_to_evaluate=[{"x0": 0.5, "x1": 0.5}]), tmp_path / "r")
    first = next(iter(run.trials.values())).config
    assert first == TABLE.rows.config(TABLE.rows.nearest({"x0": 0.5, "x1": 0.5}) or 0)


def test_an_attempt_of_what_is_no_row_fails_with_its_config(tmp_path: Path) -> None:
    spec = AttemptSpec(
        key=AttemptKey(TrialId(0), 0),
        config={"x0": 0.5, "x1": 0.5, "epochs": 9},
        seed=0,
        directory=tmp_path,
        resource_attr="epoch",
        until=None,
        resume_at_most=0,
        checkpoint_at=None,
    )
    with pytest.raises(TrialError, match=r"cannot be simulated: \{'x0': 0.5, .* is no row"):
        next(simulation.play(TABLE, 0)(spec))


def test_the_seed_of_a_run_chooses_that_of_the_table(tmp_path: Path) -> None:
    table = toy_table(seeds=5, last=9)
    fields = {"config_space": {**SPACE.domains, "epochs": 9}}
    chosen = [
        simulation.table_seed(plan(tmp_path, table, fields, run_id=run_id), table)
        for run_id in range(40)
    ]
    assert set(chosen) == set(range(5))
    again = plan(tmp_path, table, fields, run_id=3, scheduler="fifo")
    assert simulation.table_seed(again, table) == chosen[3]
    asked = plan(tmp_path, table, fields, blackbox_seed=4)
    assert simulation.table_seed(asked, table) == 4
    assert "seed 4 of 5 of its blackbox" in simulation.remarks(asked, table)[0]
    with pytest.raises(UsageError, match=r"blackbox_seed is 5; .* from 0 to 4"):
        simulation.table_seed(plan(tmp_path, table, fields, blackbox_seed=5), table)


def test_a_blackbox_may_be_made_when_it_is_first_needed(tmp_path: Path) -> None:
    made: list[int] = []

    def load() -> Blackbox:
        made.append(1)
        return TABLE

    lazy = plan(tmp_path, load)
    assert made == []
    assert simulation.blackbox_of(lazy) is TABLE
    simulate(lazy, tmp_path / "r")
    assert made == [1]


@pytest.mark.parametrize(
    ("blackbox", "fields", "message"),
    [
        (None, {}, "the benchmark 'toy' has no blackbox .* or run its script with --backend local"),
        (TABLE, {"mode": "max"}, r"metric is 'loss' with mode 'max', .* has 'loss' \(min\)"),
        (TABLE, {"metric": "accuracy"}, "metric is 'accuracy'"),
        (
            TABLE,
            {"resource_attr": None, "max_resource_attr": None},
            "levels up to 9, and the benchmark no resource_attr",
        ),
        (
            TABLE,
            {"config_space": {**FAMILY.config_space, "epochs": 27}},
            "max_resource_level is 27, and the blackbox of toy ends at 9",
        ),
        (toy_table(last=9), {}, "has not kind, x"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_starts(
    tmp_path: Path, blackbox: object, fields: dict[str, Any], message: str
) -> None:
    made = plan(tmp_path, blackbox, fields, scheduler="fifo")
    with pytest.raises(UsageError, match=message):
        build_scheduler(made)


def test_slots_are_as_many_as_asked_whatever_the_machine(tmp_path: Path) -> None:
    made = plan(tmp_path, num_workers=64)
    assert slots(made, Machine(processors=1, gpus=())) == (64, "")


def test_a_deadline_is_said_not_to_apply(tmp_path: Path) -> None:
    told = simulation.remarks(plan(tmp_path, trial_timeout=3.0), TABLE)
    assert "trial_timeout does not apply" in told[1]


def test_a_store_of_checkpoints_that_are_none_is_said_to_get_nothing(tmp_path: Path) -> None:
    told = simulation.remarks(plan(tmp_path, checkpoint_store="s3://bucket/x"), TABLE)
    assert (
        "checkpoint_store is s3://bucket/x, and nothing is kept there: there are no bytes" in told
    )
