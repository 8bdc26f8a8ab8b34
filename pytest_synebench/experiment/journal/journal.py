"""The journal of an experiment: what happened and what was decided, in order, for ever.

The first line is a header that says which experiment it is; each further line is an entry: an
event or a note, and the decisions about it.

Invariants (tests/experiment/journal/test_journal.py, tests/faults/):
- an entry is on disk before ``sync`` returns, so before anyone acts on its decisions; with
  ``every``, once so many are, or at the last sync, and then all of them in order;
- what was appended is read back equal, in order, up to a torn last line, which is cut off;
- who may no longer write it, by its guard, neither appends nor acts on what was just appended.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_synebench.durable import LineLog, read_lines
from pytest_synebench.errors import JournalError
from pytest_synebench.events import SCHEMA, Decision, Event, Note, from_json
from pytest_synebench.experiment.journal.columns import Kept, encoded_all
from pytest_synebench.experiment.journal.encoding import ENCODE, encoded

_DECODE = json.JSONDecoder().raw_decode


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: what happened, and what was decided about it."""

    event: Event | Note
    decisions: tuple[Decision, ...] = ()


def _always() -> None: ...


class Journal:
    """An append-only file of entries."""

    def __init__(
        self,
        path: Path,
        *,
        sync: bool = True,
        every: int = 1,
        guard: Callable[[], None] = _always,
    ) -> None:
        """Open or create a journal.

        Args:
            path: the file; only one process at a time may have it open to write.
            sync: whether ``sync`` waits for the disk.
            every: entries that are written together. Fewer are kept until there are as many, or
                until the last sync: only for a run that acts on nothing outside, where what a crash
                takes can be made again.
            guard: raises where this process may write no more; called before each append, and
                once what was appended is on disk.

        Raises:
            JournalError: it is damaged in a place that a crash cannot explain.
        """
        self._guard = guard
        self._sync = sync
        self._log = LineLog(path, sync=False)
        self._every = every
        self._pending = False  #: whether anything was appended since the last sync
        self._kept: list[Kept] = []  #: appended and not written yet
        self.torn_bytes = self._log.torn_bytes  #: cut off a last line that a crash tore
        try:
            self.header, self.entries = _parse(self._log.payloads, str(path))
        except BaseException:
            self._log.close()
            raise
        self._log.payloads.clear()

    def begin(self, header: Mapping[str, Any]) -> None:
        """Write the header of a new journal."""
        self.header = {"schema": SCHEMA, **header}
        self._append(ENCODE({"header": self.header}))
        self.sync(last=True)

    def append(self, event: Event | Note, decisions: tuple[Decision, ...] = ()) -> None:
        """Add an entry; it is on disk once ``sync`` returns, and nobody acts on it before.

        Raises:
            RunError: the guard refuses.
            OSError: the disk refuses.
            ValueError: JSON has no form for a number in it; with ``every``, ``sync`` raises that.
        """
        if self._every > 1:
            self._pending = True
            self._kept.append((event, decisions))
        else:
            self._append(encoded(event, decisions))

    def _append(self, text: str) -> None:
        self._pending = True
        self._guard()
        self._log.append(text.encode())

    def sync(self, *, last: bool = False) -> None:
        """Wait until all that was appended is on disk; one wait for however many entries.

        Args:
            last: whether no more will come, so that nothing is kept any longer.

        Raises:
            RunError: the guard refuses, so that nobody acts on what was appended.
            OSError: the disk refuses; what was appended since the last sync is taken back.
        """
        if not self._pending or (len(self._kept) < self._every > 1 and not last):
            return
        if self._kept:
            self._guard()
            self._log.extend(map(str.encode, encoded_all(self._kept)))
            self._kept.clear()
        if self._sync:
            self._log.sync()
        self._pending = False
        # A process that is stopped is most likely stopped while it waits for the disk.
        self._guard()

    def close(self) -> None:
        """Let the file go. May be repeated."""
        self._log.close()


class Unwritten:
    """A journal that is written nowhere: of an experiment that is only looked into."""

    def append(self, event: Event | Note, decisions: tuple[Decision, ...] = ()) -> None:
        """Forget it."""

    def sync(self, *, last: bool = False) -> None:
        """Nothing to wait for."""

    def close(self) -> None:
        """Nothing to let go."""


def read_journal(path: Path) -> tuple[dict[str, Any] | None, list[Entry]]:
    """Return header and entries of a journal without holding or changing it.

    A torn last line, which a running or crashed writer leaves, is left out.

    Raises:
        JournalError: it is damaged in a place that a crash cannot explain.
    """
    payloads, _ = read_lines(path.read_bytes(), str(path))
    return _parse(payloads, str(path))


def parse_lines(lines: Iterable[bytes], name: str) -> tuple[dict[str, Any] | None, list[Entry]]:
    """Return header and entries of some whole lines of a journal, its first one leading.

    Raises:
        JournalError: one is damaged, or is no line of a journal.
    """
    payloads, _ = read_lines(b"".join(lines), name)
    return _parse(payloads, name)


def _parse(payloads: Iterable[bytes], name: str) -> tuple[dict[str, Any] | None, list[Entry]]:
    header: dict[str, Any] | None = None
    entries = []
    for number, payload in enumerate(payloads, 1):
        data = _loaded(payload, name, number)
        if number == 1:
            header = _checked_header(data, name)
            continue
        try:
            event = from_json(data["e"])
            decisions = tuple(from_json(d) for d in data.get("d", ()))
        except JournalError as error:
            raise JournalError(f"{name}, line {number}: {error}") from None
        entries.append(Entry(event, decisions))  # type: ignore[arg-type] # kinds are disjoint
    return header, entries


def _loaded(payload: bytes, name: str, number: int) -> dict[str, Any]:
    """Return what a line holds: a header, or an entry."""
    try:
        data = _decoded(payload)
    except ValueError:
        data = None
    if isinstance(data, dict) and (number == 1 or isinstance(data.get("e"), dict)):
        return data
    raise JournalError(f"{name}, line {number}: this is no entry; it is not a journal of ours")


def _decoded(payload: bytes) -> object:
    """Return as ``json.loads``, which takes half as long again for a short text."""
    text = payload.decode()
    data, end = _DECODE(text)
    if end != len(text):
        raise ValueError(f"more follows at {end}")
    return data


def _checked_header(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    header = data.get("header")
    if not isinstance(header, dict) or not isinstance(header.get("schema"), int):
        raise JournalError(f"{name}: the first line is no header; this is not a journal of ours")
    if header["schema"] > SCHEMA:
        raise JournalError(
            f"{name} has schema {header['schema']}; this version reads up to {SCHEMA}. "
            "A newer pytest-synebench wrote it: read it with that one"
        )
    return header
