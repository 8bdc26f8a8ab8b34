"""Clients for looks before the first job, and what their refusals mean.

Invariants (tests/backends/sagemaker/preflight/test_asking.py holds each one):
- no text has a key, a token or a signature in it;
- what was refused for want of a right is told apart from what is not there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pytest_synebench.backends.sagemaker.recording.recorder import record
from pytest_synebench.checkpoints.s3.causes import way_out
from pytest_synebench.errors import BackendError

Clients = Callable[[str], Any]  #: returns the boto3 client of a service

_MENDS_REGION = "export AWS_REGION=eu-west-1  (or: aws configure set region eu-west-1)"
_NO_RIGHT = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403", "Forbidden"}
)
_SECRET = re.compile(
    r"\b(?:AKIA|ASIA)[0-9A-Z]{8,}|\bEMULATED[0-9A-F]{8,}|(?i:X-Amz-[\w-]+|Signature)=\S+"
)


def clients(region: str) -> Clients:
    """Return what makes clients in a region; each asks three times, and not for long."""
    import boto3.session
    from botocore.config import Config

    session = boto3.session.Session(region_name=region)
    config = Config(
        retries={"total_max_attempts": 3, "mode": "standard"}, connect_timeout=5, read_timeout=15
    )
    return lambda service: record(session.client(service, config=config))


def configured_region() -> tuple[str, str, str]:
    """Return the region that boto3 is configured for, what is wrong with that, and what mends it.

    Raises:
        BackendError: boto3 is not installed.
    """
    try:
        import boto3.session
        from botocore.exceptions import BotoCoreError
    except ImportError:
        raise BackendError(
            "the back-end 'sagemaker' needs boto3, which is not installed: "
            "pip install 'pytest-synebench[aws]'"
        ) from None
    try:
        region = str(boto3.session.Session().region_name or "")
    except BotoCoreError as error:  # no such profile
        return "", in_words(error), way_out(error) or _MENDS_REGION
    return (region, "", "") if region else ("", "no region is configured", _MENDS_REGION)


def failures() -> tuple[type[Exception], ...]:
    """Return the kinds of exceptions that a request ends with where it is not granted."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    return BotoCoreError, ClientError, ResponseParserError


def code_of(error: Exception) -> str:
    """Return the name of a cause: ``NoSuchEntity``, ``NoCredentialsError``."""
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", "")) or type(error).__name__


def no_right(error: Exception) -> bool:
    """Whether it was refused for want of a right."""
    return code_of(error) in _NO_RIGHT


def in_words(error: Exception) -> str:
    """Return a cause for people, without what is secret.

    >>> in_words(ValueError("key AKIA0EXAMPLE is unknown"))
    'ValueError: key … is unknown'
    """
    response = getattr(error, "response", None) or {}
    text = str(response.get("Error", {}).get("Message", "")) or str(error)
    return f"{code_of(error)}: {_SECRET.sub('…', text.splitlines()[0] if text else '')}"
