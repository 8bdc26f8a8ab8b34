"""``--synebench-attach``: what cannot be followed is refused, in one line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from toy_project import make_project, run_pytest

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from remote_project import account, names

from pytest_synebench.emulator import Emulator

EMULATED = ("--synebench", "toy", "--synebench-remote", "--aws", "emulator")


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with account() as running:
        yield running


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def name(emulator: Emulator, project: Path) -> str:
    """Return the name of a run that was submitted."""
    (found,) = names(run_pytest(project, *EMULATED, "--num_trials", "2").stdout)
    return found


def refused(project: Path, *options: str) -> str:
    """Return the one line that a session is refused with."""
    done = run_pytest(project, *options)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR, done.stdout + done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line]
    return line


def test_a_name_that_is_none_is_refused(project: Path, emulator: Emulator) -> None:
    line = refused(project, "--synebench-attach", "nope")
    assert "no job is called 'nope' in this account and region" in line
    assert "names no job" in refused(project, "--synebench-attach", ",")


@pytest.mark.parametrize(
    "options",
    [
        ("--synebench", "toy"),
        ("--synebench-remote",),
        ("--synebench-set", "num_trials=3"),
        ("--synebench-dry-run",),
        ("--num_trials", "3"),
        ("--variant", "one"),
        ("--run_id", "0"),
        ("--synebench-save", "main"),
    ],
    ids=lambda options: options[0],
)
def test_what_could_change_what_was_submitted_is_refused(
    project: Path, name: str, options: tuple[str, ...]
) -> None:
    line = refused(project, "--synebench-attach", name, *options)
    assert f"--synebench-attach and {options[0]} are both given" in line
    compared = "python -m pytest_synebench gate BASELINE .synebench/remote" in line
    assert compared == (options[0] == "--synebench-save")


def test_two_runs_of_one_experiment_are_followed_one_by_one(project: Path, name: str) -> None:
    (other,) = names(run_pytest(project, *EMULATED, "--num_trials", "2").stdout)
    line = refused(project, "--synebench-attach", f"{name},{other}")
    assert "names two runs of toy::one-asha_promotion-random-r0" in line
    (third,) = names(run_pytest(project, *EMULATED, "--num_trials", "3", "--run_id", "1").stdout)
    line = refused(project, "--synebench-attach", f"{name},{third}")
    assert "num_trials ('2' and '3'), so one session cannot have both" in line


def test_what_was_followed_is_no_run_to_go_on_with_here(project: Path, name: str) -> None:
    done = run_pytest(project, "--synebench-attach", name)
    assert done.returncode == 0, done.stdout + done.stderr
    (journal,) = project.glob(".synebench/remote/toy/*/*/journal.jsonl")
    assert journal.read_bytes()
    assert (project / ".synebench" / "remote" / ".gitignore").read_text() == "*\n"
    done = run_pytest(project, "--synebench", "toy", "--num_trials", "2", "--synebench-resume")
    assert "there is no run to go on with: a new one is started" in done.stdout
