"""Opens the archive that ``checkpoint_store`` names, before anything depends on it.

Invariants (tests/experiment/keeping/test_opening.py):
- an archive that cannot be written, read and deleted in is refused before the first trial;
- each run has a place of its own in it, however many runs have one name.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from pytest_synebench.backends.protocol import Backend
from pytest_synebench.checkpoints.folder import FolderArchive
from pytest_synebench.checkpoints.protocol import CheckpointArchive
from pytest_synebench.errors import BackendError, StoreError, UsageError
from pytest_synebench.experiment.journal.trials import TrialTable
from pytest_synebench.experiment.keeping.backend import KeepingBackend, Wakeable
from pytest_synebench.experiment.keeping.ledger import Ledger
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.tuner.launch import Launch

LOCAL = "local"  #: no archive: checkpoints are where trials write them


def with_archive(
    plan: Plan,
    directory: Path,
    launch: Launch,
    table: TrialTable,
    backend: Backend,
    wakeable: Wakeable,
    remark: Callable[[str], None],
) -> Backend:
    """Return a back-end that keeps checkpoints where the plan says; ``backend`` itself: nowhere.

    Raises:
        UsageError: ``checkpoint_store`` names no store.
        BackendError: the store cannot be used: why, and the way out.
    """
    url = plan.params["checkpoint_store"]
    if url == LOCAL:
        return backend
    if launch.checkpoint_at is None:
        remark(
            f"checkpoint_store is {url}, but nothing is kept there: {plan.scheduler} pauses no "
            "trial, so none saves a checkpoint; --checkpointing on has them saved"
        )
        return backend
    with ExitStack() as undo:
        undo.callback(backend.close)
        archive = archive_of(url, experiment(plan, directory))
        try:
            archive.preflight()
            archive.collect()
        except StoreError as error:
            raise BackendError(f"the checkpoint_store cannot be used: {error}") from error
        ledger = launch.ledger = Ledger(directory)
        undo.callback(ledger.close)
        trials = directory / "trials"
        kept = KeepingBackend(backend, wakeable, archive, ledger, trials=trials, remark=remark)
        undo.pop_all()
    kept.catch_up(table.trials.values())
    return kept


def experiment(plan: Plan, directory: Path) -> str:
    """Return the name of a run's place in an archive: that of its directory, which is unique."""
    return f"{plan.benchmark}/{plan.setup}/{directory.name}"


def archive_of(url: str, name: str) -> CheckpointArchive:
    """Return the archive of a run.

    Raises:
        UsageError: the URL names no store.
        BackendError: what it takes is not installed.
    """
    scheme, separator, _ = url.partition("://")
    if not separator:
        return FolderArchive(Path(url).expanduser().absolute() / name)
    if scheme != "s3":
        raise UsageError(
            f"checkpoint_store is {url!r}; known: s3://BUCKET/PREFIX, or the path of a folder"
        )
    from pytest_synebench.checkpoints.s3.archive import S3Archive

    try:
        return S3Archive(url, name)
    except StoreError as error:
        raise BackendError(str(error)) from error
