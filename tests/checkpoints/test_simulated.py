from __future__ import annotations

from pathlib import Path

from pytest_synebench.checkpoints.simulated import SimulatedStore
from pytest_synebench.trial import CheckpointRef


def test_what_is_asked_for_is_there_and_no_file_is_touched(tmp_path: Path) -> None:
    store, directory = SimulatedStore(), tmp_path / "7" / "checkpoints"
    assert store.newest(directory, 3) == CheckpointRef(trial_id=7, level=3, sha256="")  # type: ignore[arg-type] # an id
    assert store.newest(directory, None) is None
    store.discard_beyond(directory, 0)
    assert list(tmp_path.iterdir()) == []
