"""What goes wrong when it is told to: refused, lost, stale and strange answers.

A fault is a rule: what it does, to which requests, how often. Those that concern a whole request
are carried out by the door, those that concern what is seen of a job by ``api/views.py``.

Invariants (tests/emulator/jobs/test_faults.py holds each one):
- a rule meets the requests it names only, after the first ``skip`` of them, ``times`` times;
- of a ``share`` of them it meets that many, drawn, the same ones each time;
- what a fault hides has happened all the same: only the answer is another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from fnmatch import fnmatchcase
from random import Random
from threading import Lock
from typing import Any


class Kind(StrEnum):
    """What can go wrong."""

    THROTTLE = "throttle"  #: ThrottlingException, before anything was done
    UNAVAILABLE = "unavailable"  #: 503, before anything was done
    DROP_BEFORE = "drop before"  #: the connection is closed before anything was done
    DROP_AFTER = "drop after"  #: … after it was done: the answer is lost
    STALE = "stale"  #: jobs are seen one transition ago
    LAG = "lag"  #: a list lacks jobs that are Starting, and shows the others one transition ago
    UNKNOWN_STATUS = "unknown status"  #: both statuses are ``value``
    MISSING_TRANSITION = "missing transition"  #: all but the first and the last are left out
    REPEATED_TRANSITION = "repeated transition"  #: each is there twice


REQUEST_KINDS = frozenset({Kind.THROTTLE, Kind.UNAVAILABLE, Kind.DROP_BEFORE, Kind.DROP_AFTER})
VIEW_KINDS = frozenset(Kind) - REQUEST_KINDS


@dataclass(slots=True, kw_only=True)
class Fault:
    """One rule."""

    kind: Kind
    operation: str = "*"  #: CreateTrainingJob, s3.PUT, logs.PutLogEvents; ``*`` and ``?`` match
    about: str = ""  #: part of the job's name, or of the path of a request to S3
    skip: int = 0  #: requests that are spared first
    times: int | None = 1  #: requests that meet it; None: all
    share: float = 1.0  #: of these requests that meet it, drawn: 0.3 of them, or all
    value: str = "Rebalancing"  #: for UNKNOWN_STATUS
    hits: int = 0  #: requests that met it
    _chance: Random = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse a share that is none.

        Raises:
            ValueError: it is not from 0 to 1.
        """
        if not 0 <= self.share <= 1:
            raise ValueError(f"share is {self.share!r}; it must be from 0 to 1")
        self._chance = Random(f"{self.kind} {self.operation} {self.about}")

    def meets(self, operation: str, about: str) -> bool:
        """Return whether a request meets the rule now; it is counted."""
        if not fnmatchcase(operation, self.operation) or self.about not in about:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        if self._chance.random() >= self.share:
            return False
        self.hits += 1
        return True

    def to_json(self) -> dict[str, Any]:
        """Return the rule as ``from_json`` reads it."""
        return {name: getattr(self, name) for name in _NAMES}


_NAMES = [one.name for one in fields(Fault) if one.init]


def from_json(told: Mapping[str, Any]) -> Fault:
    """Return the rule that a mapping describes.

    Raises:
        ValueError: a name or a kind is not one of ours; the text says which there are.
    """
    unknown = [name for name in told if name not in _NAMES]
    if unknown:
        raise ValueError(f"a fault has no {unknown[0]!r}; it has {', '.join(_NAMES)}")
    kinds = [kind.value for kind in Kind]
    if told.get("kind") not in kinds:
        raise ValueError(f"no fault is called {told.get('kind')!r}; known: {', '.join(kinds)}")
    return Fault(**{**told, "kind": Kind(told["kind"])})


class Faults:
    """The rules that hold at the moment."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []
        self._lock = Lock()

    def replace(self, rules: Iterable[Fault]) -> None:
        """Have these rules, and no others."""
        with self._lock:
            self._rules = list(rules)

    def rules(self) -> list[Fault]:
        """Return the rules, with what they hit."""
        with self._lock:
            return list(self._rules)

    def request(self, operation: str, about: str) -> Kind | None:
        """Return what happens to a request as a whole: the first rule that meets it."""
        rule = next(iter(self._met(operation, about, REQUEST_KINDS, most=1)), None)
        return None if rule is None else rule.kind

    def view(self, operation: str, about: str) -> list[Fault]:
        """Return what happens to what is seen of a job: every rule that meets it."""
        return self._met(operation, about, VIEW_KINDS, most=None)

    def _met(
        self, operation: str, about: str, kinds: frozenset[Kind], *, most: int | None
    ) -> list[Fault]:
        met: list[Fault] = []
        with self._lock:
            for rule in self._rules:
                if len(met) == most:
                    break
                if rule.kind in kinds and rule.meets(operation, about):
                    met.append(rule)
        return met
