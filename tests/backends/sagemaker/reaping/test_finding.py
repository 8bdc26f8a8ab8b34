from __future__ import annotations

from dataclasses import replace

import pytest
from reaped_jobs import RUN, left, start, statuses

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from pytest_synebench.backends.sagemaker import port
from pytest_synebench.backends.sagemaker.port import BotoTrainingJobs, new_client
from pytest_synebench.backends.sagemaker.reaping.finding import Found, ask_to_end, unended
from pytest_synebench.emulator import Emulator


@pytest.fixture
def jobs(sagemaker_emulator: Emulator) -> BotoTrainingJobs:
    return BotoTrainingJobs(new_client())


def found(jobs: BotoTrainingJobs) -> list[Found]:
    return unended(jobs)


def test_ours_are_found_and_nothing_else(
    jobs: BotoTrainingJobs, sagemaker_emulator: Emulator
) -> None:
    theirs = left(trial=3)
    theirs["TrainingJobName"] = "theirs"
    alike = left(trial=4)
    alike["Environment"] = {}
    start(sagemaker_emulator, theirs, alike)
    first, second = start(sagemaker_emulator, left(trial=1), left(trial=2, number=1))
    assert [one.name for one in found(jobs)] == [first, second]
    one = found(jobs)[0]
    assert (one.run, one.status, one.instances) == (RUN, "Training", 1)


def test_one_that_has_ended_or_ends_is_not_among_them(
    jobs: BotoTrainingJobs, sagemaker_emulator: Emulator
) -> None:
    start(sagemaker_emulator, left(trial=1), left(trial=2))
    first, second = found(jobs)
    ask_to_end(jobs, first)
    ask_to_end(jobs, first)  # it may be repeated
    assert [one.name for one in found(jobs)] == [second.name]
    sagemaker_emulator.advance(120)
    sagemaker_emulator.wait(first.name, "Stopped")
    assert statuses(sagemaker_emulator, first.name, second.name) == ["Stopped", "InProgress"]


def test_what_one_costs_so_far_is_its_time_on_its_machines(
    jobs: BotoTrainingJobs, sagemaker_emulator: Emulator
) -> None:
    unknown = left(trial=2, instance_type="ml.trn1.2xlarge")
    start(sagemaker_emulator, left(instance_count=2), unknown)
    sagemaker_emulator.advance(1800)
    priced, unpriced = found(jobs)
    assert priced.cost_usd(sagemaker_emulator.now_s()) == pytest.approx(0.23)  # half an hour, twice
    assert unpriced.cost_usd(sagemaker_emulator.now_s()) is None


def test_one_without_a_machine_costs_nothing(
    jobs: BotoTrainingJobs, sagemaker_emulator: Emulator
) -> None:
    start(sagemaker_emulator, left())
    (one,) = found(jobs)
    waits = replace(one, started_s=None)
    assert waits.cost_usd(sagemaker_emulator.now_s() + 3600) == 0.0


def test_all_pages_are_read(
    jobs: BotoTrainingJobs, sagemaker_emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port, "PAGE", 1)
    names = start(sagemaker_emulator, *(left(trial=trial) for trial in range(3)))
    assert [one.name for one in found(jobs)] == names
