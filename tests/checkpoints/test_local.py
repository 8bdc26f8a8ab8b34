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
