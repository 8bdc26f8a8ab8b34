"""What a look before the first job has found, and how that is told: one screen.

Invariants (tests/backends/sagemaker/preflight/test_findings.py holds each one):
- what is wrong stands there with the way out of it, all at once;
- what cannot be looked at is told to be unknown, and refuses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from pytest_synebench.errors import UsageError


class Verdict(Enum):
    """Whether a thing is as jobs need it."""

    OK = "ok"
    UNKNOWN = "unknown"
    WRONG = "WRONG"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    what: str  #: "bucket"
    verdict: Verdict
    told: str  #: for people; nothing secret
    mends: str = ""  #: the command or option that mends what is wrong


def ok(what: str, told: str) -> Finding:
    """Return that a thing is as it should be."""
    return Finding(what=what, verdict=Verdict.OK, told=told)


def unknown(what: str, told: str) -> Finding:
    """Return that a thing could not be looked at."""
    return Finding(what=what, verdict=Verdict.UNKNOWN, told=told)


def wrong(what: str, told: str, mends: str = "") -> Finding:
    """Return that a thing is wrong, and what mends it."""
    return Finding(what=what, verdict=Verdict.WRONG, told=told, mends=mends)


def screen(findings: Iterable[Finding]) -> list[str]:
    """Return a line on each thing, and below one that is wrong what mends it.

    >>> screen([ok("region", "eu-west-1"), wrong("role", "none", "name one")])
    ['ok      region       eu-west-1', 'WRONG   role         none', '          name one']
    """
    out = []
    for one in findings:
        out.append(f"{one.verdict.value:<7} {one.what:<12} {one.told}")
        out += [f"          {line}" for line in one.mends.splitlines()]
    return out


def is_wrong(findings: Iterable[Finding]) -> bool:
    """Whether something is wrong."""
    return any(one.verdict is Verdict.WRONG for one in findings)


def refuse(findings: Sequence[Finding], whose: str) -> None:
    """Refuse to go on where something is wrong.

    Raises:
        UsageError: with all that is wrong, and what mends it; no job was made.
    """
    found = [one for one in findings if one.verdict is Verdict.WRONG]
    if not found:
        return
    things = "one thing is wrong" if len(found) == 1 else f"{len(found)} things are wrong"
    raise UsageError(
        "\n".join([f"{whose}: {things}, and no job was made", *screen(found)])
        + "\nAll that was looked at: the same command with --synebench-preflight"
    )
