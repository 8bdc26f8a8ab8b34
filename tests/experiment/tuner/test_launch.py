from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_plan import toy_plan

from pytest_synebench.backends.protocol import AttemptKey
from pytest_synebench.blackboxes.synthetic import Synthetic
from pytest_synebench.errors import CheckpointError
from pytest_synebench.events import Start
from pytest_synebench.experiment.assembly import build_scheduler
from pytest_synebench.experiment.journal.trials import TrialRecord
from pytest_synebench.experiment.tuner.launch import Launch, checkpoint_levels
from pytest_synebench.trial import CheckpointRef, Report, TrialId

T0, T1, T2 = TrialId(0), TrialId(1), TrialId(2)


@dataclass
class Shelf:
    """A store of checkpoints that holds the levels it was given."""

    levels: tuple[int, ...] = ()
    asked: list[tuple[Path, int | None]] = field(default_factory=list)
    discarded: list[tuple[Path, int]] = field(default_factory=list)
    adopted: list[tuple[Path, Path, int, TrialId]] = field(default_factory=list)
    fails: bool = False

    def newest(
        self, directory: Path, at_most: int | None, *, fresh: bool = False
    ) -> CheckpointRef | None:
        self.asked.append((directory, at_most))
        good = [level for level in self.levels if at_most is None or level <= at_most]
        return CheckpointRef(trial_id=T0, level=max(good), sha256="") if good else None

    def discard_beyond(self, directory: Path, level: int) -> None:
        self.discarded.append((directory, level))

    def adopt(
        self, source: Path, target: Path, at_most: int, trial_id: TrialId
    ) -> CheckpointRef | None:
        self.adopted.append((source, target, at_most, trial_id))
        if self.fails:
            raise CheckpointError(f"the checkpoint in {target} was not saved: no links")
        found = self.newest(source, at_most)
        return None if found is None else replace(found, trial_id=T1, sha256="abc")


def launch_of(folder: Path, levels: tuple[int, ...] = (), **arguments: Any) -> Launch:
    plan = toy_plan(folder, **arguments)
    return Launch(plan, build_scheduler(plan), folder / "run", Shelf(levels))


def trial(*, level: int = 0, until: int | None = None, attempts: int = 1) -> TrialRecord:
    record = TrialRecord(T0, {"lr": 2.0}, until, attempts=attempts)
    if level:
        record.reports.append(Report(trial_id=T0, resource=level, loss=0.5, at_s=0.0))
    return record


def test_an_attempt_is_told_all_that_it_needs(tmp_path: Path) -> None:
    launch = launch_of(tmp_path, scheduler="asha_promotion")
    spec = launch.spec(trial(level=1, until=3, attempts=2))
    assert spec.key == AttemptKey(T0, 1)
    assert spec.config == {"lr": 2.0, "epochs": 9}
    assert (spec.resource_attr, spec.until, spec.resume_at_most) == ("epoch", 3, 1)
    assert spec.directory == tmp_path / "run" / "trials" / "0"
    assert spec.directory.is_dir()
    assert spec.seed == toy_plan(tmp_path).trial_seed(T0)


@given(level=st.integers(0, 9), until=st.none() | st.integers(1, 9), attempts=st.integers(1, 4))
def test_an_attempt_never_loads_beyond_what_the_journal_has(
    tmp_path_factory: pytest.TempPathFactory, level: int, until: int | None, attempts: int
) -> None:
    launch = launch_of(tmp_path_factory.getbasetemp())
    spec = launch.spec(trial(level=level, until=until, attempts=attempts))
    assert spec.resume_at_most == level


@pytest.mark.parametrize(
    ("horizon", "until", "epochs"), [("full", 3, 9), ("rung", 3, 3), ("rung", None, 9)]
)
def test_the_horizon_says_what_the_scripts_last_level_is(
    tmp_path: Path, horizon: str, until: int | None, epochs: int
) -> None:
    launch = launch_of(tmp_path, fields={"horizon": horizon})
    record = trial(until=until)
    assert launch.config(record) == {"lr": 2.0, "epochs": epochs}
    assert record.config == {"lr": 2.0}


@pytest.mark.parametrize(
    ("scheduler", "checkpointing", "levels"),
    [
        ("fifo", "auto", None),
        ("asha_stopping", "auto", None),
        ("asha_promotion", "auto", (1, 3, 9)),
        ("asha_promotion", "off", None),
        ("asha_promotion", "on", (1, 3, 9)),
        ("asha_promotion", "every", ()),
        ("asha_stopping", "on", (1, 3, 9)),
        ("fifo", "every", ()),
        ("fifo", "off", None),
        ("fifo", "on", ()),
    ],
)
def test_checkpoints_are_written_where_they_can_be_needed(
    tmp_path: Path, scheduler: str, checkpointing: str, levels: tuple[int, ...] | None
) -> None:
    plan = toy_plan(tmp_path, scheduler=scheduler, checkpointing=checkpointing)
    assert checkpoint_levels(plan, build_scheduler(plan)) == levels
    launch = Launch(plan, build_scheduler(plan), tmp_path, Shelf())
    assert launch.spec(trial()).checkpoint_at == levels


