"""The job's way to the store: its orders, which life it is, and its letters.

Invariants (tests/training/agent/test_post.py holds each one):
- two lives of one attempt never write one letter, whatever answers were lost;
- letters of a life are numbered 0, 1, 2, … and the next is not begun before one has arrived;
- a letter that arrived though its answer was lost is not written twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_synebench.channel import Message
from pytest_synebench.checkpoints.s3.address import Address
from pytest_synebench.checkpoints.s3.asking import Asking, new_client
from pytest_synebench.checkpoints.s3.causes import status
from pytest_synebench.checkpoints.s3.new_object import put_new
from pytest_synebench.errors import TrialError
from pytest_synebench.training.agent import letters
from pytest_synebench.training.agent.letters import Letter
from pytest_synebench.training.agent.orders import Orders

_ABSENT = 404


class Post:
    """What one life of a job sends and gets."""

    def __init__(self, url: str, *, client: Any = None, ask: Asking | None = None) -> None:
        """Name the orders; asks nothing yet.

        Args:
            url: of the orders, ``s3://bucket/key``.
            client: of boto3, whose requests are asked once; None: a new one.
            ask: asks them again; None: as often as the store of checkpoints does.

        Raises:
            UsageError: it is no such URL.
            StoreError: boto3 is not installed, or cannot be configured.
        """
        address = Address.of(url)
        self.bucket = address.bucket
        self._key = address.prefix.rstrip("/")
        self.client = client or new_client()
        self.ask = ask or Asking(f"s3://{self.bucket}")
        self._life = 0
        self._number = 0
        self._orders: Orders | None = None

    def orders(self) -> Orders:
        """Return what the job is told.

        Raises:
            TrialError: there is no such object, or it cannot be read.
            StoreError: the bucket cannot be used.
        """
        try:
            data = self.ask(
                lambda: self.client.get_object(Bucket=self.bucket, Key=self._key)["Body"].read()
            )
        except Exception as error:
            if status(error) != _ABSENT:
                raise
            raise TrialError(
                f"s3://{self.bucket}/{self._key} is not there: the job's orders were removed"
            ) from None
        self._orders = Orders.of_json(data)
        return self._orders

    def begin(self) -> int:
        """Return which life of the job this is, from 0: nobody else has its number.

        Raises:
            StoreError: the bucket cannot be used.
        """
        orders = self._known()
        start = letters.job(orders.prefix, orders.trial, orders.attempt)
        self._life = 0
        while not self._put(f"{start}start-{self._life:04d}", b""):
            self._life += 1  # taken: by an earlier life, or by us and its answer was lost
        return self._life

    def send(self, messages: Sequence[Message]) -> None:
        """Write one letter; when this returns, it has arrived.

        Raises:
            StoreError: the bucket cannot be used.
        """
        orders = self._known()
        letter = Letter(orders.trial, orders.attempt, self._life, self._number)
        self._put(letters.key(orders.prefix, letter), letters.write(messages))
        self._number += 1  # taken means ours: no other life has this number

    def _put(self, key: str, data: bytes) -> bool:
        """Write an object that must be new; return whether it was."""
        return put_new(self.ask, self.client, self.bucket, key, data)

    def _known(self) -> Orders:
        if self._orders is None:
            raise TrialError("the job's orders have not been read")
        return self._orders
