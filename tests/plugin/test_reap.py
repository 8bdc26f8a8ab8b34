"""``pytest --synebench-reap``, on an emulator with jobs that a dead controller has left."""

from __future__ import annotations

from pathlib import Path

import pytest
from lease_holders import CLOCK, forge
from reaped_jobs import RUN, left, start, statuses
from toy_project import run_pytest

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from pytest_synebench.emulator import Emulator
from pytest_synebench.experiment.store.holder import Holder


@pytest.fixture
def orphan(sagemaker_emulator: Emulator, tmp_path: Path) -> str:
    directory = tmp_path / ".synebench" / "runs" / RUN
    directory.mkdir(parents=True)
    forge(directory, started=Holder.me(CLOCK).started + 1)
    (name,) = start(sagemaker_emulator, left())
    return name


def test_without_yes_jobs_are_listed_and_go_on(
    sagemaker_emulator: Emulator, orphan: str, tmp_path: Path
) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(): raise AssertionError\n")
    done = run_pytest(tmp_path, "--synebench-reap")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "training jobs in us-east-1 that no live run owns: 1\n" in done.stdout
    assert orphan in done.stdout
    assert "pytest --synebench-reap --yes" in done.stdout
    assert "test_it" not in done.stdout
    assert statuses(sagemaker_emulator, orphan) == ["InProgress"]


def test_with_yes_they_end(sagemaker_emulator: Emulator, orphan: str, tmp_path: Path) -> None:
    done = run_pytest(tmp_path, "--synebench-reap", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"asked to end: {orphan}\n" in done.stdout
    sagemaker_emulator.advance(120)
    sagemaker_emulator.wait(orphan, "Stopped")
    assert "owns: none" in run_pytest(tmp_path, "--synebench-reap").stdout


def test_one_of_another_folder_is_unknown_until_it_is_named(
    sagemaker_emulator: Emulator, orphan: str, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "pytest.ini").write_text("[pytest]\n")
    listed = run_pytest(other, "--synebench-reap", "--yes")
    assert listed.returncode == 0, listed.stdout + listed.stderr
    assert "whose owner is unknown (--yes leaves them, unless named): 1" in listed.stdout
    assert statuses(sagemaker_emulator, orphan) == ["InProgress"]
    there = run_pytest(other, "--synebench-reap", f"--synebench-storage={tmp_path}/.synebench")
    assert there.returncode == 1
    named = run_pytest(other, f"--synebench-reap={orphan}", "--yes")
    assert f"asked to end: {orphan}\n" in named.stdout


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--synebench-reap=nobodys",), "no job of ours in progress is called so"),
        (("--synebench-reap", "--synebench", "toy"), "--synebench are both given"),
        (("--yes",), "unrecognized arguments: --yes"),
    ],
)
def test_what_makes_no_sense_is_refused(
    sagemaker_emulator: Emulator, tmp_path: Path, options: tuple[str, ...], told: str
) -> None:
    done = run_pytest(tmp_path, *options)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert told in done.stderr


def test_an_option_that_another_plugin_owns_is_not_taken_over(
    sagemaker_emulator: Emulator, tmp_path: Path
) -> None:
    (tmp_path / "conftest.py").write_text(
        "def pytest_addoption(parser): parser.addoption('--yes', action='store_true')\n"
    )
    done = run_pytest(tmp_path, "--synebench-reap", "--yes")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "another plugin's option here" in done.stderr


def test_without_credentials_it_says_what_mends_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    done = run_pytest(tmp_path, "--synebench-reap")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "set AWS_REGION" in done.stderr
