"""What the controller told this attempt, read from the file that SYNEBENCH_ATTEMPT names.

Invariants (tests/training/test_attempt.py holds each one):
- without the variable there is no attempt: the script runs by hand;
- a file that is missing, broken or of another version is an error, never "by hand".
"""

from __future__ import annotations

import os

from pytest_synebench.errors import TrialError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

VARIABLE = "SYNEBENCH_ATTEMPT"
PARENT = "SYNEBENCH_PARENT"  #: process id of who started this one
SCHEMA = 1
CHECKPOINTS = "st_checkpoint_dir"  #: the argument's name in the system we succeed


class Attempt:
    """One process of a trial, as its controller described it."""

    __slots__ = (
        "checkpoint_at",
        "checkpoint_dir",
        "config",
        "fd",
        "nonce",
        "number",
        "resource_attr",
        "resume_at_most",
        "script",
        "seed",
        "trial",
        "until",
    )

    def __init__(self, told: Mapping[str, Any]) -> None:
        """Take the content of the file.

        Raises:
            KeyError: a key is missing.
        """
        self.trial: int = told["trial"]
        self.number: int = told["attempt"]
        self.fd: int = told["fd"]  #: the report pipe, inherited
        self.nonce: str = told["nonce"]
        self.seed: int = told["seed"]  #: 0 <= seed < 2**32
        self.resource_attr: str | None = told["resource_attr"]
        self.until: int | None = told["until"]  #: level at which to end; None: the script's end
        self.resume_at_most: int = told["resume_at_most"]  #: 0: from scratch
        levels = told["checkpoint_at"]
        #: levels to save at; () every one; None: checkpoints are off
        self.checkpoint_at: tuple[int, ...] | None = None if levels is None else tuple(levels)
        self.checkpoint_dir: str | None = told["checkpoint_dir"]
        self.config: Mapping[str, Any] = told["config"]
        self.script: str = told["script"]

    @property
    def owned(self) -> bool:
        """Whether this process is the one the controller started, and not a child of that."""
        return os.environ.get(PARENT, str(os.getppid())) == str(os.getppid())


def read_attempt() -> Attempt | None:
    """Return what the controller told, or None where a person started the script.

    Raises:
        TrialError: the variable names something that is not such a file.
    """
    path = os.environ.get(VARIABLE)
    if path is None:
        return None
    import json

    try:
        with open(path, encoding="utf-8") as file:
            told = json.load(file)
        if told["schema"] != SCHEMA:
            raise ValueError(f"its schema is {told['schema']!r}, this package reads {SCHEMA}")
        return Attempt(told)
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise TrialError(
            f"{VARIABLE} is {path!r}, which does not describe an attempt: {reason}. To run the "
            f"script by hand, unset {VARIABLE}"
        ) from None
