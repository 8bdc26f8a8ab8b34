"""``--synebench-remote``: what cannot be submitted is refused before any job."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from toy_project import make_project, run_pytest

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from remote_project import account, names

from pytest_synebench.emulator import Emulator

REMOTE = ("--synebench", "toy", "--synebench-remote", "--scheduler", "fifo")
EMULATED = ("--aws", "emulator")


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with account() as running:
        yield running


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path)


def refused(project: Path, *options: str) -> str:
    """Return the one line that a session is refused with."""
    done = run_pytest(project, *options)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR, done.stdout
    (line,) = [line for line in done.stderr.splitlines() if line]
    return line


@pytest.mark.parametrize(
    "option",
    ["--synebench-resume", "--synebench-dry-run", "--synebench-verify-resume", "--synebench-html=x",
     "--synebench-save=main", "--synebench-compare=main"],
)  # fmt: skip
def test_an_option_about_runs_that_are_here_is_refused(project: Path, option: str) -> None:
    line = refused(project, *REMOTE, option)
    assert "--synebench-remote" in line
    assert option.partition("=")[0] in line


def test_a_path_is_refused(project: Path) -> None:
    line = refused(project, *REMOTE, ".")
    assert "--synebench-remote and the path '.' are both given" in line


def test_an_emulator_that_would_end_with_the_session_is_refused(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(variable, raising=False)
    line = refused(project, *REMOTE, *EMULATED)
    assert "start `python -m pytest_synebench.emulator` in another terminal" in line


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "no bucket is named; code and results go through one: --s3_bucket BUCKET/PREFIX"),
        (("--s3_bucket", "nobodys"), "no role is named"),
        (
            ("--s3_bucket", "nobodys", "--sagemaker_execution_role", "role/training-of-the-team"),
            "RoleArn is 'role/training-of-the-team'; ",
        ),
        (
            (
                *("--s3_bucket", "nobodys", "--sagemaker_execution_role"),
                "arn:aws:iam::123456789012:role/training",
            ),
            "the bucket cannot be used: s3://nobodys: NoSuchBucket",
        ),
        (("--tuner_instance_type", "ml.x", *EMULATED), "ml.x"),
    ],
    ids=["bucket", "role", "form", "reach", "machine"],
)
def test_what_a_job_lacks_is_one_line_before_any_job(
    project: Path, emulator: Emulator, options: tuple[str, ...], told: str
) -> None:
    before = emulator.calls().get("CreateTrainingJob", 0)
    assert told in refused(project, *REMOTE, *options)
    assert emulator.calls().get("CreateTrainingJob", 0) == before


def test_without_boto3_the_extra_is_named(project: Path) -> None:
    (project / "boto3.py").write_text("raise ImportError('no boto3 here')\n")
    (project / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    line = refused(project, *REMOTE, "--s3_bucket", "team")
    assert "pip install 'pytest-synebench[aws]'" in line


def test_where_one_cannot_be_submitted_the_others_are_not(
    project: Path, emulator: Emulator
) -> None:
    emulator.quota("ml.m5.xlarge", 0)
    try:
        done = run_pytest(project, *REMOTE, *EMULATED, "--run_id", "0,1,2", "-rs")
    finally:
        emulator.reset()
    assert done.returncode == 1
    assert "1 failed, 2 skipped" in done.stdout
    assert "SageMaker takes no job now" in done.stdout
    assert names(done.stdout) == []
    assert "follow:" not in done.stdout


@pytest.mark.parametrize("more", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_names_are_printed_with_the_command_that_follows_them(
    project: Path, emulator: Emulator, more: tuple[str, ...]
) -> None:
    if more:
        pytest.importorskip("xdist")
    done = run_pytest(project, *REMOTE, *EMULATED, "--run_id", "0,1", *more)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
    found = names(done.stdout)
    assert len(found) == 2
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("follow: ")]
    assert sorted(line.rpartition(" ")[2].split(",")) == sorted(found)
    assert not (project / ".synebench").exists()
    emulator.reset()


def test_an_interrupted_submission_says_what_was_not_submitted(
    project: Path, emulator: Emulator
) -> None:
    with (project / "conftest.py").open("a") as conftest:
        conftest.write(
            "def pytest_runtest_logreport(report):\n"
            "    if report.when == 'call': raise KeyboardInterrupt\n"
        )
    done = run_pytest(project, *REMOTE, *EMULATED, "--run_id", "0,1,2")
    assert done.returncode == pytest.ExitCode.INTERRUPTED
    (name,) = names(done.stdout)
    assert f"follow: pytest --synebench-attach {name}\n" in done.stdout
    assert "no other experiment was submitted" in done.stdout
    assert "--synebench-resume" not in done.stdout, "a submission cannot be resumed"
    emulator.reset()
