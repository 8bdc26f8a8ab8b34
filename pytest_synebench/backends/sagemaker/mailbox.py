"""Which letter of a job is read next: pure, right under lists that lag and lives that follow.

A letter may be read once it is listed. One that is not may be there all the same: before a later
life is turned to, and once the job has ended, its place is looked into.

Invariants (tests/backends/sagemaker/test_mailbox.py holds each one):
- letters are read in the order in which they were written, each once, whatever a list leaves out;
- no letter of a life is passed over for a later life's, unless it is not there.

Source: the store is consistent for reads of one object; that a list shows each object at once is
promised as well (https://aws.amazon.com/s3/consistency), and not relied upon.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Next(NamedTuple):
    """A letter of an attempt to read."""

    life: int
    number: int
    certain: bool  #: it was listed; else it may not be there


class Mailbox:
    """How far one attempt's letters have been read."""

    def __init__(self) -> None:
        self._life = 0
        self._number = 0
        self._listed: set[tuple[int, int]] = set()
        self._absent: set[tuple[int, int]] = set()  #: where nothing was found
        self._ended = False
        self.drained = False  #: nothing was where the last letter of an ended job would be

    def listed(self, letters: Iterable[tuple[int, int]]) -> None:
        """Take note of letters that are there, each by life and number."""
        self._listed.update(one for one in letters if one >= (self._life, self._number))

    def next(self, *, ended: bool) -> Next | None:
        """Return what to read, or None: nothing for now.

        Args:
            ended: the job writes no more.
        """
        if ended and not self._ended:
            self._ended = True
            self._absent.clear()  # it may have come since
        here = (self._life, self._number)
        if here in self._listed:
            return Next(*here, certain=True)
        later = any(life > self._life for life, _ in self._listed)
        if here not in self._absent:
            return Next(*here, certain=False) if later or ended else None
        if later or (ended and self._number):
            # Lives are turned to one by one: the list may lack the letters of the next.
            self._life, self._number = self._life + 1, 0
            return self.next(ended=ended)
        self.drained = ended
        return None

    def found(self, letter: Next) -> None:
        """Take note that a letter was read."""
        self._listed.discard((letter.life, letter.number))
        self._number = letter.number + 1

    def missed(self, letter: Next) -> None:
        """Take note that a letter is not there."""
        self._absent.add((letter.life, letter.number))
