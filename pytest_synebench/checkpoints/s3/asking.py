"""One request to S3, asked again until it is answered: the only place that retries.

botocore's own retries are off, so that the number of requests is bounded by one number.

Invariants (tests/checkpoints/s3/test_asking.py holds each one):
- nothing is asked more than ``tries`` times;
- what asking again cannot mend (no bucket, no right, no credentials) is asked once;
- a wait ends when the archive is closed, and nothing is asked from then on;
- fewer are asked at once where the server is busy (``pace``).

Source of the wait ("full jitter"): Brooker, Exponential Backoff And Jitter, AWS Architecture Blog,
2015.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from threading import Event
from typing import Any, TypeVar

from pytest_synebench.checkpoints.s3 import causes
from pytest_synebench.checkpoints.s3.once import hash_once
from pytest_synebench.checkpoints.s3.pace import MOST, Pace
from pytest_synebench.clock import Clock, SystemClock
from pytest_synebench.errors import StoreError

TRIES = 12  #: of one request: of 10 million, at 30 % faults, 5 fail
BACKOFF_S = 0.1
DAMAGED_TRIES = 4  #: of a body that is not what was kept: on its way, or as it is kept
_LONGEST_S = 20.0
_NOBODY = {
    "region_name": "us-east-1",
    "aws_access_key_id": "nobody",
    "aws_secret_access_key": "nobody",
}
_T = TypeVar("_T")


class Asking:
    """Asks, and asks again."""

    def __init__(
        self,
        where: str,
        *,
        tries: int = TRIES,
        backoff_s: float = BACKOFF_S,
        chance: random.Random | None = None,
        pace: Pace | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Be ready.

        Args:
            where: the archive, for error messages.
            tries: requests until one is given up.
            backoff_s: longest first wait, in seconds; each that follows may be twice as long.
            chance: draws the waits, so that clients that failed together do not return together.
            pace: bounds the requests that are under way at once; None: one of its own.
            clock: for how long an answer takes.
        """
        self._where = where
        self._tries = tries
        self._backoff_s = backoff_s
        self._chance = chance or random.Random()
        self.pace = pace or Pace()
        self._clock = clock or SystemClock()
        self._closed = Event()

    def __call__(self, request: Callable[[], _T], size: int = 0) -> _T:
        """Return what a request returns; it may be repeated, also after it was carried out.

        Args:
            request: does it.
            size: of its body, in bytes.

        Raises:
            StoreError: it was not answered, or never will be; the text says why.
            Damaged: the body that comes is another one, again and again.
            botocore.exceptions.ClientError: 404 or 412, which are answers.
        """
        if self._closed.is_set():
            raise StoreError(f"{self._where}: given up, since the run ends")
        asked = damaged = 0
        while True:
            asked += 1
            try:
                return self._once(request, size)
            except causes.Damaged:
                damaged += 1
                if damaged == DAMAGED_TRIES or self._gives_up(asked):
                    raise
            except Exception as error:
                if not causes.is_failure(error):
                    raise
                self._wait_or_raise(error, asked)

    def _once(self, request: Callable[[], _T], size: int) -> _T:
        with self.pace.turn():
            began_s = self._clock.now_s()
            try:
                answer = request()
            except Exception as error:
                if causes.is_failure(error) and causes.is_busy(error):
                    self.pace.refused()
                raise
            self.pace.answered(self._clock.now_s() - began_s, size)
        return answer

    def _wait_or_raise(self, error: Exception, asked: int) -> None:
        if not causes.may_pass(error):
            raise StoreError(causes.in_words(error, self._where)) from error
        if self._gives_up(asked):
            text = f"{causes.in_words(error, self._where)} (asked {asked} times)"
            raise StoreError(text) from error

    def _gives_up(self, asked: int) -> bool:
        """Wait for a better moment, unless there is to be none."""
        return asked >= self._tries or self._closed.wait(self._wait_s(asked))

    def close(self) -> None:
        """Have every wait end, its request be given up, and no other be asked."""
        self._closed.set()

    def _wait_s(self, number: int) -> float:
        return self._chance.uniform(0, min(_LONGEST_S, self._backoff_s * 2 ** (number - 1)))


@cache
def nameless_client(endpoint: str) -> Any:
    """Return the client of a service that asks nobody who they are; the same for each endpoint.

    Args:
        endpoint: where it is served: ``http://127.0.0.1:5000``.

    Raises:
        StoreError: boto3 is not installed, or the endpoint is none.
    """
    return new_client(endpoint)


def new_client(endpoint: str | None = None) -> Any:
    """Return a client whose requests are asked once.

    Args:
        endpoint: of a service that asks nobody who they are; None: as the environment says.

    Raises:
        StoreError: boto3 is not installed, or has no credentials or region that it can read.
    """
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError:
        raise StoreError(
            "what is kept in S3 needs boto3, which is not installed: "
            "pip install 'pytest-synebench[aws]'"
        ) from None
    config = Config(
        retries={"total_max_attempts": 1, "mode": "standard"},
        max_pool_connections=MOST,
        # Every body has a SHA-256 of ours: a CRC beside it would cost time and decide nothing.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    more = {} if endpoint is None else {"endpoint_url": endpoint, **_NOBODY}
    try:
        # A session of our own: the default one is the user's.
        client = boto3.session.Session().client("s3", config=config, **more)
    except (BotoCoreError, ValueError) as error:
        raise StoreError(causes.in_words(error, "S3")) from error
    hash_once(client)
    return client
