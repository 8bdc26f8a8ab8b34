"""The controller's view of checkpoints on disk."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pytest_synebench.checkpoints import manifest
from pytest_synebench.checkpoints.local import LocalStore
from pytest_synebench.checkpoints.protocol import CheckpointStore
from pytest_synebench.errors import CheckpointError
from pytest_synebench.trial import CheckpointRef, TrialId

STORE: CheckpointStore = LocalStore()


def save(directory: Path, level: int, trial: int | None = 7) -> None:
    def fill(path: str) -> None:
        (Path(path) / "state").write_text(str(level))

    manifest.save(str(directory), level, fill, trial)


def ref(directory: Path, level: int) -> CheckpointRef:
    data = (directory / f"{level:08d}" / "manifest.json").read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    return CheckpointRef(trial_id=TrialId(7), level=level, sha256=sha256)


def test_the_newest_is_named_with_the_hash_of_its_manifest(tmp_path: Path) -> None:
    save(tmp_path, 1)
    save(tmp_path, 3)
    assert STORE.newest(tmp_path, None) == ref(tmp_path, 3)
    assert STORE.newest(tmp_path, 3) == ref(tmp_path, 3)
    assert STORE.newest(tmp_path, 2) == ref(tmp_path, 1)
    assert STORE.newest(tmp_path, 0) is None


def test_a_damaged_one_is_passed_over(tmp_path: Path) -> None:
    save(tmp_path, 1)
    save(tmp_path, 3)
    (tmp_path / "00000003" / "state").write_text("4")
    assert STORE.newest(tmp_path, None) == ref(tmp_path, 1)


def test_a_directory_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert STORE.newest(tmp_path / "none", None) is None


def test_what_a_person_saved_by_hand_is_not_the_trials(tmp_path: Path) -> None:
    save(tmp_path, 1)
    save(tmp_path, 3, trial=None)
    assert STORE.newest(tmp_path, None) == ref(tmp_path, 1)


def test_levels_beyond_are_dropped_again_and_again(tmp_path: Path) -> None:
    save(tmp_path, 1)
    save(tmp_path, 3)
    for _ in range(2):
        STORE.discard_beyond(tmp_path, 1)
        assert [path.name for path in tmp_path.iterdir()] == ["00000001"]


def test_one_that_cannot_be_removed_is_an_error_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(checkpoints: str, level: int) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(manifest, "discard_beyond", refusing)
    with pytest.raises(CheckpointError, match=r"beyond level 1 in .* cannot be removed: .*Permi"):
        STORE.discard_beyond(tmp_path, 1)


# -- a copy becomes another trial's own -----------------------------------------------------------


def test_an_adopted_checkpoint_is_whole_and_the_new_trial_s(tmp_path: Path) -> None:
    source, target = tmp_path / "7", tmp_path / "8"
    for level in (3, 6):
        save(source, level)
    assert STORE.adopt(source, target, 5, TrialId(8)) == ref(source, 3)
    found = STORE.newest(target, None)
    assert found is not None
    assert (found.trial_id, found.level) == (TrialId(8), 3)
    manifest.verify(str(target / "00000003"), 3, trial=8)
    assert (target / "00000003" / "state").read_text() == "3"


def test_it_outlives_the_one_it_came_from_and_its_own_folders_come_along(tmp_path: Path) -> None:
    source, target = tmp_path / "7", tmp_path / "8"

    def fill(path: str) -> None:
        (Path(path) / "deep" / "er").mkdir(parents=True)
        (Path(path) / "deep" / "er" / "state").write_text("3")

    manifest.save(str(source), 3, fill, 7)
    STORE.adopt(source, target, 3, TrialId(8))
    STORE.discard_beyond(source, 0)
    assert (target / "00000003" / "deep" / "er" / "state").read_text() == "3"
    assert STORE.newest(target, None) is not None


def test_what_a_controller_left_that_died_before_is_replaced(tmp_path: Path) -> None:
    source, target = tmp_path / "7", tmp_path / "8"
    save(source, 3)
    save(target, 9, trial=8)
    for _ in range(2):
        STORE.adopt(source, target, 3, TrialId(8))
        assert [path.name for path in target.iterdir()] == ["00000003"]
    assert STORE.adopt(tmp_path / "none", target, 3, TrialId(8)) is None
    assert STORE.newest(target, None) is None


def test_without_links_the_bytes_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(source: Path, target: Path) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("os.link", refusing)
    save(tmp_path / "7", 3)
    STORE.adopt(tmp_path / "7", tmp_path / "8", 3, TrialId(8))
    assert STORE.newest(tmp_path / "8", None) is not None


def test_a_damaged_one_is_passed_over_when_a_copy_is_made(tmp_path: Path) -> None:
    source = tmp_path / "7"
    for level in (1, 3):
        save(source, level)
    (source / "00000003" / "state").write_text("4")
    assert STORE.adopt(source, tmp_path / "8", 9, TrialId(8)) == ref(source, 1)
