"""The narrow port to the service: five verbs, each of which may be repeated.

botocore's retries are off: the back-end's are the only ones, so that a quota is not hammered and
the number of requests is bounded by one rule.

Invariants (tests/backends/sagemaker/test_port.py holds each one, against the emulator):
- creating again what is there already is success, if it is the same attempt's, and nothing else;
- stopping what has ended, or never was, is success;
- what may pass is told apart from what never will.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Protocol

from pytest_synebench.checkpoints.s3.causes import way_out
from pytest_synebench.errors import BackendError
from pytest_synebench.training.agent.orders import VARIABLE

_THROTTLED = frozenset(
    {"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded"}
)
_FORBIDDEN = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "InvalidSignatureException",
    }
)
PAGE = 100  #: jobs of one answer to a listing
_SERVER_ERROR = 500
_NOT_FOUND = frozenset({"ResourceNotFound", "ResourceNotFoundException"})


class Why(Enum):
    """Why a request was refused for now."""

    THROTTLED = "throttled"
    NO_INSTANCE = "no instance"
    UNREACHABLE = "unreachable"


class NotNowError(Exception):
    """A request was refused for now."""

    def __init__(self, why: Why, text: str) -> None:
        super().__init__(text)
        self.why = why


class RefusedError(Exception):
    """A request will never be granted as it is; the others are unharmed."""


class TrainingJobs(Protocol):
    """What is asked of the service.

    Every verb may raise ``NotNowError``: nothing is known of what became of the request; and
    ``BackendError``: no request will be answered (credentials, rights).
    """

    def create(self, request: Mapping[str, Any]) -> None:
        """Have a job be there; the name says which.

        Raises:
            RefusedError: the service takes no such request, or the name is another's.
        """
        ...

    def describe(self, name: str) -> Mapping[str, Any] | None:
        """Return a job; None: there is none, or none yet."""
        ...

    def stop(self, name: str) -> None:
        """Have a job end; nothing if it does, has, or never was."""
        ...

    def named(self, prefix: str, modified_after_s: float = 0.0) -> Iterator[Mapping[str, Any]]:
        """Yield the jobs whose names begin with a prefix, a page per request."""
        ...


class BotoTrainingJobs:
    """The service, through boto3."""

    def __init__(self, client: Any, again: str = "go on with --synebench-resume") -> None:
        """Ask through a client, as ``new_client`` makes it.

        Args:
            client: of boto3.
            again: what a user does once credentials are mended.
        """
        self._client, self._again = client, again

    def create(self, request: Mapping[str, Any]) -> None:
        """Have a job be there."""
        try:
            self._asked("create_training_job", **request)
        except _AnsweredError as error:
            if error.code != "ResourceInUse":
                raise RefusedError(str(error)) from None
            self._check_ours(request)

    def _check_ours(self, request: Mapping[str, Any]) -> None:
        """Refuse a name that is taken by another attempt than the one it was made for."""
        there = self.describe(request["TrainingJobName"])
        if there is None:  # it lags: what is in use is there
            return
        if _attempt_of(there) != _attempt_of(request):
            raise RefusedError(
                f"{request['TrainingJobName']} is the name of a job that is not ours "
                f"({there.get('TrainingJobArn')}); delete it, or begin a new run"
            )

    def describe(self, name: str) -> Mapping[str, Any] | None:
        """Return a job, or None."""
        try:
            found: Mapping[str, Any] = self._asked("describe_training_job", TrainingJobName=name)
        except _AnsweredError as error:
            if error.not_found:
                return None
            raise BackendError(f"{name} cannot be looked at: {error}") from None
        return found

    def stop(self, name: str) -> None:
        """Have a job end."""
        try:
            self._asked("stop_training_job", TrainingJobName=name)
        except _AnsweredError as error:
            there = None if error.not_found else self.describe(name)
            if there is not None and there["TrainingJobStatus"] == "InProgress":
                raise NotNowError(Why.UNREACHABLE, str(error)) from None

    def named(self, prefix: str, modified_after_s: float = 0.0) -> Iterator[Mapping[str, Any]]:
        """Yield the jobs whose names begin with a prefix."""
        told: dict[str, Any] = {"NameContains": prefix.rstrip("-")}
        if modified_after_s:
            told["LastModifiedTimeAfter"] = modified_after_s
        for one in self._listed(told):
            if one["TrainingJobName"].startswith(prefix):
                yield one

    def unended(self) -> Iterator[Mapping[str, Any]]:
        """Yield all jobs in progress, whoever made them."""
        return self._listed({"StatusEquals": "InProgress"})

    def _listed(self, told: dict[str, Any]) -> Iterator[Mapping[str, Any]]:
        while True:
            try:
                page = self._asked("list_training_jobs", **told, MaxResults=PAGE)
            except _AnsweredError as error:
                raise BackendError(f"jobs cannot be listed: {error}") from None
            yield from page["TrainingJobSummaries"]
            if not page.get("NextToken"):
                return
            told["NextToken"] = page["NextToken"]

    def _asked(self, verb: str, **told: Any) -> Any:
        from botocore.exceptions import (
            BotoCoreError,
            ClientError,
            HTTPClientError,
            ParamValidationError,
        )
        from botocore.exceptions import ConnectionError as NoConnectionError
        from botocore.parsers import ResponseParserError

        try:
            return getattr(self._client, verb)(**told)
        except ClientError as error:
            raise _meaning(error, self._again) from error
        except (HTTPClientError, NoConnectionError, ResponseParserError) as error:
            raise NotNowError(Why.UNREACHABLE, str(error)) from error
        except ParamValidationError as error:
            raise _AnsweredError("ParamValidation", str(error)) from None
        except BotoCoreError as error:  # no credentials, or none that can be read
            raise BackendError(
                f"SageMaker cannot be asked: {error}; set up credentials (`aws configure`), then "
                f"{self._again}"
            ) from None


class _AnsweredError(Exception):
    """The service has answered: no."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code

    @property
    def not_found(self) -> bool:
        """Whether there is no such job; the service says so in two ways."""
        return self.code in _NOT_FOUND or "not found" in str(self)


