"""Which checkpoints of jobs are trusted."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_synebench.checkpoints.protocol import Place
from pytest_synebench.errors import CheckpointError
from pytest_synebench.experiment.keeping.ledger import Ledger
from pytest_synebench.experiment.remote.kept import KeptStore
from pytest_synebench.testing.checkpoint_store_suite import make_checkpoint
from pytest_synebench.trial import CheckpointRef, TrialId

ONE = TrialId(1)


@pytest.fixture
def checkpoints(tmp_path: Path) -> Path:
    return tmp_path / "trials" / "1" / "checkpoints"


@pytest.fixture
def store(tmp_path: Path) -> KeptStore:
    made = KeptStore()
    made.ledger = Ledger(tmp_path)
    return made


def keep(store: KeptStore, level: int) -> None:
    assert store.ledger is not None
    store.ledger.note(Place(ONE, 0, level), f"{level}" * 64)


def test_what_the_ledger_has_is_trusted_and_nothing_on_this_disk(
    store: KeptStore, checkpoints: Path
) -> None:
    make_checkpoint(checkpoints, Place(ONE, 0, 9))
    assert store.newest(checkpoints, None) is None
    for level in (1, 3):
        keep(store, level)
    assert store.newest(checkpoints, None) == CheckpointRef(trial_id=ONE, level=3, sha256="3" * 64)
    assert store.newest(checkpoints, 2) == CheckpointRef(trial_id=ONE, level=1, sha256="1" * 64)
    assert store.newest(checkpoints, 0) is None


def test_what_was_given_up_is_not_trusted_again(store: KeptStore, checkpoints: Path) -> None:
    for level in (1, 3):
        keep(store, level)
    store.discard_beyond(checkpoints, 2)
    store.discard_beyond(checkpoints, 2)
    newest = store.newest(checkpoints, None)
    assert newest is not None
    assert newest.level == 1


def test_nothing_is_copied_and_nothing_known_before_the_run_is_open(
    store: KeptStore, checkpoints: Path
) -> None:
    with pytest.raises(CheckpointError, match="are not copied"):
        store.adopt(checkpoints, checkpoints, 1, ONE)
    with pytest.raises(CheckpointError, match="not open"):
        KeptStore().newest(checkpoints, None)
