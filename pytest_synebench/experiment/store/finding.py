"""Finds runs below a directory by what stands at both ends of their journals, and which are meant.

A thousand runs are looked through by their headers, metadata and last lines; what is between is
read when somebody asks for it.

Invariants (tests/experiment/store/test_finding.py):
- whatever lies below the directory, the runs that are whole are found, and what is broken is named;
- how a run ended is what its journal's last whole line says, also while it is being written;
- a filter that no run can fit, since there is no such parameter or state, is refused.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from pytest_synebench.durable import unframe
from pytest_synebench.errors import RunError, UsageError
from pytest_synebench.events import Closed
from pytest_synebench.experiment.journal.journal import parse_lines
from pytest_synebench.experiment.store.directories import STAMP, read_metadata

STATES = ("finished", "interrupted", "open")
_JOURNAL = "journal.jsonl"
_TAIL_BYTES = 4096  # first guess at where the last line begins; most are 100 bytes long
_RUN = re.compile(r"r\d+-\d{8}T\d{6}\.\d{6}Z-\w+", re.ASCII)


class Head(NamedTuple):
    """A run as far as it is known without its journal."""

    directory: Path
    metadata: Mapping[str, Any]
    closed: Closed | None  #: how its last controller left, if it did
    fetch: Callable[[], None] | None = None  #: brings its journal here; None: it is here


@dataclass(frozen=True, slots=True)
class Found:
    """What lies below a directory."""

    runs: list[Head] = field(default_factory=list)  #: oldest first
    problems: dict[Path, str] = field(default_factory=dict)  #: why what looks like a run is none


def find(path: Path) -> Found:
    """Return the runs at or below a path, oldest first."""
    found = Found()
    for directory in sorted(_directories(path, found.problems), key=_age):
        try:
            found.runs.append(_head(directory))
        except (RunError, OSError) as error:
            found.problems[directory] = str(error)
    return found


def _age(directory: Path) -> str:
    return directory.name.split("-", 1)[-1]


def _directories(path: Path, problems: dict[Path, str]) -> Iterator[Path]:
    # os.walk, since a running trial makes and removes directories below ours meanwhile.
    for name, below, files in os.walk(path):
        directory = Path(name)
        if _JOURNAL in files:
            below.clear()
            yield directory
        elif _RUN.fullmatch(directory.name):
            below.clear()
            problems[directory] = f"{directory} is named like a run and has no {_JOURNAL}"


def _head(directory: Path) -> Head:
    path = directory / _JOURNAL
    with path.open("rb") as file:
        first, last = file.readline(), _last_line(file.fileno())
    header, _ = parse_lines([first] if first.endswith(b"\n") else [], str(path))
    closed = None
    if b'"closed"' in last and unframe(last[:-1]) is not None:
        _, [entry] = parse_lines([first, last], str(path))
        closed = entry.event if isinstance(entry.event, Closed) else None
    return Head(directory, {**(header or {}), **read_metadata(directory)}, closed)


def _last_line(fd: int) -> bytes:
    """Return the last line that has its end."""
    size, back = os.fstat(fd).st_size, _TAIL_BYTES
    while True:
        start = max(0, size - back)
        tail = os.pread(fd, size - start, start)
        end = tail.rfind(b"\n") + 1
        begin = tail.rfind(b"\n", 0, max(0, end - 1)) + 1
        if begin or not start:
            return tail[begin:end]
        back *= 8


def began(directory: Path, metadata: Mapping[str, Any]) -> datetime | None:
    """Return when a run began; None: nothing says so."""
    try:
        return _moment("created_utc", metadata["created_utc"])
    except (KeyError, UsageError):
        pass
    try:
        return datetime.strptime(directory.name.split("-")[1], STAMP).replace(tzinfo=UTC)
    except (IndexError, ValueError):
        return None


def _moment(name: str, value: object) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = str(value)
    if not isinstance(value, datetime):
        raise UsageError(f"{name} is {value!r}; write a date, as '2026-05-31', or a datetime")
    return value if value.tzinfo else value.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Which runs are meant."""

    benchmark: tuple[str, ...]
    setup: tuple[str, ...]
    run_id: frozenset[int] | None
    since: datetime | None
    until: datetime | None
    state: tuple[str, ...]
    params: Mapping[str, object]

    @classmethod
    def of(cls, *, params: Mapping[str, object], **given: Any) -> Where:
        """Read what a user wrote.

        Raises:
            UsageError: a date or state is none.
        """
        run_id = given["run_id"]
        state = _several(given["state"])
        for one in state:
            if not any(fnmatchcase(name, one) for name in STATES):
                raise UsageError(f"state is {one!r}; a run is {', '.join(STATES)}")
        return cls(
            benchmark=_several(given["benchmark"]),
            setup=_several(given["setup"]),
            run_id=None if run_id is None else frozenset(_several(run_id)),
            since=None if given["since"] is None else _moment("since", given["since"]),
            until=None if given["until"] is None else _moment("until", given["until"]),
            state=state,
            params=json.loads(json.dumps(dict(params), default=str)),
        )

    def check(self, known: Sequence[Mapping[str, Any]]) -> None:
        """Refuse a parameter that none of the runs has.

        Raises:
            UsageError: with what they have.
        """
        names = {name for metadata in known for name in metadata.get("params", {})}
        for name in self.params:
            if known and name not in names:
                near = get_close_matches(name, names, n=1)
                raise UsageError(
                    f"no run has a parameter {name!r}"
                    + (f"; did you mean {near[0]!r}?" if near else f"; known: {sorted(names)}")
                )

    def fits(self, metadata: Mapping[str, Any], *, began: datetime | None, state: str) -> bool:
        """Whether a run is meant."""
        params = metadata.get("params", {})
        return (
            _matches(metadata.get("benchmark"), self.benchmark)
            and _matches(metadata.get("setup"), self.setup)
            and (self.run_id is None or metadata.get("run_id") in self.run_id)
            and _matches(state, self.state)
            and self._in_time(began)
            and all(name in params and params[name] == v for name, v in self.params.items())
        )

    def _in_time(self, began: datetime | None) -> bool:
        if began is None:
            return self.since is None and self.until is None
        early = self.since is not None and began < self.since
        return not early and not (self.until is not None and began >= self.until)


def _several(value: Any) -> tuple[Any, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        return (value,)
    return tuple(value)


def _matches(value: object, patterns: Iterable[str]) -> bool:
    return any(one == "*" or fnmatchcase(str(value), one) for one in patterns)
