"""Which blobs somebody relies on at this moment, so that nobody removes them.

A blob may be unreferenced and about to be referred to: a keep that found it there, or has sent it,
writes its manifest last. Both happen in threads of one process, which agree here.

Invariants (tests/checkpoints/s3/test_in_use.py holds each one):
- a blob is never removed while a keep relies on it, nor where one has since the search began;
- a keep that needs a blob which is being removed waits until it is gone, and sends it anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from threading import Condition


class InUse:
    """Shared by all that keep, copy and collect in one archive."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._held: Counter[str] = Counter()
        self._touched: set[str] = set()  #: held at any time since the search began
        self._going: set[str] = set()

    @contextmanager
    def holding(self, digests: Collection[str]) -> Iterator[None]:
        """Rely on blobs: from before they are looked at until the manifest is written."""
        with self._changed:
            self._changed.wait_for(lambda: self._going.isdisjoint(digests))
            self._held.update(digests)
            self._touched.update(digests)
        try:
            yield
        finally:
            with self._changed:
                self._held.subtract(digests)
                self._held += Counter()  # what nobody holds is forgotten

    def begin(self) -> None:
        """Begin a search for blobs that nobody refers to."""
        with self._changed:
            self._touched = set(self._held)

    @contextmanager
    def removing(self, digest: str) -> Iterator[bool]:
        """Remove a blob, where it is told that nobody has relied on it since the search began."""
        with self._changed:
            free = digest not in self._touched
            if free:
                self._going.add(digest)
        try:
            yield free
        finally:
            with self._changed:
                self._going.discard(digest)
                self._changed.notify_all()
