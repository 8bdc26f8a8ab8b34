"""Keeps checkpoints in the store while the script goes on: one at a time, in a thread.

Invariants (tests/training/agent/test_keeper.py holds each one):
- what is done is told by a descriptor that becomes readable;
- a checkpoint that is refused harms nothing else; a store that cannot be used ends the job;
- what an attempt resumes from is the newest whole checkpoint that it may load, its own first.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_synebench.checkpoints.protocol import CheckpointArchive, Place
from pytest_synebench.errors import CheckpointError, StoreError
from pytest_synebench.training.agent.orders import Orders
from pytest_synebench.trial import TrialId


@dataclass(frozen=True)
class Kept:
    """How it went."""

    level: int
    sha256: str  #: of the manifest; "": it is not kept
    problem: str = ""


class Keeper:
    """One attempt's checkpoints, on their way."""

    def __init__(self, archive: CheckpointArchive, orders: Orders) -> None:
        self._archive = archive
        self._orders = orders
        self._fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._thread: threading.Thread | None = None
        self._done: Kept | StoreError | None = None

    def fileno(self) -> int:
        """Return the descriptor that is readable once a checkpoint is kept, or was refused."""
        return self._fd

    @property
    def busy(self) -> bool:
        """Whether one is on its way."""
        return self._thread is not None

    def keep(self, level: int, frozen: Path) -> None:
        """Begin to keep a checkpoint; the one before was taken."""
        place = Place(TrialId(self._orders.trial), self._orders.attempt, level)
        self._thread = threading.Thread(target=self._run, args=(place, frozen), daemon=True)
        self._thread.start()

    def take(self) -> Kept:
        """Return how it went with the one that was on its way; waits for it.

        Raises:
            StoreError: the store cannot be used.
        """
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            os.eventfd_read(self._fd)
        done, self._done = self._done, None
        if isinstance(done, Kept):
            return done
        raise done or StoreError("no checkpoint is on its way")

    def close(self) -> None:
        """Have what is on its way give up, and let go. May be repeated."""
        self._archive.close()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def restore(self, checkpoints: Path) -> tuple[int, tuple[str, ...]]:
        """Bring back what the attempt resumes from.

        Args:
            checkpoints: directory of the trial's checkpoints here.

        Returns:
            Its level, 0 where it starts from scratch, and a line for each that was refused.

        Raises:
            StoreError: the store cannot be used.
        """
        refused: list[str] = []
        for place, sha256 in self._candidates():
            try:
                self._archive.restore(place, checkpoints, sha256)
            except CheckpointError as error:
                refused.append(f"REJECTED: checkpoint of level {place.level} in the store: {error}")
            else:
                return place.level, tuple(refused)
        return 0, tuple(refused)

    def _candidates(self) -> Iterator[tuple[Place, str | None]]:
        """Yield what may be loaded: what an earlier life of this attempt kept, then what is known.

        The controller knows what earlier attempts kept of the history that counts; of this one it
        may not have heard yet.
        """
        trial, attempt = TrialId(self._orders.trial), self._orders.attempt
        for place in self._archive.find(trial):
            if place.attempt == attempt:
                yield place, None
        for earlier, level, sha256 in self._orders.known:
            yield Place(trial, earlier, level), sha256

    def _run(self, place: Place, frozen: Path) -> None:
        try:
            kept = self._archive.keep(frozen, place)
            self._done = Kept(place.level, kept.sha256)
        except CheckpointError as error:
            self._done = Kept(place.level, "", str(error))
        except StoreError as error:
            self._done = error
        except Exception as error:
            self._done = StoreError(f"a checkpoint could not be kept: {error!r}")
        finally:
            shutil.rmtree(frozen, ignore_errors=True)
            os.eventfd_write(self._fd, 1)
