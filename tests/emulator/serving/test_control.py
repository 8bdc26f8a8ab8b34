from __future__ import annotations

import pytest
from training_jobs import prepare, request

from pytest_synebench.emulator import Emulator
from pytest_synebench.emulator.handle import EmulatorError


def test_a_wait_for_what_is_over_is_answered_at_once(sagemaker_emulator: Emulator) -> None:
    prepare(sagemaker_emulator)
    sagemaker_emulator.client("sagemaker").create_training_job(**request("a"))
    sagemaker_emulator.wait("a", "Completed")
    assert sagemaker_emulator.wait("a", "Training")["TrainingJobStatus"] == "Completed"
    sagemaker_emulator.wait_for_line("a", "epoch=1 ")


def test_a_wait_in_vain_says_where_the_job_is(sagemaker_emulator: Emulator) -> None:
    prepare(sagemaker_emulator)
    sagemaker_emulator.client("sagemaker").create_training_job(**request("a", fail_at=1))
    sagemaker_emulator.wait("a", "Failed")
    with pytest.raises(EmulatorError) as caught:
        sagemaker_emulator.wait("a", "Stopped", timeout_s=0)
    assert str(caught.value) == (
        "a did not become Stopped within 0 s; it is Failed AlgorithmError: loss is NaN, exit "
        "code: 3\nepoch=1 loss=1.0000;"
    )
    with pytest.raises(EmulatorError, match="a did not print 'epoch=2'"):
        sagemaker_emulator.wait_for_line("a", "epoch=2", timeout_s=0)


def test_an_order_about_something_unknown_says_what_there_is(
    sagemaker_emulator: Emulator,
) -> None:
    with pytest.raises(EmulatorError, match="Requested resource not found"):
        sagemaker_emulator.reclaim("nobody")
    with pytest.raises(EmulatorError, match="no fault is called 'x'; known: throttle"):
        sagemaker_emulator.faults({"kind": "x"})
    with pytest.raises(EmulatorError, match="does not go back"):
        sagemaker_emulator.advance(-1)
    with pytest.raises(EmulatorError, match="no order is called 'fly'; known: wait"):
        sagemaker_emulator._order("fly", {})
    with pytest.raises(EmulatorError, match="kill lacks 'job'"):
        sagemaker_emulator._order("kill", {})


def test_after_a_reset_nothing_ever_was(sagemaker_emulator: Emulator) -> None:
    prepare(sagemaker_emulator)
    client = sagemaker_emulator.client("sagemaker")
    client.create_training_job(**request("a", epochs=10**6, stubborn=1))
    sagemaker_emulator.wait_for_line("a", "epoch=1 ")
    sagemaker_emulator.faults({"kind": "lag", "times": None})
    sagemaker_emulator.reset()
    assert client.list_training_jobs()["TrainingJobSummaries"] == []
    assert sagemaker_emulator.client("s3").list_buckets()["Buckets"] == []
    assert sagemaker_emulator.fault_hits() == []
    prepare(sagemaker_emulator)
    client.create_training_job(**request("a"))
    sagemaker_emulator.wait("a", "Completed")


def test_a_reset_ends_jobs_that_have_only_just_begun(sagemaker_emulator: Emulator) -> None:
    prepare(sagemaker_emulator)
    client = sagemaker_emulator.client("sagemaker")
    told = request("a")
    told["AlgorithmSpecification"]["ContainerEntrypoint"] = ["sleep", "1000"]
    for name in ("a", "b", "c", "d"):
        client.create_training_job(**{**told, "TrainingJobName": name})
    sagemaker_emulator.reset()
    assert client.list_training_jobs()["TrainingJobSummaries"] == []
