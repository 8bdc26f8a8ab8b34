"""Who waits for a job: the controller of its run, as far as this machine can tell.

The run's directory names the process that holds it. Where there is no such directory here, or it
is held from another machine, nobody can tell: the run may be somebody else's, and go on.

Invariants (tests/experiment/remote/test_owners.py holds each one):
- a run whose holder lives, stopped or not, has an owner;
- one is left alone only where its directory is here, and says that its holder has let go of it or
  is gone;
- in all other cases the owner is unknown.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import NamedTuple

from pytest_synebench.experiment.store.holder import Doing, Holder
from pytest_synebench.experiment.store.lease import NAME


class Owner(Enum):
    """Whether somebody waits for the jobs of a run; a tuner's job is its run's own controller."""

    LIVES = "lives"
    NOBODY = "nobody"
    UNKNOWN = "unknown"
    ITSELF = "itself"


class Owned(NamedTuple):
    """What is known of a run's owner."""

    owner: Owner
    words: str  #: for people


def owner_of(run: str, root: Path) -> Owned:
    """Return who owns a run.

    Args:
        run: ``<benchmark>/<setup>/<directory>``.
        root: the ``.synebench`` directory in which it may be.
    """
    directory = root / "runs" / run
    try:
        holder = Holder.read((directory / NAME).read_bytes())
    except OSError:
        return Owned(Owner.UNKNOWN, f"its run is not below {root}")
    if holder is None:
        return Owned(Owner.UNKNOWN, f"{directory / NAME} names nobody")
    if holder.released:
        return Owned(Owner.NOBODY, f"{holder} has let go of its run")
    match holder.doing():
        case Doing.RUNNING:
            return Owned(Owner.LIVES, f"{holder} waits for it")
        case Doing.STOPPED:
            return Owned(Owner.LIVES, f"{holder} waits for it, and is stopped (Ctrl-Z?)")
        case Doing.GONE:
            return Owned(Owner.NOBODY, f"{holder} is gone")
        case Doing.UNSEEN:
            return Owned(Owner.UNKNOWN, f"{holder} is out of sight")
