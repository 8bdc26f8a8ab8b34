"""Opens the archive that ``checkpoint_store`` names, and has checkpoints go that nobody needs.

Invariants (tests/experiment/keeping/test_opening.py):
- an archive that cannot be written, read and deleted in is refused before the first trial;
- each run has a place of its own in it, however many runs have one name;
- what a dead controller left half done is collected at once where it was this machine's, after a
  day where it was another's.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from pytest_synebench.backends.protocol import Backend
from pytest_synebench.checkpoints.folder import FolderArchive
from pytest_synebench.checkpoints.protocol import CheckpointArchive
from pytest_synebench.clock import SystemClock
from pytest_synebench.errors import BackendError, StoreError, UsageError
from pytest_synebench.experiment.journal.trials import TrialRecord, TrialTable
from pytest_synebench.experiment.keeping.backend import KeepingBackend, Wakeable
from pytest_synebench.experiment.keeping.collecting import Claim
from pytest_synebench.experiment.keeping.disk_budget import MB, DiskBudget
from pytest_synebench.experiment.keeping.ledger import Ledger
from pytest_synebench.experiment.keeping.retention import Retention
from pytest_synebench.experiment.keeping.rising import removal_order
from pytest_synebench.experiment.keeping.tidying import TidyingBackend
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.store.holder import Holder
from pytest_synebench.experiment.tuner.launch import Launch
from pytest_synebench.trial import TrialId

_GRACE_S = 24 * 3600.0
_LIKE_A_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")  #: as it would begin
LOCAL = "local"  #: no archive: checkpoints are where trials write them
_AT_ENDPOINT = "s3+http"  #: s3+http://HOST:PORT/BUCKET/PREFIX: an emulator, which asks for no name


def with_keeping(
    plan: Plan,
    directory: Path,
    launch: Launch,
    table: TrialTable,
    backend: Backend,
    wakeable: Wakeable,
    remark: Callable[[str], None],
) -> Backend:
    """Return a back-end that keeps checkpoints where, and as long as, the plan says.

    Raises:
        UsageError: ``checkpoint_store`` names no store.
        BackendError: the store cannot be used: why, and the way out.
    """
    url = plan.params["checkpoint_store"]
    if launch.checkpoint_at is None:
        if url != LOCAL:
            remark(
                f"checkpoint_store is {url}, but nothing is kept there: {plan.scheduler} pauses no "
                "trial, so none saves a checkpoint; --checkpointing on has them saved"
            )
        return backend
    retention = Retention(table, plan.params["checkpoint_retention"])
    if url != LOCAL:
        backend = _with_archive(plan, directory, launch, retention, backend, wakeable, remark)
    try:
        budget = _budget(plan, directory, launch, table)
    except BaseException:
        backend.close()
        raise
    return TidyingBackend(
        backend, retention=retention, budget=budget, trials=directory / "trials", remark=remark
    )


def _budget(plan: Plan, directory: Path, launch: Launch, table: TrialTable) -> DiskBudget:
    megabytes = plan.params["checkpoint_disk_mb"]
    levels = tuple(launch.checkpoint_at or ())

    def order(paused: list[TrialRecord]) -> list[TrialId]:
        return removal_order(
            paused,
            list(table.trials.values()),
            levels=levels,
            num_trials=plan.num_trials,
            reduction_factor=plan.params["reduction_factor"],
        )

    # A population resumes each that it pauses. In virtual time no disk may have a say.
    guesses = plan.scheduler != "pbt" and not plan.params["deterministic"]
    return DiskBudget(
        directory / "trials",
        table,
        limit_bytes=None if megabytes is None else megabytes * MB,
        at_once=min(plan.params["num_workers"], plan.num_trials),
        ledger=launch.ledger,
        order=order if guesses else None,
    )


def _with_archive(
    plan: Plan,
    directory: Path,
    launch: Launch,
    retention: Retention,
    backend: Backend,
    wakeable: Wakeable,
    remark: Callable[[str], None],
) -> Backend:
    with ExitStack() as undo:
        undo.callback(backend.close)
        archive = archive_of(plan.params["checkpoint_store"], experiment(plan, directory))
        try:
            archive.preflight()
            claim = _claim(archive, directory)
        except StoreError as error:
            raise BackendError(f"the checkpoint_store cannot be used: {error}") from error
        ledger = launch.ledger = Ledger(directory)
        undo.callback(ledger.close)
        kept = KeepingBackend(
            backend,
            wakeable,
            archive,
            ledger,
            retention=retention,
            trials=directory / "trials",
            claim=claim,
            remark=remark,
        )
        undo.pop_all()
    launch.fetch = kept.fetch
    kept.catch_up()
    return kept


def _claim(archive: CheckpointArchive, directory: Path) -> Claim:
    """Become the one who removes what is not needed there.

    On this machine the run's lease has seen to it that nobody else writes. A controller elsewhere,
    which worked in a copy of the directory, may be alive, and about to refer to what it has sent.
    """
    here = f"{Holder.me(SystemClock()).boot}:{directory.absolute()}"
    who = f"{here}#{secrets.token_hex(8)}"
    before = archive.claim(who)
    elsewhere = before and before.rpartition("#")[0] != here
    return Claim(who=who, grace_s=_GRACE_S if elsewhere else 0.0)


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
    # "s3:/bucket" is a folder to a file system, and a slip to whoever wrote it.
    if not separator and url.strip() and not _LIKE_A_URL.match(url):
        return FolderArchive(Path(url).expanduser().absolute() / name)
    if scheme not in {"s3", _AT_ENDPOINT} or not separator:
        raise UsageError(
            f"checkpoint_store is {url!r}; known: s3://BUCKET/PREFIX, or the path of a folder"
        )
    from pytest_synebench.checkpoints.s3.archive import S3Archive
    from pytest_synebench.checkpoints.s3.asking import nameless_client

    try:
        if scheme == "s3":
            return S3Archive(url, name)
        endpoint, _, place = url.removeprefix(f"{_AT_ENDPOINT}://").partition("/")
        return S3Archive(f"s3://{place}", name, client=nameless_client(f"http://{endpoint}"))
    except StoreError as error:
        raise BackendError(str(error)) from error
