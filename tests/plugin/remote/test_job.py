"""The program of a tuner's job: what it installs, and how it ends where it cannot begin."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from pytest_synebench.backends.sagemaker.tuner import DEPENDENCIES, STARTER, STARTER_TEXT, VARIABLE
from pytest_synebench.errors import TrialError
from pytest_synebench.plugin.remote import job
from pytest_synebench.training.entrypoint import sources


def test_what_a_job_needs_is_the_core_and_boto3() -> None:
    names = {need.partition(">")[0] for need in job.needed()}
    assert names == {"pytest", "numpy", "scipy", "boto3"}
    assert all(need.count(">=") == 1 for need in job.needed())


def test_only_what_is_missing_or_too_old_is_installed() -> None:
    here = metadata.version("pytest")
    newer = f"{int(here.split('.')[0]) + 1}.0"
    assert job.missing([f"pytest>={here}", "pytest>=1", "pytest[a]>=1.2.3"]) == []
    needs = [f"pytest>={newer}", "no-such-package>=1", "pytest @ file:///x"]
    assert job.missing(needs) == needs


def test_pip_is_not_asked_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(sources, "install", lambda file: asked.append(file.read_text()))
    job.install([])
    assert asked == []
    job.install(["a>=1", "b>=2"])
    assert asked == ["a>=1\nb>=2\n"]


def test_what_pip_cannot_install_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(TrialError, match=r"(?s)could not be installed .*no-such-package"):
        job.install(["no-such-package>=1"])


def start(code: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program as a job's entry point does."""
    program = code / STARTER
    program.parent.mkdir(parents=True)
    program.write_bytes(STARTER_TEXT)
    return subprocess.run(
        [sys.executable, program.name],
        cwd=program.parent,
        env={**os.environ, "PIP_NO_INDEX": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_benchmarks_dependencies_come_before_anything_is_read(tmp_path: Path) -> None:
    pytest.importorskip("boto3", reason="needs the extra 'aws': else that is installed first")
    code = tmp_path / "code"
    code.mkdir()
    (code / "dependencies.txt").write_text("no-such-package\n")
    done = start(code, **{DEPENDENCIES: "dependencies.txt", VARIABLE: "s3://team/x"})
    assert done.returncode == 1
    assert "dependencies.txt could not be installed" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bucket_that_does_not_answer_is_one_line(tmp_path: Path) -> None:
    pytest.importorskip("boto3", reason="needs the extra 'aws'")
    nobody = {
        "AWS_ENDPOINT_URL": "ftp://nowhere",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    done = start(tmp_path / "code", **nobody, **{VARIABLE: "s3://team/remote/x/experiment.json"})
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("the run cannot be kept in S3: ")
