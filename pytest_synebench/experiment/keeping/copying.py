"""What a thread does with one checkpoint: copy it to the archive, or bring one back.

Invariants (tests/experiment/keeping/test_copying.py):
- what is copied is frozen first: the trial may go on saving, and removing, meanwhile;
- nothing is brought back where a whole checkpoint of the same level, or a later one, is here;
- one that is refused is named, and the one before it is tried.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_synebench.backends.protocol import AttemptKey, AttemptSpec
from pytest_synebench.checkpoints.local import LocalStore
from pytest_synebench.checkpoints.protocol import CheckpointArchive, Place
from pytest_synebench.errors import CheckpointError


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
) -> Brought:
    """Bring back what an attempt resumes from, where it is not here.

    Args:
        archive: has it.
        spec: of the attempt.
        known: checkpoints that it may load, the newest first, each with its hash.
        dropped: those of histories that were given up.

    Raises:
        StoreError: the archive cannot be used.
    """
    checkpoints = spec.directory / "checkpoints"
    local = LocalStore().newest(checkpoints, at_most=spec.resume_at_most)
    here = local.level if local is not None else 0
    wanted = list(known)
    if here < spec.resume_at_most and (not wanted or wanted[0][0].level < spec.resume_at_most):
        # A copy that was done just before a crash is not noted: the archive may have more.
        noted = {place for place, _ in wanted} | {*dropped}
        found = [(one, "") for one in archive.find(spec.key.trial_id) if one not in noted]
        fitting = [one for one in found if one[0].level <= spec.resume_at_most]
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
    return Brought(spec=spec, remarks=tuple(remarks))
