from __future__ import annotations

from pathlib import Path

from pytest_synebench.checkpoints.simulated import SimulatedStore
from pytest_synebench.trial import CheckpointRef, TrialId


def test_what_is_asked_for_is_there_and_no_file_is_touched(tmp_path: Path) -> None:
    store, directory = SimulatedStore(), tmp_path / "7" / "checkpoints"
    assert store.newest(directory, 3) == CheckpointRef(trial_id=TrialId(7), level=3, sha256="")
    assert store.newest(directory, None) is None
    store.discard_beyond(directory, 0)
    assert list(tmp_path.iterdir()) == []


def test_a_copy_begins_at_the_level_asked_for(tmp_path: Path) -> None:
    parent, child = tmp_path / "7" / "checkpoints", tmp_path / "9" / "checkpoints"
    found = SimulatedStore().adopt(parent, child, 3, TrialId(9))
    assert found == CheckpointRef(trial_id=TrialId(7), level=3, sha256="")
    assert list(tmp_path.iterdir()) == []
