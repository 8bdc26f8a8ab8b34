"""Who is asked to save: trials of schedulers that pause, and nobody else (R74), from end to end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from s3_service import Service
from toy_project import SCRIPT, make_project, run_pytest

OPTION = "--st_checkpoint_dir"
TOLD = """
import sys

with open(f"{os.path.dirname(__file__)}/told/{sys.argv[sys.argv.index('--x') + 1]}", "w") as file:
    json.dump(sys.argv, file)
"""


@pytest.fixture
def project(tmp_path: Path, service: Service, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose trials write down what they were given, and an account for them."""
    for name, value in service.environment.items():
        monkeypatch.setenv(name, value)
    project = make_project(tmp_path)
    (project / "told").mkdir()
    (project / "train.py").write_text(SCRIPT.replace("\n\ndef load", TOLD + "\n\ndef load", 1))
    return project


def trials(project: Path) -> list[Path]:
    found = sorted(project.glob(".synebench/runs/*/*/*/trials/*"))
    assert len(found) == 6
    return found


def arguments(project: Path) -> list[list[str]]:
    """Return the arguments of one attempt of each trial."""
    found = [json.loads(path.read_text()) for path in (project / "told").iterdir()]
    assert len(found) == 6
    return found


@pytest.mark.parametrize("scheduler", ["fifo", "asha_stopping"])
def test_a_trial_that_is_never_paused_is_given_nowhere_to_save_and_nothing_is_sent(
    project: Path, service: Service, bucket: str, scheduler: str
) -> None:
    options = ("--scheduler", scheduler, "--searcher", "random")
    store = f"--checkpoint_store=s3://{bucket}/hpo"
    done = run_pytest(project, "--synebench", "toy", store, *options)
    assert done.returncode == 0, done.stdout + done.stderr

    assert all(OPTION not in " ".join(argv) for argv in arguments(project))
    files = {path.name for trial in trials(project) for path in trial.rglob("*")}
    assert not files & {"checkpoints", "outbox", "state.json", "manifest.json"}
    assert [method for method, _, _ in service.asked(bucket) if method in {"PUT", "POST"}] == []
    assert "--checkpointing on has them saved" in done.stdout


def test_a_trial_that_may_be_paused_is_given_a_directory_of_its_own_and_what_it_saves_is_sent(
    project: Path, service: Service, bucket: str
) -> None:
    store = f"--checkpoint_store=s3://{bucket}/hpo"
    options = ("--scheduler", "asha_promotion", "--searcher", "random")
    done = run_pytest(project, "--synebench", "toy", store, *options)
    assert done.returncode == 0, done.stdout + done.stderr

    directories = {argv[argv.index(OPTION) + 1] for argv in arguments(project)}
    assert directories == {str(trial / "checkpoints") for trial in trials(project)}
    asked = service.asked(bucket)
    sent = {key for method, key, _ in asked if method == "PUT" and "/trials/" in key}
    assert {int(key.split("/trials/")[1].split("/")[0]) for key in sent} == set(range(6))
