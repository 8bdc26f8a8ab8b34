"""The folder in which scripts run."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_synebench.backends.local.backend import LocalBackend
from pytest_synebench.errors import BackendError

from .local_stage import REPORTS, local_stage, run, spec_of


@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize("launch", ["warm", "cold"])
def test_scripts_run_in_the_folder_of_the_beginning_whatever_becomes_current(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, launch: str, given: bool
) -> None:
    folders = [tmp_path / name for name in ("begun", "chosen", "later")]
    for folder in folders:
        folder.mkdir()
    begun, chosen, later = folders
    monkeypatch.chdir(begun)
    script = REPORTS + "import os\nreport(folder=os.getcwd())"
    options = {"directory": chosen} if given else {}
    with local_stage(tmp_path, script, launch=launch, **options) as stage:
        monkeypatch.chdir(later)
        watcher, _ = run(stage, spec_of(stage))
        assert watcher.reports(spec_of(stage)) == [{"folder": str(chosen if given else begun)}]


def test_a_folder_that_is_gone_is_named_and_made_again_it_is_used(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with local_stage(tmp_path, "", directory=folder) as stage:
        folder.rmdir()
        with pytest.raises(BackendError, match=rf"trial 0 .* is gone, or is none: {folder}; make"):
            stage.backend.start(spec_of(stage))
        folder.mkdir()
        assert run(stage, spec_of(stage))[1].ok


def test_a_current_folder_that_is_gone_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path / "folder")
    (tmp_path / "folder").rmdir()
    with pytest.raises(BackendError, match=rf"cannot be started: the folder .*{tmp_path}/folder"):
        LocalBackend(tmp_path / "script.py", run_token="x")
