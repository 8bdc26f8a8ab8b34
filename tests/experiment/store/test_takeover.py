from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from lease_holders import CLOCK, ELSEWHERE, HOST, Controller, forge, holder_of, refusal

from pytest_synebench.errors import RunError
from pytest_synebench.experiment.store.holder import Doing, Holder
from pytest_synebench.experiment.store.lease import NAME, Lease


def test_a_fenced_controller_reaches_no_file_of_the_run(
    tmp_path: Path, controller: Callable[[], Controller]
) -> None:
    (tmp_path / "journal.jsonl").write_bytes(b"line 1\n")
    (tmp_path / "trials" / "0").mkdir(parents=True)
    open_for_long = [
        tmp_path / "journal.jsonl",
        tmp_path / "timings.jsonl",
        tmp_path / "trials" / "0" / "stdout.log",
    ]
    for path in open_for_long[1:]:
        path.write_bytes(b"mine\n")
    before = [path.stat().st_ino for path in open_for_long]
    holder = controller()
    holder.stop()
    lease = Lease.take(tmp_path, CLOCK, takeover=True)
    assert lease.taken_from is not None
    assert lease.taken_from.pid == holder.pid
    assert all(
        path.stat().st_ino != inode for path, inode in zip(open_for_long, before, strict=True)
    )
    assert [path.read_bytes() for path in open_for_long] == [b"line 1\n", b"mine\n", b"mine\n"]
    held = (tmp_path / NAME).read_bytes()

    holder.go_on()
    assert holder.does("write") == "done"
    told = holder.does("check")
    assert told.startswith(f"the run in {tmp_path} was taken over by pid {os.getpid()} on {HOST}")
    assert told.endswith(
        "nothing more of it is written here. Follow that one, or end it and use --synebench-resume"
    )
    assert holder.does("release") == "done"
    assert (tmp_path / "journal.jsonl").read_bytes() == b"line 1\n"
    assert (tmp_path / NAME).read_bytes() == held
    assert str(os.getpid()) in refusal(tmp_path)
    lease.check()
    lease.release()


def test_a_holder_that_is_stopped_in_the_middle_of_a_step_is_not_fenced(
    tmp_path: Path, controller: Callable[[], Controller]
) -> None:
    holder = controller()
    assert holder.does("step") == "in a step"
    holder.stop()
    said = refusal(tmp_path, takeover=True)
    assert f"{tmp_path} cannot be taken over from pid {holder.pid} on {HOST}" in said
    assert "the middle of a step, which it would finish when it goes on. Continue (`kill -" in said
    assert not list(tmp_path.glob(".*.next")) or holder_of(tmp_path).pid == holder.pid
    holder.go_on()
    assert holder.does("end of the step") == "done"
    assert holder.does("check") == "done"
    holder.stop()
    Lease.take(tmp_path, CLOCK, takeover=True).release()
    holder.go_on()
    assert "was taken over by pid" in holder.does("step")


def test_who_waits_in_a_step_can_be_taken_over_from_and_notices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = Lease.take(tmp_path, CLOCK)
    monkeypatch.setattr(Holder, "doing", lambda _: Doing.STOPPED)
    assert "the middle of a step" in refusal(tmp_path, takeover=True)
    with pytest.raises(RunError, match="was taken over by pid"), lease.resting():
        winner = Lease.take(tmp_path, CLOCK, takeover=True)
    assert "the middle of a step" in refusal(tmp_path, takeover=True)
    winner.rest()
    with winner.acting():
        winner.check()
    for one in (lease, winner):
        one.release()
        one.rest()


def test_a_holder_on_another_machine_can_be_fenced(tmp_path: Path) -> None:
    forged = forge(tmp_path, **ELSEWHERE)
    inode = (tmp_path / NAME).stat().st_ino
    lease = Lease.take(tmp_path, CLOCK, takeover=True)
    assert lease.taken_from == forged
    assert (tmp_path / NAME).stat().st_ino != inode
    assert sorted(path.name for path in tmp_path.iterdir()) == ["journal.jsonl", NAME]
    lease.release()


def test_where_nobody_is_in_the_way_a_takeover_is_a_resume(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").touch()
    inode = (tmp_path / "journal.jsonl").stat().st_ino
    lease = Lease.take(tmp_path, CLOCK, takeover=True)
    assert lease.taken_from is None
    assert (tmp_path / "journal.jsonl").stat().st_ino == inode
    lease.release()


def test_of_two_that_take_a_run_over_one_does(tmp_path: Path) -> None:
    forge(tmp_path, **ELSEWHERE)
    with (tmp_path / f".{NAME}.next").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "is being taken over by another process at this moment" in refusal(
            tmp_path, takeover=True
        )
    # That one died in the middle; what it left is used.
    Lease.take(tmp_path, CLOCK, takeover=True).release()
    assert not (tmp_path / f".{NAME}.next").exists()


def test_who_was_overtaken_by_another_takeover_looks_again(
    tmp_path: Path, controller: Callable[[], Controller], monkeypatch: pytest.MonkeyPatch
) -> None:
    forge(tmp_path, **ELSEWHERE)
    winners: list[Controller] = []
    real = Holder.doing

    def meanwhile(self: Holder) -> object:
        seen = real(self)
        if not winners:
            (tmp_path / NAME).unlink()
            winners.append(controller())
        return seen

    monkeypatch.setattr(Holder, "doing", meanwhile)
    assert "It is running: end it first" in refusal(tmp_path, takeover=True)
    assert winners[0].does("check") == "done"
    assert not (tmp_path / f".{NAME}.next").exists()


def test_a_takeover_that_the_disk_refuses_takes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forged = forge(tmp_path, **ELSEWHERE)

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counts descriptors
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(OSError, match="No space left"):
            Lease.take(tmp_path, CLOCK, takeover=True)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - counts descriptors
    assert holder_of(tmp_path) == forged


def before_the_first_lock(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Have something happen between the opening of a file and its lock."""
    real, acts = fcntl.flock, [act]

    def flock(file: int, operation: int) -> None:
        if acts:
            acts.pop()()
        real(file, operation)

    monkeypatch.setattr(fcntl, "flock", flock)


def test_a_lease_that_changed_hands_before_it_was_locked_is_looked_at_again(
    tmp_path: Path, controller: Callable[[], Controller], monkeypatch: pytest.MonkeyPatch
) -> None:
    winners: list[Controller] = []

    def taken_over() -> None:
        (tmp_path / NAME).unlink()
        winners.append(controller())

    before_the_first_lock(monkeypatch, taken_over)
    said = refusal(tmp_path)
    assert f"is held by pid {winners[0].pid} on {HOST}" in said


def test_a_takeover_whose_file_is_gone_before_it_was_locked_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = forge(tmp_path, **ELSEWHERE)
    before_the_first_lock(monkeypatch, (tmp_path / f".{NAME}.next").unlink)
    with pytest.raises(RunError, match="is being taken over by another process at this moment"):
        Lease._seize(tmp_path, CLOCK, holder)
    assert holder_of(tmp_path) == holder
