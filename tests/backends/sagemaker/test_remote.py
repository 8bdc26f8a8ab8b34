"""What is known of one job, and what is done next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_synebench.backends.inbox import Inbox
from pytest_synebench.backends.protocol import (
    AttemptBegan,
    AttemptKept,
    AttemptKey,
    AttemptPlaced,
    AttemptReported,
    AttemptSaved,
    AttemptSpec,
)
from pytest_synebench.backends.sagemaker.platform import JobState, Phase
from pytest_synebench.backends.sagemaker.remote import Remote
from pytest_synebench.channel import Message
from pytest_synebench.trial import TrialId

KEY = AttemptKey(TrialId(1), 0)
PLACED = JobState(phase=Phase.PLACED)
DONE = JobState(phase=Phase.ENDED, ok=True, detail="Completed")
LOST = JobState(phase=Phase.ENDED, detail="Failed: InternalServerError")


@pytest.fixture
def remote() -> Remote:
    spec = AttemptSpec(
        key=KEY,
        config={},
        seed=0,
        directory=Path(),
        resource_attr="epoch",
        until=None,
        resume_at_most=0,
        checkpoint_at=(),
    )
    return Remote(spec, Inbox(KEY))


def hello(remark: str = "") -> Message:
    return Message("hello", 0, {"resumed_from": 0, "checkpoints": True, "remark": remark})


def said(kind: str, **fields: Any) -> Message:
    return Message(kind, 0, fields)


def test_it_is_created_once(remote: Remote) -> None:
    assert remote.wants() == "create"
    remote.asked = remote.calling = True
    assert remote.wants() == "nothing"
    remote.calling = False
    assert remote.wants() == "create"  # nobody knows whether it took effect
    remote.created = True
    assert remote.wants() == "nothing"


def test_a_stop_before_the_create_is_the_end_and_after_it_a_call(remote: Remote) -> None:
    remote.stop = True
    assert remote.wants() == "end"
    assert remote.ended().detail == "told to stop: it never ran"
    remote.asked = True
    assert remote.wants() == "stop"
    remote.stopped = True
    assert remote.wants() == "nothing"


def test_who_speaks_has_a_machine_whatever_the_platform_says(remote: Remote) -> None:
    heard = remote.heard([hello(), said("report", metrics={"epoch": 1}), said("saved", level=1)])
    kinds = [type(seen) for seen in heard]
    assert kinds == [AttemptPlaced, AttemptBegan, AttemptReported, AttemptSaved]
    assert remote.seen(PLACED) == []


def test_what_is_kept_is_told_with_its_hash_for_the_ledger(remote: Remote) -> None:
    remote.seen(PLACED)
    assert remote.heard([said("kept", level=3, sha256="ab")]) == [AttemptKept(key=KEY, level=3)]
    assert remote.hashes == [(3, "ab")]
    assert remote.heard([said("kept", level="3", sha256="ab"), said("kept", level=3)]) == []
    assert remote.inbox.rejected == 2


def test_what_could_not_be_loaded_is_told_with_the_hello(remote: Remote) -> None:
    refused = said("refused", remark="REJECTED: checkpoint of level 3")
    *_, began = remote.heard([refused, hello("its own")])
    assert isinstance(began, AttemptBegan)
    assert began.remark == "REJECTED: checkpoint of level 3; its own"


def test_how_it_ended_is_what_the_job_says_else_what_the_platform_does(remote: Remote) -> None:
    remote.seen(LOST)
    assert remote.wants() == "nothing"
    assert (remote.ended().ok, remote.ended().detail) == (False, "Failed: InternalServerError")
    remote.heard([said("ended", code=1, stopped=False, rejected=2, tail="RuntimeError: x")])
    assert remote.ended().detail == "exit code 1; messages that were none: 2\nRuntimeError: x"


@pytest.mark.parametrize("stop", [False, True])
def test_it_went_well_where_nobody_stopped_it(remote: Remote, stop: bool) -> None:
    remote.stop = remote.stopped = stop
    remote.seen(DONE)
    remote.heard([said("ended", code=0, stopped=stop, rejected=0, tail="")])
    end = remote.ended()
    assert end.ok is not stop
    assert end.detail == ("told to stop; exit code 0" if stop else "exit code 0")
