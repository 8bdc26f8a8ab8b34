"""One checkpoint, to the archive and back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pytest_synebench.backends.protocol import AttemptKey, AttemptSpec
from pytest_synebench.checkpoints import manifest
from pytest_synebench.checkpoints.folder import FolderArchive
from pytest_synebench.checkpoints.freezing import freeze
from pytest_synebench.checkpoints.protocol import Place
from pytest_synebench.experiment.keeping.copying import bring, copy
from pytest_synebench.testing.checkpoint_store_suite import FILES, content, make_checkpoint
from pytest_synebench.trial import TrialId

KEY = AttemptKey(TrialId(1), 0)


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    return tmp_path / "trials" / "1"


@pytest.fixture
def archive(tmp_path: Path) -> FolderArchive:
    return FolderArchive(tmp_path / "archive")


def spec(trial: Path, at_most: int) -> AttemptSpec:
    return AttemptSpec(
        key=AttemptKey(TrialId(1), 1),
        config={},
        seed=0,
        directory=trial,
        resource_attr="epoch",
        until=None,
        resume_at_most=at_most,
        checkpoint_at=(),
    )


def keep(archive: FolderArchive, trial: Path, level: int) -> tuple[Place, str]:
    """Save a checkpoint, and keep it as a thread would."""
    place = Place(TrialId(1), 0, level)
    make_checkpoint(trial / "checkpoints", place)
    frozen = freeze(trial, 0, level)
    assert frozen is not None
    return place, copy(archive, KEY, place, frozen).sha256


def levels(trial: Path) -> list[int]:
    return manifest.levels(str(trial / "checkpoints"))


def test_what_is_frozen_outlives_what_the_trial_removes(
    archive: FolderArchive, trial: Path
) -> None:
    place = Place(TrialId(1), 0, 3)
    make_checkpoint(trial / "checkpoints", place)
    frozen = freeze(trial, 0, 3)
    assert frozen is not None
    shutil.rmtree(trial / "checkpoints")
    assert copy(archive, KEY, place, frozen).sha256
    archive.restore(place, trial / "checkpoints")
    assert content(trial / "checkpoints" / "00000003") == FILES
    assert [path.name for path in trial.iterdir()] == ["checkpoints"]


def test_what_a_script_writes_into_a_frozen_file_is_noticed(
    archive: FolderArchive, trial: Path
) -> None:
    place = Place(TrialId(1), 0, 3)
    saved = make_checkpoint(trial / "checkpoints", place)
    frozen = freeze(trial, 0, 3)
    assert frozen is not None
    with (saved / "state.json").open("r+b") as file:
        file.write(b"!")
    done = copy(archive, KEY, place, frozen)
    assert (done.sha256, archive.find(TrialId(1))) == ("", [])
    assert "'state.json' was changed after it was saved" in done.problem


def test_what_is_gone_before_it_is_frozen_leaves_nothing(trial: Path) -> None:
    assert freeze(trial, 0, 3) is None
    assert list(trial.glob("outbox/*")) == []


def test_nothing_is_brought_where_the_level_is_here(
    archive: FolderArchive, trial: Path, tmp_path: Path
) -> None:
    known = [keep(archive, trial, 3)]
    shutil.rmtree(tmp_path / "archive")  # bringing would fail
    assert bring(archive, spec(trial, 3), known).remarks == ()
    assert levels(trial) == [3]


def test_what_is_damaged_here_is_replaced_by_what_was_kept(
    archive: FolderArchive, trial: Path
) -> None:
    known = [keep(archive, trial, 3)]
    (trial / "checkpoints/00000003/state.json").write_text("{}")
    assert bring(archive, spec(trial, 3), known).remarks == ()
    assert content(trial / "checkpoints" / "00000003") == FILES


def test_one_that_is_refused_is_named_and_the_one_before_it_is_brought(
    archive: FolderArchive, trial: Path, tmp_path: Path
) -> None:
    known = [keep(archive, trial, 1), keep(archive, trial, 3)][::-1]
    shutil.rmtree(trial / "checkpoints")
    (tmp_path / "archive/00000001/000000/00000003/state.json").write_text("{}")
    (remark,) = bring(archive, spec(trial, 3), known).remarks
    assert remark.startswith("REJECTED: checkpoint of level 3 in the store: 'state.json' has 2")
    assert levels(trial) == [1]


def test_nothing_beyond_what_the_attempt_may_load_is_brought(
    archive: FolderArchive, trial: Path
) -> None:
    for level in (1, 3):
        keep(archive, trial, level)
    shutil.rmtree(trial / "checkpoints")
    bring(archive, spec(trial, 2), [])
    assert levels(trial) == [1]


def test_a_history_that_was_given_up_is_not_brought_though_the_archive_has_it(
    archive: FolderArchive, trial: Path
) -> None:
    first, given_up = keep(archive, trial, 1), keep(archive, trial, 9)
    shutil.rmtree(trial / "checkpoints")
    bring(archive, spec(trial, 9), [first], [given_up[0]])
    assert levels(trial) == [1]


def test_another_manifest_than_the_noted_one_is_refused(
    archive: FolderArchive, trial: Path
) -> None:
    place, _ = keep(archive, trial, 3)
    shutil.rmtree(trial / "checkpoints")
    assert "REJECTED" in bring(archive, spec(trial, 3), [(place, "0" * 64)]).remarks[0]
    assert levels(trial) == []
