from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pytest_synebench.backends.supervision import leftovers
from pytest_synebench.backends.supervision.leftovers import (
    await_supervisors,
    carries,
    end_leftovers,
    everything,
    identity,
    kill,
    kill_all,
    look,
    tree,
    wait_all,
)
from pytest_synebench.errors import BackendError

TAG = f"SYNEBENCH_TEST={os.getpid()}"


@contextmanager
def sleeping(tag: str) -> Iterator[subprocess.Popen[bytes]]:
    """Have a process that does nothing for long, and carries the tag."""
    name, _, value = tag.partition("=")
    environment = {"A": "1", name: value, "Z": "2"}
    with subprocess.Popen(
        ["/bin/cat"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        # An answer proves that exec is over: before that, the kernel shows no environment.
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(b"?\n")
        child.stdin.flush()
        assert child.stdout.readline() == b"?\n"
        yield child
        child.kill()


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with sleeping(TAG) as child:
        yield child


def test_a_process_is_found_by_what_its_environment_says_to_the_letter(
    sleeper: subprocess.Popen[bytes],
) -> None:
    assert carries(sleeper.pid, TAG)
    assert carries(sleeper.pid, "A=1")
    assert carries(sleeper.pid, "Z=2")
    assert not carries(sleeper.pid, TAG[:-1])
    assert not carries(sleeper.pid, TAG[1:])
    assert [seen.pid for seen in tree(TAG)] == [sleeper.pid]


def test_children_that_shed_the_tag_belong_to_the_tree_while_their_parent_lives() -> None:
    name, _, value = TAG.partition("=")
    shell = "env -i setsid sleep 600 & echo; wait"
    with subprocess.Popen(
        ["/bin/sh", "-c", shell], env={**os.environ, name: value}, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        assert len(tree(TAG)) >= 2
        wait_all(kill_all(tree(TAG)), 60.0)
    assert tree(TAG) == []


def test_a_number_that_was_used_again_is_not_signalled(sleeper: subprocess.Popen[bytes]) -> None:
    seen = look(sleeper.pid)
    assert seen is not None
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names, not paths
    assert kill(seen._replace(started=seen.started - 1)) is None
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
    assert look(sleeper.pid) == seen


def test_this_process_and_its_ancestors_are_nobodys_leftovers() -> None:
    pids = {seen.pid for seen in everything()}
    assert os.getpid() not in pids
    assert os.getppid() not in pids
    assert 1 not in pids


def test_what_has_ended_is_not_there(sleeper: subprocess.Popen[bytes]) -> None:
    seen = look(sleeper.pid)
    assert seen is not None
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)  # it is a zombie now
    assert look(sleeper.pid) is None
    assert kill(seen) is None
    sleeper.wait()
    assert look(sleeper.pid) is None
    assert kill(seen) is None


@pytest.mark.parametrize("error", [FileNotFoundError, ProcessLookupError, PermissionError])
def test_one_that_ends_while_it_is_looked_at_is_not_there(
    monkeypatch: pytest.MonkeyPatch, error: type[OSError]
) -> None:
    def gone(path: str, flags: int) -> int:
        raise error(path)

    monkeypatch.setattr(os, "open", gone)
    assert look(os.getpid()) is None


def test_what_belongs_to_somebody_else_is_left_alone(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(fd: int, number: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(signal, "pidfd_send_signal", refuse)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names, not paths
    assert kill_all(tree(TAG)) == []
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
    assert end_leftovers(TAG, 1.0) == 0


def test_leftovers_are_ended_and_counted(sleeper: subprocess.Popen[bytes]) -> None:
    assert end_leftovers(TAG, 60.0) == 1
    assert sleeper.wait() == -signal.SIGKILL
    assert end_leftovers(TAG, 60.0) == 0


def test_a_leftover_that_does_not_end_is_named(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        leftovers, "kill_all", lambda several: [os.pidfd_open(seen.pid) for seen in several]
    )
    with pytest.raises(BackendError, match=rf"do not end: {sleeper.pid}, sent SIGKILL.*0\.01 s"):
        end_leftovers(TAG, 0.01)


# -- supervisors whose controller is gone --------------------------------------------------------


def test_a_supervisor_whose_controller_ended_is_ended_after_the_patience() -> None:
    with subprocess.Popen(["/bin/true"]) as ended:
        pass
    for controller in (f"{ended.pid}-1", f"{os.getpid()}-1"):  # ended; the number is another's now
        with sleeping(f"SYNEBENCH_SUPERVISOR={controller}") as child:
            await_supervisors(0.0)
            assert child.wait() == -signal.SIGKILL


def test_a_supervisor_that_ends_by_itself_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with sleeping(f"SYNEBENCH_SUPERVISOR={os.getpid()}-1") as child:
        wait = leftovers.wait_all

        def ends(fds: list[int], patience_s: float) -> bool:
            assert child.stdin is not None
            child.stdin.close()
            return wait(fds, patience_s)

        monkeypatch.setattr(leftovers, "wait_all", ends)
        await_supervisors(60.0)
        assert child.wait() == 0


@pytest.mark.parametrize("controller", ["alive", "", "x", "1", "-1", "1-", "0-x"])
def test_a_supervisor_of_somebody_who_lives_or_whom_nobody_knows_is_left_alone(
    controller: str,
) -> None:
    told = identity(os.getpid()) if controller == "alive" else controller
    with sleeping(f"SYNEBENCH_SUPERVISOR={told}") as child:
        await_supervisors(0.0)
        assert child.poll() is None


def test_a_supervisor_in_another_namespace_of_numbers_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with sleeping(f"SYNEBENCH_SUPERVISOR={os.getpid()}-1") as child:
        theirs, same = f"/proc/{child.pid}/ns/pid", os.path.samefile

        def elsewhere(one: str, other: str) -> bool:
            return one != theirs and same(one, other)

        monkeypatch.setattr(os.path, "samefile", elsewhere)
        await_supervisors(0.0)
        assert child.poll() is None


def test_an_identity_is_a_number_and_a_moment() -> None:
    seen = look(os.getpid())
    assert seen is not None
    assert identity(os.getpid()) == f"{os.getpid()}-{seen.started}"
