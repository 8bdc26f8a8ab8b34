"""What a job writes to its store, and where: objects of messages, numbered without a gap.

    <prefix>/jobs/<trial, 8 digits>/<attempt, 6 digits>/orders.json      what the job is told
    <prefix>/jobs/<trial>/<attempt>/start-<life, 4 digits>               one for each life of it
    <prefix>/letters/<trial>/<attempt>/<life>/<number, 8 digits>.json    what it says

A platform may start a job anew where it lost the machine: that is another life of one attempt.

Invariants (tests/training/agent/test_letters.py holds each one):
- keys sort as letters were written: by life, then by number;
- no key of one trial begins with the prefix of another's;
- a key gives back what it was made of, and nothing else does;
- what is written is read as it was, non-finite numbers included, and what is no letter is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pytest_synebench.channel import Message, decode_field, encode_field
from pytest_synebench.errors import ReportError

SCHEMA = 1
MOST_MESSAGES = 1000  #: of one letter
_KEY = re.compile(r"letters/(\d{8,})/(\d{6,})/(\d{4,})/(\d{8,})\.json", re.ASCII)


class Letter(NamedTuple):
    """Names one object of messages."""

    trial: int
    attempt: int
    life: int  #: of the job, from 0: it was started so often before
    number: int  #: in that life, from 0


def job(prefix: str, trial: int, attempt: int) -> str:
    """Return what the keys of what a job is told begin with.

    >>> job("hpo/r0/", 1, 0)
    'hpo/r0/jobs/00000001/000000/'
    """
    return f"{prefix}jobs/{trial:08d}/{attempt:06d}/"


def orders(prefix: str, trial: int, attempt: int) -> str:
    """Return where a job finds what it is told."""
    return f"{job(prefix, trial, attempt)}orders.json"


def of_attempt(prefix: str, trial: int, attempt: int) -> str:
    """Return what the keys of an attempt's letters begin with, and no other's."""
    return f"{prefix}letters/{trial:08d}/{attempt:06d}/"


def key(prefix: str, letter: Letter) -> str:
    """Return where a letter is written.

    >>> key("", Letter(1, 0, 0, 12))
    'letters/00000001/000000/0000/00000012.json'
    """
    start = of_attempt(prefix, letter.trial, letter.attempt)
    return f"{start}{letter.life:04d}/{letter.number:08d}.json"


def of_key(prefix: str, name: str) -> Letter | None:
    """Return the letter of a key; None: it is no letter's."""
    found = _KEY.fullmatch(name.removeprefix(prefix))
    letter = None if found is None else Letter(*map(int, found.groups()))
    return letter if letter is not None and key(prefix, letter) == name else None


def write(messages: Sequence[Message]) -> bytes:
    """Return the bytes of a letter."""
    told = [
        {"kind": message.kind, **{name: encode_field(v) for name, v in message.fields.items()}}
        for message in messages
    ]
    body = {"schema": SCHEMA, "messages": told}
    return json.dumps(body, allow_nan=False, separators=(",", ":")).encode("ascii")


def read(data: bytes) -> list[Message]:
    """Return the messages of a letter, numbered from 0.

    Raises:
        ReportError: it is no letter, or of another version.
    """
    try:
        body = json.loads(data)
        if body["schema"] != SCHEMA:
            raise ReportError(f"its schema is {body['schema']!r}; this version reads {SCHEMA}")
        return [_message(number, told) for number, told in enumerate(body["messages"])]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ReportError(f"it is no letter of a job: {type(error).__name__}: {error}") from None


def _message(number: int, told: Mapping[str, Any]) -> Message:
    fields = {name: decode_field(value) for name, value in told.items() if name != "kind"}
    if not isinstance(told["kind"], str):
        raise TypeError(f"kind is {told['kind']!r}")
    return Message(told["kind"], number, fields)
