from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from lease_holders import CLOCK, ELSEWHERE, HOST, Controller, forge, holder_of, refusal

from pytest_synebench.errors import RunError
from pytest_synebench.experiment.store.lease import NAME, Lease

# -- taken without a question --------------------------------------------------------------------


def test_a_directory_that_nobody_holds_is_taken_and_says_by_whom(tmp_path: Path) -> None:
    lease = Lease.take(tmp_path, CLOCK)
    assert (holder_of(tmp_path).pid, holder_of(tmp_path).released) == (os.getpid(), False)
    lease.check()
    assert lease.taken_from is None
    lease.release()
    lease.release()
    assert holder_of(tmp_path).released
    Lease.take(tmp_path, CLOCK).release()


def test_a_controller_that_was_killed_leaves_nothing_to_wait_for(
    tmp_path: Path, controller: Callable[[], Controller]
) -> None:
    killed = controller()
    killed.kill()
    assert not holder_of(tmp_path).released
    lease = Lease.take(tmp_path, CLOCK)
    assert lease.taken_from is None
    lease.release()


@pytest.mark.parametrize(
    "changes",
    [
        {"pid": os.getppid(), "started": 1},  # the number was used again
        {"pid": 2**22 + 1},
        {"boot": "before the machine was booted"},
        {"namespace": "pid:[1]", "host": "a container of this machine that is gone"},
        {**ELSEWHERE, "released": True},
    ],
)
def test_a_lease_that_its_holder_cannot_have_any_more_is_taken(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    forge(tmp_path, **changes)
    Lease.take(tmp_path, CLOCK).release()


@pytest.mark.parametrize("content", [b"", b'{"pid": 1', b"text\n", b"\xff\n"])
def test_a_lease_that_a_crash_tore_is_nobodys(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)
    Lease.take(tmp_path, CLOCK).release()


def test_a_lease_that_could_not_be_marked_as_released_can_be_taken_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = Lease.take(tmp_path, CLOCK)

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        lease.release()
    Lease.take(tmp_path, CLOCK).release()


# -- refused -------------------------------------------------------------------------------------


def test_a_running_holder_is_named_and_never_fenced(
    tmp_path: Path, controller: Callable[[], Controller]
) -> None:
    holder = controller()
    since = holder_of(tmp_path).since_utc
    assert refusal(tmp_path) == (
        f"{tmp_path} is held by pid {holder.pid} on {HOST} (since {since}): one run directory has "
        f"one controller. It is running: wait for it, or end it (`kill {holder.pid}`), or start a "
        "new run without --synebench-resume"
    )
    assert refusal(tmp_path, takeover=True).endswith(
        f"It is running: end it first (`kill {holder.pid}`); --synebench-takeover is for one that "
        "is stopped or out of sight"
    )
    assert holder.does("check") == "done"


def test_a_stopped_holder_is_refused_with_three_ways_out(
    tmp_path: Path, controller: Callable[[], Controller]
) -> None:
    holder = controller()
    holder.stop()
    assert refusal(tmp_path).endswith(
        f"It is stopped (Ctrl-Z?): continue (`kill -CONT {holder.pid}`) or end it, or take the run "
        "over with --synebench-takeover, or start a new run without --synebench-resume"
    )
    holder.go_on()
    assert holder.does("check") == "done"


def test_a_holder_on_another_machine_is_refused_though_no_lock_is_seen(tmp_path: Path) -> None:
    forge(tmp_path, pid=77, **ELSEWHERE)
    said = refusal(tmp_path)
    assert "is held by pid 77 on another-machine (since " in said
    assert "It is on another machine or in another container, so what it is doing cannot" in said
    assert "end it there, or take the run over with --synebench-takeover" in said


def test_a_living_holder_is_refused_where_the_file_system_keeps_no_locks(
    tmp_path: Path, controller: Callable[[], Controller]
) -> None:
    holder = controller()
    data = (tmp_path / NAME).read_bytes()
    (tmp_path / NAME).unlink()
    (tmp_path / NAME).write_bytes(data)
    assert f"pid {holder.pid} on {HOST}" in refusal(tmp_path)


@pytest.mark.parametrize("order", ["leave a child", "leave a child in a step"])
def test_what_a_dead_holder_left_behind_is_told_apart_from_it(
    tmp_path: Path, controller: Callable[[], Controller], order: str
) -> None:
    holder = controller()
    assert holder.does(order) == "done"
    os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)
    said = refusal(tmp_path)
    assert "It is gone, but a process that it left holds the lock: end that (`fuser -v " in said
    lease = Lease.take(tmp_path, CLOCK, takeover=True)
    assert "was taken over by" in holder.does("check")
    lease.release()


def test_a_holder_that_never_says_who_it_is_is_refused(tmp_path: Path) -> None:
    with (tmp_path / NAME).open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "is held by a process that does not say which it is" in refusal(tmp_path)


def test_a_file_system_without_locks_says_so_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counts descriptors
    with pytest.raises(OSError, match="No locks available"):
        Lease.take(tmp_path, CLOCK)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - counts descriptors


def test_a_lease_that_was_removed_is_lost(tmp_path: Path) -> None:
    lease = Lease.take(tmp_path, CLOCK)
    (tmp_path / NAME).unlink()
    with pytest.raises(RunError, match=r"lease.json was removed, so this run may be anybody's: no"):
        lease.check()
    lease.release()
    assert not (tmp_path / NAME).exists()