@pytest.mark.parametrize(
    ("saved", "problem"),
    [
        ((1, 3), ""),
        ((1, 3, 9), ""),
        ((1,), r"no good checkpoint of level 3 \(newest: 1\); call checkpoint_model_at_rung_level"),
        ((9,), r"no good checkpoint of level 3 \(newest: none\)"),
        ((), r"no good checkpoint of level 3 \(newest: none\)"),
    ],
)
def test_a_pause_counts_where_its_own_level_is_verified(
    tmp_path: Path, saved: tuple[int, ...], problem: str
) -> None:
    import re

    found = launch_of(tmp_path, saved).unverified(trial(level=3))
    assert re.search(problem, found) if problem else found == ""


def test_checkpoints_are_looked_for_in_the_trials_directory(tmp_path: Path) -> None:
    plan = toy_plan(tmp_path)
    shelf = Shelf()
    Launch(plan, build_scheduler(plan), tmp_path, shelf).unverified(trial(level=3))
    assert shelf.asked == [(tmp_path / "trials" / "0" / "checkpoints", 3)]


def test_what_was_saved_beyond_the_journal_is_dropped_before_an_attempt(tmp_path: Path) -> None:
    plan, shelf = toy_plan(tmp_path, scheduler="asha_promotion"), Shelf()
    launch = Launch(plan, build_scheduler(plan), tmp_path / "run", shelf)
    spec = launch.spec(trial(level=2, attempts=2))
    assert shelf.discarded == [(spec.directory / "checkpoints", 2)]


# -- a trial that begins as a copy of another one -------------------------------------------------

ASKED = CheckpointRef(trial_id=T1, level=4, sha256="")
COPY = Start(trial_id=T2, config={"lr": 2.0}, until=6, checkpoint=ASKED)


def pinned(folder: Path, shelf: Shelf, **params: Any) -> tuple[Start, str]:
    plan = toy_plan(folder, scheduler="asha_promotion", **params)
    return Launch(plan, build_scheduler(plan), folder, shelf).pin(COPY)


def test_a_copy_is_pinned_to_the_bytes_it_begins_from(tmp_path: Path) -> None:
    shelf = Shelf((2, 4, 6))
    start, remark = pinned(tmp_path, shelf)
    found = CheckpointRef(trial_id=T1, level=4, sha256="abc")
    assert (start, remark) == (replace(COPY, checkpoint=found), "")
    trials = tmp_path / "trials"
    assert shelf.adopted == [(trials / "1" / "checkpoints", trials / "2" / "checkpoints", 4, T2)]


def test_an_earlier_checkpoint_will_do_and_that_is_said(tmp_path: Path) -> None:
    start, remark = pinned(tmp_path, Shelf((2,)))
    assert start.checkpoint == CheckpointRef(trial_id=T1, level=2, sha256="abc")
    assert remark == (
        "trial 2 was to go on from level 4 of trial 1, whose newest good checkpoint is of level 2"
    )


@pytest.mark.parametrize(
    ("shelf", "params", "why"),
    [
        (Shelf(), {}, "but that one has no good checkpoint: it starts from scratch"),
        (Shelf((4,)), {"checkpointing": "off"}, "but checkpoints are off: it starts from scratch"),
        (Shelf((4,), fails=True), {}, "in the run/trials/2/checkpoints was not saved: no links: "),
    ],
)
def test_without_a_checkpoint_it_starts_from_scratch_and_that_is_said(
    tmp_path: Path, shelf: Shelf, params: dict[str, Any], why: str
) -> None:
    start, remark = pinned(tmp_path, shelf, **params)
    assert start == replace(COPY, checkpoint=None)
    assert remark.startswith("trial 2 was to go on from level 4 of trial 1, but ")
    assert why in remark


def test_what_is_pinned_stays_as_it_is(tmp_path: Path) -> None:
    launch = launch_of(tmp_path)
    before = replace(COPY, checkpoint=replace(ASKED, sha256="abc"))
    assert launch.pin(before) == (before, "")
    assert launch.pin(replace(COPY, checkpoint=None)) == (replace(COPY, checkpoint=None), "")


def test_a_copy_may_load_what_it_begins_from_and_nothing_beyond(tmp_path: Path) -> None:
    ref = CheckpointRef(trial_id=T1, level=4, sha256="abc")
    record = TrialRecord(T2, {"lr": 2.0}, 6, ref)
    spec = launch_of(tmp_path, scheduler="asha_promotion").spec(record)
    assert (spec.resume_at_most, spec.until) == (4, 6)


def test_a_simulated_attempt_has_no_directory_and_knows_when_it_was_decided(tmp_path: Path) -> None:
    launch = launch_of(tmp_path, fields={"blackbox": Synthetic()}, backend="simulated")
    record = trial(level=3)
    record.started_s, record.started_from = 12.5, 1
    spec = launch.spec(record)
    assert not spec.directory.exists()
    assert (spec.started_s, spec.started_from, spec.resume_at_most) == (12.5, 1, 3)
