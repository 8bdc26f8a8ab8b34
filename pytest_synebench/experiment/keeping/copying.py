"""What a thread does with checkpoints: copy one to the archive, bring one back, remove some.

Invariants (tests/experiment/keeping/test_copying.py):
- a trial that begins as a copy has a checkpoint of its own in the archive before it begins, and
  no byte is sent for it where the archive has the one that it is a copy of;
- what is copied is frozen first: the trial may go on saving, and removing, meanwhile;
- nothing is brought back where a whole checkpoint of the same level, or a later one, is here;
- one that is refused is named, and the one before it is tried.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from pytest_synebench.backends.protocol import AttemptKey, AttemptSpec
from pytest_synebench.checkpoints.freezing import freeze
from pytest_synebench.checkpoints.local import LocalStore
from pytest_synebench.checkpoints.protocol import CheckpointArchive, Place
from pytest_synebench.errors import CheckpointError, StoreError
from pytest_synebench.trial import CheckpointRef, TrialId


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """A checkpoint was to be kept."""

    key: AttemptKey
    place: Place
    sha256: str  #: "": it is not kept
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """An attempt can begin: what it resumes from is here, as far as it can be had."""

    spec: AttemptSpec
    remarks: tuple[str, ...] = ()
    own: Copied | None = None  #: what it has in the archive as a copy of another trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What was not needed is gone."""

    problem: str = ""  #: why some of it is not


Done: TypeAlias = Copied | Brought | Collected


def copy(archive: CheckpointArchive, key: AttemptKey, place: Place, frozen: Path) -> Copied:
    """Keep a frozen checkpoint.

    Raises:
        StoreError: the archive cannot be used.
    """
    try:
        kept = archive.keep(frozen, place)
    except CheckpointError as error:
        return Copied(key=key, place=place, sha256="", problem=str(error))
    finally:
        shutil.rmtree(frozen, ignore_errors=True)
        with contextlib.suppress(OSError):  # another waits in it
            frozen.parent.rmdir()
    return Copied(key=key, place=place, sha256=kept.sha256)


def bring(
    archive: CheckpointArchive,
    spec: AttemptSpec,
    known: Sequence[tuple[Place, str]],
    dropped: Collection[Place] = (),
    source: Place | None = None,
) -> Brought:
    """Bring back what an attempt resumes from, where it is not here.

    Args:
        archive: has it.
        spec: of the attempt.
        known: checkpoints that it may load, the newest first, each with its hash.
        dropped: those of histories that were given up.
        source: what the archive has of the other trial that it begins as a copy of; None: it is
            no copy, or one that has a checkpoint of its own there.

    Raises:
        StoreError: the archive cannot be used.
    """
    trial_id, at_most = spec.key.trial_id, spec.resume_at_most
    checkpoints = spec.directory / "checkpoints"
    remarks = bring_back(archive, trial_id, checkpoints, at_most, known, dropped)
    own = None
    if spec.copied_from is not None and not known:
        own = _keep_copy(archive, spec, spec.copied_from, source)
    return Brought(spec=spec, remarks=tuple(remarks), own=own)


def bring_back(
    archive: CheckpointArchive,
    trial_id: TrialId,
    checkpoints: Path,
    at_most: int,
    known: Sequence[tuple[Place, str]],
    dropped: Collection[Place] = (),
) -> list[str]:
    """Bring back the newest checkpoint of a trial up to a level; return which were refused, why.

    Raises:
        StoreError: the archive cannot be used.
    """
    local = LocalStore().newest(checkpoints, at_most=at_most)
    here = local.level if local is not None else 0
    wanted = list(known)
    if here < at_most and (not wanted or wanted[0][0].level < at_most):
        # A copy that was done just before a crash is not noted: the archive may have more.
        noted = {place for place, _ in wanted} | {*dropped}
        found = [(one, "") for one in archive.find(trial_id) if one not in noted]
        fitting = [one for one in found if one[0].level <= at_most]
        wanted = sorted(wanted + fitting, key=lambda one: one[0].age, reverse=True)
    remarks: list[str] = []
    for place, sha256 in wanted:
        if place.level <= here:
            break
        try:
            archive.restore(place, checkpoints, sha256 or None)
        except CheckpointError as error:
            remarks.append(f"REJECTED: checkpoint of level {place.level} in the store: {error}")
        else:
            break
    return remarks


def _keep_copy(
    archive: CheckpointArchive, spec: AttemptSpec, parent: CheckpointRef, source: Place | None
) -> Copied:
    """Keep what a copy begins from as its own: from within the archive, or else from here."""
    trial_id, level = spec.key.trial_id, parent.level
    place = Place(trial_id, 0, level)
    if source is not None:
        with contextlib.suppress(CheckpointError):
            sha256 = archive.copy(source, place, parent.sha256).sha256
            return Copied(key=spec.key, place=place, sha256=sha256)
    frozen = freeze(spec.directory, 0, level)
    if frozen is None:
        return Copied(key=spec.key, place=place, sha256="", problem="it is not here any more")
    return copy(archive, spec.key, place, frozen)


def collect(
    archive: CheckpointArchive,
    unneeded: Callable[[], Collection[Place]],
    known: Collection[Place],
    who: str,
    grace_s: float = 0.0,
) -> Collected:
    """Remove what is not needed, and then what nothing refers to.

    Args:
        archive: has it.
        unneeded: returns what can go; may ask the archive.
        known: what it has.
        who: has claimed the archive; where somebody else has since, nothing is removed.
        grace_s: what is younger stays, where nothing refers to it.

    Returns:
        Why something was not removed, if so: a run goes on with too many checkpoints.
    """
    try:
        if archive.claimant() != who:
            return Collected(
                problem="another controller keeps checkpoints of this run there by now: no more "
                "are removed by this one"
            )
        for place in unneeded():
            archive.remove(place)
        archive.collect(known, grace_s)
    except (CheckpointError, StoreError) as error:
        return Collected(problem=f"what is not needed stays in the checkpoint_store: {error}")
    return Collected()
