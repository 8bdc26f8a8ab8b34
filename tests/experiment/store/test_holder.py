from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_synebench.clock import VirtualClock
from pytest_synebench.experiment.store import holder as holder_module
from pytest_synebench.experiment.store.holder import Doing, Holder

CLOCK = VirtualClock(utc=datetime(2024, 5, 1, 12, tzinfo=UTC))
ME = Holder.me(CLOCK)


@pytest.fixture
def other() -> Iterator[Holder]:
    """A living process that is not this one, as the holder of something."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        seen = holder_module._look(process.pid)
        assert seen is not None
        yield replace(ME, pid=process.pid, started=seen[1])
        process.kill()


def test_a_holder_is_named_by_process_host_and_moment() -> None:
    assert (
        str(ME) == f"pid {os.getpid()} on {socket.gethostname()} (since 2024-05-01T12:00:00+00:00)"
    )
    assert ME.started > 0
    assert ME.boot
    assert ME.doing() is Doing.RUNNING


def test_a_stopped_process_is_seen_to_be_stopped_and_an_ended_one_to_be_gone(
    other: Holder,
) -> None:
    assert other.doing() is Doing.RUNNING
    os.kill(other.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, other.pid, os.WSTOPPED | os.WNOWAIT)
    assert other.doing() is Doing.STOPPED
    os.kill(other.pid, signal.SIGKILL)
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)  # a zombie from here on
    assert other.doing() is Doing.GONE


def test_a_number_that_was_used_again_is_not_the_holder() -> None:
    assert replace(ME, started=ME.started + 1).doing() is Doing.GONE
    assert replace(ME, pid=2**22 + 1).doing() is Doing.GONE  # no number is as high


@pytest.mark.parametrize("field", ["boot", "namespace", "host"])
def test_what_another_kernel_or_namespace_counts_is_out_of_sight(field: str) -> None:
    assert replace(ME, **{field: "elsewhere"}).doing() is Doing.UNSEEN  # type: ignore[arg-type] # texts


@pytest.mark.parametrize(
    ("changes", "may_write"),
    [
        ({}, True),  # a file system that keeps no locks
        ({"released": True}, False),
        ({"started": 1}, False),
        ({"namespace": "another container"}, False),  # the kernel is the same: the lock was free
        ({"boot": "before"}, False),
        ({"boot": "other", "host": "another machine"}, True),
        ({"boot": "other", "host": "another machine", "released": True}, False),
    ],
)
def test_who_may_still_write_although_the_lock_is_free(
    other: Holder, changes: dict[str, object], *, may_write: bool
) -> None:
    assert replace(other, **changes).may_write() is may_write  # type: ignore[arg-type] # its fields


def test_this_process_is_not_kept_out_by_a_lease_it_has_dropped() -> None:
    assert not ME.may_write()
    assert replace(
        ME, boot="other", host="another machine"
    ).may_write()  # the number alone says nothing


def test_what_was_written_is_read_back() -> None:
    assert Holder.read(ME.to_bytes()) == ME
    assert Holder.read(ME.to_bytes() + b'the end of a longer one"}\n') == ME


TEXT = json.loads(ME.to_bytes())


@example(data=b"")
@example(data=b"{}\n")
@example(data=b"[]\n")
@example(data=b"null\n")
@example(data=b"\xff\n")
@example(data=ME.to_bytes()[:-1])
@example(data=json.dumps(TEXT | {"pid": "1"}).encode() + b"\n")
@example(data=json.dumps(TEXT | {"released": 1}).encode() + b"\n")
@example(data=json.dumps(TEXT | {"more": 1}).encode() + b"\n")
@given(data=st.binary(max_size=100))
def test_what_is_not_whole_is_nobodys_name(data: bytes) -> None:
    assert Holder.read(data) is None
