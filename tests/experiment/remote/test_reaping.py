from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lease_holders import CLOCK, ELSEWHERE, forge
from reaped_jobs import left, start, statuses
from tuner_jobs import NAME, waiting

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from pytest_synebench.backends.sagemaker.port import BotoTrainingJobs, new_client
from pytest_synebench.backends.sagemaker.reaping import finding
from pytest_synebench.emulator import Emulator
from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.remote import reaping
from pytest_synebench.experiment.remote.owners import Owner
from pytest_synebench.experiment.store.holder import Holder

RUNS = {
    Owner.LIVES: "toy/one/r0-lives",
    Owner.NOBODY: "toy/one/r0-nobody",
    Owner.UNKNOWN: "toy/one/r0-unknown",
}


class Reaper:
    """A job of each kind of owner, and the verbs."""

    def __init__(self, emulator: Emulator, root: Path) -> None:
        self.emulator, self.root = emulator, root
        for owner, changes in (
            (Owner.LIVES, {}),
            (Owner.NOBODY, {"started": Holder.me(CLOCK).started + 1}),
            (Owner.UNKNOWN, ELSEWHERE),
        ):
            directory = root / "runs" / RUNS[owner]
            directory.mkdir(parents=True)
            forge(directory, **changes)
        self.names = dict(zip(RUNS, start(emulator, *map(left, RUNS.values())), strict=True))
        self.jobs = BotoTrainingJobs(new_client())

    def survey(self) -> list[reaping.Entry]:
        return reaping.survey(self.jobs, self.root)

    def end(self, *names: str) -> list[str]:
        return reaping.end(self.jobs, reaping.chosen(self.survey(), names))

    def lines(self, region: str = "us-east-1") -> list[str]:
        return reaping.lines(self.survey(), now_s=self.emulator.now_s(), region=region)

    def statuses(self) -> dict[Owner, str]:
        return dict(zip(self.names, statuses(self.emulator, *self.names.values()), strict=True))


@pytest.fixture
def reaper(sagemaker_emulator: Emulator, tmp_path: Path) -> Reaper:
    return Reaper(sagemaker_emulator, tmp_path)


def test_what_nobody_owns_is_asked_to_end_and_nothing_else(reaper: Reaper) -> None:
    assert {one.owned.owner: one.name for one in reaper.survey()} == reaper.names
    assert reaper.end() == [f"asked to end: {reaper.names[Owner.NOBODY]}"]
    assert reaper.statuses() == {
        Owner.LIVES: "InProgress",
        Owner.NOBODY: "Stopping",
        Owner.UNKNOWN: "InProgress",
    }
    assert reaper.end() == []


def test_one_of_an_unknown_owner_ends_where_it_is_named(reaper: Reaper) -> None:
    reaper.end(reaper.names[Owner.UNKNOWN])
    assert reaper.statuses()[Owner.UNKNOWN] == "Stopping"
    assert reaper.statuses()[Owner.NOBODY] == "InProgress"  # it was not named


def test_one_whose_run_goes_on_is_refused_even_if_it_is_named(reaper: Reaper) -> None:
    with pytest.raises(UsageError, match=r"waits for it; end that session \(Ctrl-C\)"):
        reaper.end(reaper.names[Owner.LIVES])
    with pytest.raises(UsageError, match="no job of ours in progress is called so"):
        reaper.end("theirs")
    assert set(reaper.statuses().values()) == {"InProgress"}


def test_owners_are_looked_for_after_the_jobs_were_listed(
    reaper: Reaper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that is taken up while jobs are listed is seen to live."""
    asked = finding.unended

    def then_taken_up(jobs: Any) -> Any:
        found = asked(jobs)
        forge(reaper.root / "runs" / RUNS[Owner.NOBODY])
        return found

    monkeypatch.setattr(reaping, "unended", then_taken_up)
    assert reaper.end() == []


def test_what_is_listed_has_age_machine_and_cost(reaper: Reaper) -> None:
    reaper.emulator.advance(7300)
    told = reaper.lines()
    assert told[:3] == [
        "training jobs in us-east-1 that no live run owns: 1",
        f"  {reaper.names[Owner.NOBODY]}",
        "    Training, for 2 h 1 min, on 1 x ml.m5.xlarge, 0.4664 USD",
    ]
    assert told[3].endswith("is gone")
    assert told[4] == "whose owner is unknown (--yes leaves them, unless named): 1"
    assert told[-2] == "of runs that go on: 1"
    assert told[-1] == "costs: at most, at prices of us-east-1 of 2026-08"
    assert reaper.lines("eu-west-1")[-1].endswith("; those of eu-west-1 differ")


def test_a_tuner_and_its_jobs_are_left_until_it_is_named(reaper: Reaper) -> None:
    its = left("toy/one/r3-20000101T000000.000000Z-ab12cd")
    another = left("toy/one/r3-20000101T000000.000000Z-cd12ab")
    tuner, mine, stranger = start(reaper.emulator, waiting(), its, another)
    owned = {one.name: one.owned for one in reaper.survey()}
    assert owned[tuner].owner is Owner.ITSELF
    assert owned[mine] == (Owner.LIVES, f"the job {NAME} waits for it")
    assert owned[stranger].owner is Owner.UNKNOWN
    told = "\n".join(reaper.lines())
    assert "wait for no session (--yes leaves them, unless named): 1\n  toy-2000" in told
    assert f"follow it: pytest --synebench-attach {NAME}" in told
    assert reaping.way_out(reaper.survey())[-1].endswith(f"pytest --synebench-reap={NAME} --yes")
    reaper.end()
    with pytest.raises(UsageError, match="or that job, and its jobs end with it"):
        reaper.end(mine)
    assert statuses(reaper.emulator, tuner, mine) == ["InProgress"] * 2
    reaper.end(tuner)
    assert statuses(reaper.emulator, tuner, mine)[1] == "InProgress"
    reaper.emulator.wait(tuner, "Stopped")


def test_the_ways_out_are_commands(reaper: Reaper) -> None:
    name = reaper.names[Owner.UNKNOWN]
    assert reaping.way_out(reaper.survey()) == [
        "end what no live run owns: pytest --synebench-reap --yes",
        f"end one whose owner is unknown: pytest --synebench-reap={name} --yes",
    ]
    assert reaping.way_out([]) == []
    assert reaping.lines([], now_s=0.0, region="us-east-1") == [
        "training jobs in us-east-1 that no live run owns: none"
    ]
