"""Submissions: what is sent, in which order, and what is refused."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from toy_plan import toy_benchmark, toy_plan

from pytest_synebench.backends.sagemaker import limits
from pytest_synebench.backends.sagemaker.tuner import DEPENDENCIES, STARTER, VARIABLE
from pytest_synebench.checkpoints.s3.asking import Asking
from pytest_synebench.emulator import Emulator
from pytest_synebench.errors import BackendError, UsageError
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.remote.tuning import submitting
from pytest_synebench.experiment.remote.tuning.record import read
from pytest_synebench.experiment.remote.tuning.submitting import Project, Submitter, Typed
from pytest_synebench.training.entrypoint.entry import APART

ALL: dict[str, Any] = {
    "s3_bucket": "team/hpo",
    "sagemaker_execution_role": "arn:aws:iam::123456789012:role/training",
    "instance_type": "ml.m5.xlarge",
}
TYPED = Typed(settings={"num_trials": "4,8"}, groups="a b")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    (made / "bench").mkdir(parents=True)
    (made / "conftest.py").write_text("")
    return made


@pytest.fixture
def submitter(sagemaker_emulator: Emulator, root: Path) -> Submitter:
    sagemaker_emulator.client("s3").create_bucket(Bucket="team")
    return Submitter(Project(root=root, folder="bench"), wait=lambda _: None)


def plan_in(folder: Path, **params: Any) -> Plan:
    return toy_plan(folder, **{**ALL, **params})


def source(emulator: Emulator, request: Any) -> list[str]:
    """Return the names in the archive that a request's job gets."""
    uri = request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"]
    key = f"{uri.removeprefix('s3://team/')}source.tar.gz"
    body = emulator.client("s3").get_object(Bucket="team", Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        return archive.getnames()


def test_what_is_asked_for_is_there_before_the_job(
    submitter: Submitter, root: Path, sagemaker_emulator: Emulator
) -> None:
    record = submitter.submit(plan_in(root / "bench"), TYPED)
    job = sagemaker_emulator.client("sagemaker").describe_training_job(TrainingJobName=record.name)
    url = job["Environment"][VARIABLE]
    assert read(sagemaker_emulator.client("s3"), url, Asking("s3://team")) == record
    assert url == f"s3://team/hpo/remote/{record.name}/experiment.json"
    assert (record.folder, record.settings, record.groups) == (
        "bench",
        {"num_trials": "4,8"},
        "a b",
    )
    assert record.title == "toy::small-fifo-random-r0"
    limits.check(record.request)
    names = source(sagemaker_emulator, record.request)
    assert {
        "conftest.py",
        "bench/train.py",
        STARTER,
        f"{APART}/pytest_synebench/plugin/hooks.py",
    } <= {*names}
    assert f"{APART}/pytest_synebench/benchmarks/lstm_wikitext2/train.py" in names
    assert any(name.endswith(".dist-info/entry_points.txt") for name in names)


def test_code_is_uploaded_once_for_all(
    submitter: Submitter, root: Path, sagemaker_emulator: Emulator
) -> None:
    records = [submitter.submit(plan_in(root / "bench", run_id=i), TYPED) for i in range(3)]
    assert len({record.name for record in records}) == 3
    found = sagemaker_emulator.client("s3").list_objects_v2(Bucket="team", Prefix="hpo/source/")
    assert len(found["Contents"]) == 2, "the archive and what unpacks it"


def test_a_bucket_that_cannot_be_used_is_refused_before_anything_is_sent(
    submitter: Submitter, root: Path, sagemaker_emulator: Emulator
) -> None:
    plan = plan_in(root / "bench", s3_bucket="nobodys")
    before = sagemaker_emulator.calls()
    with pytest.raises(BackendError, match=r"the bucket cannot be used: .*There is no such bucket"):
        submitter.check("toy", plan.params)
    after = sagemaker_emulator.calls()
    assert after.get("s3.PUT") == before.get("s3.PUT")
    assert "CreateTrainingJob" not in after
    submitter.check("toy", plan_in(root / "bench").params)


def test_a_value_that_no_job_can_have_is_refused(submitter: Submitter, root: Path) -> None:
    params = plan_in(root / "bench", tuner_instance_type="ml.c5.large").params
    with pytest.raises(UsageError, match=r"ResourceConfig.InstanceType is 'ml.c5.large'"):
        submitter.check("toy", params)


def test_a_busy_service_is_asked_again_and_a_quota_is_told(
    submitter: Submitter, root: Path, sagemaker_emulator: Emulator
) -> None:
    busy = {"kind": "throttle", "operation": "CreateTrainingJob", "times": 3}
    sagemaker_emulator.faults(busy)
    submitter.submit(plan_in(root / "bench"), TYPED)
    assert sagemaker_emulator.fault_hits() == [3]
    sagemaker_emulator.faults({**busy, "times": None})
    with pytest.raises(BackendError, match="SageMaker takes no job now"):
        submitter.submit(plan_in(root / "bench"), TYPED)
    assert sagemaker_emulator.fault_hits() == [submitting._TRIES]
    sagemaker_emulator.faults()
    sagemaker_emulator.quota("ml.m5.xlarge", 0)
    asked = sagemaker_emulator.calls()["CreateTrainingJob"]
    with pytest.raises(BackendError, match="Have the quota raised, choose another"):
        submitter.submit(plan_in(root / "bench"), TYPED)
    assert sagemaker_emulator.calls()["CreateTrainingJob"] == asked + 1


def test_the_benchmarks_own_dependencies_are_named(submitter: Submitter, root: Path) -> None:
    def named(plan: Plan) -> str:
        return str(submitter.submit(plan, TYPED).request["Environment"].get(DEPENDENCIES, ""))

    plan = plan_in(root / "bench")
    assert named(plan) == ""
    (root / "dependencies.txt").write_text("")
    assert named(plan) == "", "what lies in the root directory is installed in any case"
    (root / "bench" / "requirements.txt").write_text("")
    assert named(plan) == "bench/requirements.txt"
    (root / "bench" / "dependencies.txt").write_text("")
    assert named(plan) == "bench/dependencies.txt"


def test_a_script_that_does_not_travel_is_refused(
    submitter: Submitter, root: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "site-packages"
    elsewhere.mkdir()
    plan = plan_in(elsewhere)
    with pytest.raises(UsageError, match=r"lies outside of .*name the package that has it in dep"):
        submitter.submit(plan, TYPED)
    (root / "dependencies.txt").write_text("team-benchmarks\n")
    assert submitter.submit(plan, TYPED).title == plan.name


def test_a_shipped_benchmark_travels_with_the_package(submitter: Submitter, root: Path) -> None:
    from pytest_synebench.backends.sagemaker.travelling import benchmarks

    script = benchmarks() / "lstm_wikitext2" / "train.py"
    fields = {"script": script}
    assert toy_benchmark(root, **fields).script == script
    record = submitter.submit(toy_plan(root, fields=fields, **ALL), TYPED)
    own = record.request["Environment"][DEPENDENCIES]
    assert own == f"{APART}/pytest_synebench/benchmarks/lstm_wikitext2/dependencies.txt"
