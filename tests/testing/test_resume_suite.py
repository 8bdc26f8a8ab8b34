"""The suite for scripts, on some that resume, from a folder and from S3, and one that does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from planted import SCRIPT, forgetting, planted_plan

from pytest_synebench.definition import Benchmark
from pytest_synebench.emulator.s3 import s3_on_loopback
from pytest_synebench.testing.resume_suite import ResumeSuite


class TestWhatResumes(ResumeSuite):
    examples = 2

    @pytest.fixture
    def resumable(self, tmp_path: Path) -> Benchmark:
        return planted_plan(tmp_path, SCRIPT).definition


class TestWhatResumesCold(ResumeSuite):
    examples = 1
    params = {"launch": "cold"}  # noqa: RUF012 - as a subclass would write it

    @pytest.fixture
    def resumable(self, tmp_path: Path) -> Benchmark:
        return planted_plan(tmp_path, SCRIPT, horizon="rung").definition

    @pytest.fixture
    def checkpoint_store(self) -> Iterator[str]:
        pytest.importorskip("moto", reason="needs the extra 'emulator'")
        with s3_on_loopback() as url:
            yield url


def test_what_resumes_wrongly_fails_with_a_hint(tmp_path: Path) -> None:
    definition = planted_plan(tmp_path, forgetting("order")).definition
    suite = ResumeSuite()
    with pytest.raises(pytest.fail.Exception, match="It looks like the order of the data"):
        suite.test_it_resumes_as_it_left(definition, str(tmp_path / "store"), tmp_path)
