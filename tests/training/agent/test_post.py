"""A job's way to its store."""

from __future__ import annotations

from typing import Any

import pytest
from remote_jobs import arrived, orders, put_orders
from s3_service import Service

from pytest_synebench.channel import Message
from pytest_synebench.checkpoints.s3.asking import Asking
from pytest_synebench.errors import StoreError, TrialError
from pytest_synebench.training.agent.post import Post

pytest_plugins = ("buckets",)


@pytest.fixture
def url(client: Any, bucket: str) -> str:
    return put_orders(client, bucket, orders())


def post_of(url: str, client: Any) -> Post:
    made = Post(url, client=client, ask=Asking("s3", backoff_s=0.0005))
    assert made.orders() == orders()
    return made


def said(number: int) -> Message:
    return Message("report", 0, {"metrics": {"epoch": number}})


def test_each_life_has_a_number_of_its_own(url: str, client: Any, bucket: str) -> None:
    lives = [post_of(url, client) for _ in range(3)]
    assert [post.begin() for post in lives] == [0, 1, 2]
    for number, post in enumerate(lives):
        post.send([said(number)])
    assert arrived(client, bucket, orders()) == [said(0), said(1), said(2)]


def test_an_answer_that_was_lost_costs_a_number_and_no_letter(
    url: str, client: Any, bucket: str, service: Service
) -> None:
    post = post_of(url, client)
    lost = {"methods": ["PUT"], "times": 1, "kind": "drop after"}
    service.break_when(bucket, {"part": "start-", **lost}, {"part": "letters/", **lost})
    assert post.begin() == 1
    for number in (1, 2):
        post.send([said(number)])
    assert arrived(client, bucket, orders()) == [said(1), said(2)]


def test_what_does_not_arrive_is_an_error(
    url: str, client: Any, bucket: str, service: Service
) -> None:
    post = post_of(url, client)
    post.begin()
    denied = {"methods": ["PUT"], "part": "letters/", "times": 99, "kind": "denied"}
    service.break_when(bucket, denied)
    with pytest.raises(StoreError, match="AccessDenied"):
        post.send([said(1)])
    service.mend(bucket)
    post.send([said(1)])
    assert arrived(client, bucket, orders()) == [said(1)]


def test_orders_that_are_gone_are_named(client: Any, bucket: str) -> None:
    with pytest.raises(TrialError, match="orders were removed"):
        Post(f"s3://{bucket}/nothing/orders.json", client=client).orders()


def test_nothing_is_sent_before_the_orders_were_read(url: str, client: Any) -> None:
    with pytest.raises(TrialError, match="have not been read"):
        Post(url, client=client).begin()