def _meaning(error: Any, again: str) -> Exception:
    told = error.response.get("Error", {})
    code, text = str(told.get("Code", "")), str(told.get("Message", "")) or str(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _THROTTLED:
        return NotNowError(Why.THROTTLED, text)
    if code == "ResourceLimitExceeded":
        return NotNowError(Why.NO_INSTANCE, text)
    if status >= _SERVER_ERROR:
        return NotNowError(Why.UNREACHABLE, f"{code}: {text}")
    if code in _FORBIDDEN:
        return BackendError(
            f"SageMaker says {code}: {text}; renew the credentials, or give them the right, then "
            f"{again}"
        )
    return _AnsweredError(code, f"{code}: {text}")


def _attempt_of(job: Mapping[str, Any]) -> object:
    """Return what tells an attempt's job from all others: its code, and where its orders are."""
    sources = [one["DataSource"].get("S3DataSource") for one in job.get("InputDataConfig", ())]
    code = [source["S3Uri"] for source in sources if source]
    return code, job.get("Environment", {}).get(VARIABLE)


def new_client(region: str | None = None) -> Any:
    """Return a client whose requests are asked once.

    Args:
        region: None: the one that boto3 is configured for.

    Raises:
        BackendError: boto3 is not installed, or has no region.
    """
    try:
        import boto3.session
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError:
        raise BackendError(
            "the back-end 'sagemaker' needs boto3, which is not installed: "
            "pip install 'pytest-synebench[aws]'"
        ) from None
    config = Config(
        retries={"total_max_attempts": 1, "mode": "standard"},
        connect_timeout=10,
        read_timeout=30,
        max_pool_connections=16,
    )
    try:
        return boto3.session.Session().client("sagemaker", region_name=region, config=config)
    except (BotoCoreError, ValueError) as error:
        mends = way_out(error) or "set AWS_REGION, or a profile that has one"
        raise BackendError(f"SageMaker cannot be asked: {error}; {mends}") from None
