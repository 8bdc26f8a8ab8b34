"""The log of a run in S3: in order, once, and of one writer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from s3_service import Service

from pytest_synebench.errors import RunError, StoreError
from pytest_synebench.experiment.remote.tuning.log import Entry, RunLog

NewLog = Callable[[], RunLog]


def entry(number: int, writer: str = "one") -> Entry:
    return Entry(writer=writer, grown={"journal.jsonl": f"{number}\n".encode()})


def test_entries_are_read_in_their_order_also_meanwhile(new_log: NewLog) -> None:
    written = [entry(number) for number in range(25)]  # more than a page of the listing
    log, reader = new_log(), new_log()
    for one in written[:12]:
        log.write(one)
    assert reader.read_on() == written[:12]
    assert reader.read_on() == []
    for one in written[12:]:
        log.write(one)
    assert reader.read_on() == written[12:]


def test_what_follows_a_gap_is_not_read(new_log: NewLog, client: Any, bucket: str) -> None:
    log, reader = new_log(), new_log()
    for number in range(3):
        log.write(entry(number))
    where = {"Bucket": bucket, "Key": "hpo/remote/toy/log/00000001"}
    kept = client.get_object(**where)["Body"].read()
    client.delete_object(**where)
    assert reader.read_on() == [entry(0)]
    client.put_object(**where, Body=kept)
    assert reader.read_on() == [entry(1), entry(2)]


def test_who_claims_a_log_fences_the_writer_before(new_log: NewLog) -> None:
    first, second = new_log(), new_log()
    first.write(entry(0))
    assert second.claim("two") == [entry(0)]
    with pytest.raises(RunError, match="was taken over by another job"):
        first.write(entry(1))
    with pytest.raises(RunError, match="was taken over by another job"):
        first.write(entry(1))
    second.write(entry(1, "two"))
    assert new_log().read_on() == [entry(0), Entry(writer="two"), entry(1, "two")]


def test_a_claim_takes_in_what_is_written_meanwhile(new_log: NewLog) -> None:
    busy = new_log()

    class Racing(RunLog):
        """Another writer is faster, three times."""

        races = 3

        def write(self, told: Entry) -> None:
            if self.races:
                self.races -= 1
                busy.write(entry(self.races))
            super().write(told)

    log = new_log()
    racing = Racing(log._client, log._bucket, log._prefix, log._ask)
    assert racing.claim("two") == [entry(2), entry(1), entry(0)]
    assert new_log().read_on()[-1] == Entry(writer="two")


@pytest.mark.parametrize("kind", ["drop after", "503", "drop before"])
def test_an_entry_whose_answer_is_lost_is_there_once(
    new_log: NewLog, service: Service, bucket: str, kind: str
) -> None:
    log = new_log()
    rule = {"methods": ["PUT"], "part": "log/00000000", "times": 1, "kind": kind}
    service.break_when(bucket, rule)
    log.write(entry(0))
    log.write(entry(1))
    service.mend(bucket)
    assert new_log().read_on() == [entry(0), entry(1)]


def test_an_entry_holds_any_bytes() -> None:
    told = Entry(writer="w", grown={"a": b"\xff\n"}, whole={"b/c": b"\0"}, over=True)
    assert Entry.of_json(told.to_json()) == told


@pytest.mark.parametrize("data", [b"", b"[]", b'{"writer": "w"}', b'{"grown": 1, "writer": 1}'])
def test_what_is_no_entry_is_refused(data: bytes) -> None:
    with pytest.raises(StoreError, match="must be of one version"):
        Entry.of_json(data)
