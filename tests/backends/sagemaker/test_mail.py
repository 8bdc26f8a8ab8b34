"""Letters of jobs, read from a real service in another process."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from remote_jobs import PREFIX
from s3_service import PAGE, Service

from pytest_synebench.backends.protocol import AttemptKey
from pytest_synebench.backends.sagemaker.mail import Mail
from pytest_synebench.channel import Message
from pytest_synebench.checkpoints.s3.asking import Asking
from pytest_synebench.errors import StoreError
from pytest_synebench.training.agent import letters
from pytest_synebench.training.agent.letters import Letter
from pytest_synebench.trial import TrialId

pytest_plugins = ("buckets",)

ONE, TEN = AttemptKey(TrialId(1), 0), AttemptKey(TrialId(10), 0)


class Store:
    def __init__(self, client: Any, bucket: str) -> None:
        self.client, self.bucket = client, bucket
        self.mail = Mail(client, bucket, PREFIX, Asking("s3", backoff_s=0.0005, tries=4))

    def write(self, attempt: AttemptKey, number: int, *levels: int, life: int = 0) -> None:
        said = [Message("report", 0, {"metrics": {"epoch": level}}) for level in levels]
        self.put(Letter(*attempt, life, number), letters.write(said))

    def put(self, letter: Letter, data: bytes) -> None:
        key = letters.key(PREFIX, letter)
        self.client.put_object(Bucket=self.bucket, Key=key, Body=data)

    def look(self, *ended: AttemptKey) -> dict[int, list[int]]:
        found = self.mail.look(ended)
        return {
            key.trial_id: [message.fields["metrics"]["epoch"] for message in messages]
            for key, messages in found.items()
        }

    def left(self) -> int:
        found = self.client.list_objects_v2(Bucket=self.bucket, Prefix=f"{PREFIX}letters/")
        return int(found["KeyCount"])


@pytest.fixture
def store(client: Any, bucket: str) -> Any:
    made = Store(client, bucket)
    yield made
    made.mail.close()


def test_what_is_new_comes_by_attempt_and_is_removed_by_the_next_look(store: Store) -> None:
    store.mail.expect(ONE)
    store.mail.expect(TEN)
    store.write(ONE, 0, 1, 2)
    store.write(TEN, 0, 1)
    assert store.look() == {1: [1, 2], 10: [1]}
    assert store.left() == 2
    store.write(ONE, 1, 3)
    assert store.look() == {1: [3]}
    assert store.left() == 1
    assert store.look() == {}
    assert store.left() == 0


def test_what_was_read_before_costs_nothing(store: Store, service: Service, bucket: str) -> None:
    store.mail.expect(ONE)
    for number in range(3 * PAGE):
        store.write(ONE, number, number + 1)
    assert store.look() == {1: list(range(1, 3 * PAGE + 1))}
    store.look()
    service.asked(bucket)
    store.look()
    assert [method for method, _, _ in service.asked(bucket)] == ["GET"]


def test_of_an_ended_job_the_last_letter_is_looked_for(store: Store) -> None:
    store.mail.expect(ONE)
    store.write(ONE, 0, 1)
    store.look()
    assert not store.mail.drained(ONE)
    store.write(ONE, 1, 2)
    assert store.look(ONE) == {1: [2]}
    assert store.mail.drained(ONE)
    store.mail.forget(ONE)
    assert store.mail.drained(ONE)


def test_a_life_follows_another(store: Store) -> None:
    store.mail.expect(ONE)
    store.write(ONE, 0, 1, 2)
    store.write(ONE, 0, 2, 3, life=2)
    assert store.look() == {1: [1, 2, 2, 3]}


def test_what_an_earlier_controller_left_is_removed(store: Store) -> None:
    store.write(ONE, 0, 1)
    assert store.look() == {}
    store.look()
    assert store.left() == 0
    store.write(ONE, 0, 1)
    store.mail.remove_all()
    assert store.left() == 0


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff" * 100])
def test_what_is_no_letter_is_counted_and_ends_nothing(store: Store, data: bytes) -> None:
    store.mail.expect(ONE)
    store.put(Letter(*ONE, 0, 0), data)
    store.write(ONE, 1, 2)
    assert store.look() == {1: [2]}
    assert store.mail.rejected[ONE] == 1


def test_faults_lose_nothing(store: Store, service: Service, bucket: str) -> None:
    store.mail = Mail(store.client, bucket, PREFIX, Asking("s3", backoff_s=0.0005))
    store.mail.expect(ONE)
    service.break_at(bucket, 0.3, ["503", "500", "drop before", "drop after"])
    for number in range(5):
        store.mail._ask(partial(store.write, ONE, number, number))
    seen = [level for _ in range(3) for level in store.look().get(1, [])]
    service.mend(bucket)
    assert seen == [0, 1, 2, 3, 4]


def test_a_bucket_that_cannot_be_used_is_an_error_and_nothing_is_taken(
    store: Store, service: Service, bucket: str
) -> None:
    store.mail.expect(ONE)
    store.write(ONE, 0, 1)
    denied = {"methods": ["GET"], "part": "", "times": 99, "kind": "denied"}
    service.break_when(bucket, denied)
    with pytest.raises(StoreError, match="AccessDenied"):
        store.look()
    service.mend(bucket)
    assert store.look() == {1: [1]}
