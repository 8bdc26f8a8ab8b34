"""Why a request failed: whether asking again can help, and what to tell people.

Invariants (tests/checkpoints/s3/test_asking.py holds each one):
- each cause has one message, with the way out;
- busy servers, lost connections and damaged bodies pass; rights, names and credentials do not.
"""

from __future__ import annotations

from pytest_synebench.errors import SynebenchError

_ANSWERS = {404, 412}
_PASSING_STATUS = {408, 409, 425, 429}
#: Codes that come with a status 400 and pass: the bytes were damaged or cut off on their way.
_PASSING_CODES = {"BadDigest", "IncompleteBody", "RequestTimeout", "RequestTimeTooSkewed"}
_WAYS_OUT = {
    "NoSuchBucket": "there is no such bucket: make it, or name another one",
    "AccessDenied": "the credentials have no right to that: it takes s3:GetObject, s3:PutObject, "
    "s3:DeleteObject and s3:ListBucket",
    "ExpiredToken": "the credentials have expired: renew them, and go on, a run by "
    "--synebench-resume",
    "InvalidAccessKeyId": "the credentials are not known there: check AWS_PROFILE, "
    "AWS_ACCESS_KEY_ID and AWS_ENDPOINT_URL",
    "SignatureDoesNotMatch": "the secret key is not the access key's: check AWS_SECRET_ACCESS_KEY",
    "PermanentRedirect": "the bucket is in another region: set AWS_REGION to it",
    "NoCredentialsError": "there are no credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY",
    "ProfileNotFound": "set AWS_PROFILE to one that `aws configure list-profiles` shows, or unset "
    "it",
    "EndpointConnectionError": "nothing answers there: check AWS_ENDPOINT_URL and the network",
}
_SAME = {
    "403": "AccessDenied",
    "AllAccessDisabled": "AccessDenied",
    "AuthorizationHeaderMalformed": "PermanentRedirect",
    "301": "PermanentRedirect",
    "RequestExpired": "ExpiredToken",
    "TokenRefreshRequired": "ExpiredToken",
    "InvalidToken": "InvalidAccessKeyId",
    "PartialCredentialsError": "NoCredentialsError",
    "CredentialRetrievalError": "NoCredentialsError",
    "ConnectTimeoutError": "EndpointConnectionError",
}


class Damaged(Exception):  # noqa: N818 - a fact about a body, which another try may not meet
    """The body of an answer is not what it should be."""


def status(error: BaseException) -> int:
    """Return the HTTP status of an answer that is an error; 0: there was no answer."""
    response = getattr(error, "response", None) or {}
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def code(error: BaseException) -> str:
    """Return the name of a cause."""
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", "")) or type(error).__name__


def is_failure(error: BaseException) -> bool:
    """Whether a request failed; else it was answered (404, 412), or nothing of the store's did."""
    from botocore.exceptions import BotoCoreError

    # A time-out of botocore's is an OSError as well.
    if isinstance(error, SynebenchError | OSError) and not isinstance(error, BotoCoreError):
        return False
    return status(error) not in _ANSWERS or code(error) == "NoSuchBucket"


def may_pass(error: BaseException) -> bool:
    """Whether the same request may be answered another time."""
    from botocore.exceptions import ClientError, HTTPClientError
    from botocore.exceptions import ConnectionError as Unreachable
    from botocore.exceptions import IncompleteReadError as Cut
    from botocore.parsers import ResponseParserError

    if isinstance(error, ClientError):
        found = status(error)
        return found >= 500 or found in _PASSING_STATUS or code(error) in _PASSING_CODES
    return isinstance(error, HTTPClientError | Unreachable | Cut | ResponseParserError)


def is_busy(error: BaseException) -> bool:
    """Whether a server has said that it has too much to do, or nothing in time."""
    from botocore.exceptions import HTTPClientError, ReadTimeoutError

    if isinstance(error, HTTPClientError):
        return isinstance(error, ReadTimeoutError)
    return status(error) in (429, 503) or code(error) == "RequestTimeout"


def in_words(error: BaseException, where: str) -> str:
    """Return what happened, and the way out."""
    way = way_out(error)
    text = f"{where}: {code(error)}: {_detail(error)}"
    return f"{text}. {way[0].upper()}{way[1:]}" if way else text


def way_out(error: BaseException) -> str:
    """Return what mends a cause; "": nobody knows."""
    name = code(error)
    return _WAYS_OUT.get(_SAME.get(name, name), "")


def _detail(error: BaseException) -> str:
    response = getattr(error, "response", None) or {}
    detail = str(response.get("Error", {}).get("Message", "")) or str(error) or "no details"
    return detail.rstrip(".")
