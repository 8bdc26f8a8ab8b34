"""How often something is asked, and how long is waited in between."""

from __future__ import annotations

import random
from threading import Event

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    NoCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
)

from pytest_synebench.checkpoints.s3.asking import DAMAGED_TRIES, Asking, new_client
from pytest_synebench.checkpoints.s3.causes import Damaged
from pytest_synebench.errors import CheckpointError, StoreError


def refusal(status: int, code: str) -> ClientError:
    told = {
        "Error": {"Code": code, "Message": "no"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(told, "PutObject")  # type: ignore[arg-type, unused-ignore]


class Counted:
    """Fails as often as it is told, and counts."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        if self._errors:
            raise self._errors.pop(0)
        return "done"


@pytest.fixture
def ask() -> Asking:
    return Asking("s3://b/", tries=5, backoff_s=0.0, chance=random.Random(0))


@pytest.mark.parametrize(
    "error",
    [
        refusal(503, "SlowDown"),
        refusal(500, "InternalError"),
        refusal(429, "TooManyRequests"),
        refusal(409, "ConditionalRequestConflict"),
        refusal(400, "BadDigest"),
        refusal(400, "RequestTimeout"),
        EndpointConnectionError(endpoint_url="http://x"),
        ReadTimeoutError(endpoint_url="http://x"),
        ConnectionClosedError(endpoint_url="http://x"),
        Damaged("cut"),
    ],
    ids=repr,
)
def test_what_may_pass_is_asked_again(ask: Asking, error: Exception) -> None:
    request = Counted(error, error)
    assert ask(request) == "done"
    assert request.asked == 3


def test_a_request_is_asked_so_many_times_and_no_more(ask: Asking) -> None:
    request = Counted(*[refusal(503, "SlowDown")] * 9)
    with pytest.raises(StoreError, match=r"s3://b/: SlowDown: no \(asked 5 times\)"):
        ask(request)
    assert request.asked == 5


def test_a_body_that_stays_damaged_is_asked_for_less_often(ask: Asking) -> None:
    request = Counted(*[Damaged("its SHA-256 differs")] * 9)
    with pytest.raises(Damaged):
        ask(request)
    assert request.asked == DAMAGED_TRIES


@pytest.mark.parametrize(
    ("error", "way_out"),
    [
        (refusal(403, "AccessDenied"), "no right to that"),
        (refusal(403, "403"), "no right to that"),
        (refusal(404, "NoSuchBucket"), "no such bucket"),
        (refusal(400, "ExpiredToken"), "have expired"),
        (refusal(403, "InvalidAccessKeyId"), "not known there"),
        (refusal(403, "SignatureDoesNotMatch"), "is not the access key's"),
        (refusal(301, "PermanentRedirect"), "in another region"),
        (ProfileNotFound(profile="x"), "Set AWS_PROFILE to one that"),
        (NoCredentialsError(), "no credentials: set AWS_PROFILE"),
    ],
    ids=repr,
)
def test_what_cannot_pass_is_asked_once_and_says_the_way_out(
    ask: Asking, error: Exception, way_out: str
) -> None:
    request = Counted(error)
    with pytest.raises(StoreError, match=way_out):
        ask(request)
    assert request.asked == 1


@pytest.mark.parametrize(
    "error",
    [refusal(404, "NoSuchKey"), refusal(412, "PreconditionFailed"), CheckpointError(), OSError()],
    ids=repr,
)
def test_an_answer_and_what_is_not_the_stores_is_passed_on(ask: Asking, error: Exception) -> None:
    with pytest.raises(type(error)):
        ask(Counted(error))


def test_a_wait_ends_when_the_archive_is_closed() -> None:
    ask = Asking("s3://b/", tries=5, backoff_s=1e9)
    began = Event()

    def request() -> None:
        began.set()
        ask.close()
        raise refusal(503, "SlowDown")

    with pytest.raises(StoreError, match="asked 1 times"):
        ask(request)
    assert began.is_set()


def test_nothing_is_asked_once_it_is_closed(ask: Asking) -> None:
    ask.close()
    counted = Counted()
    with pytest.raises(StoreError, match="given up, since the run ends"):
        ask(counted)
    assert counted.asked == 0


def test_waits_are_drawn_and_grow_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    class Upper(random.Random):
        def uniform(self, a: float, b: float) -> float:
            waits.append(b)
            return 0.0

    ask = Asking("s3://b/", tries=12, backoff_s=0.1, chance=Upper())
    with pytest.raises(StoreError):
        ask(Counted(*[refusal(503, "SlowDown")] * 12))
    assert waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 20, 20, 20])


def test_every_request_is_sent_once_by_the_client_itself() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_REGION", "us-east-1")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        retries = new_client().meta.config.retries
    assert retries["total_max_attempts"] == 1


def test_a_busy_server_is_asked_by_fewer_at_once_and_an_answer_is_no_sign_of_that() -> None:
    ask = Asking("s3://b/", tries=9, backoff_s=0.0)
    before = ask.pace.room
    for other in (refusal(404, "NoSuchKey"), refusal(403, "AccessDenied"), Damaged("cut")):
        with pytest.raises(type(other) if not isinstance(other, ClientError) else Exception):
            ask(Counted(*[other] * 9))
    assert ask.pace.room == before
    ask(Counted(refusal(503, "SlowDown")))
    assert ask.pace.room == before // 2
