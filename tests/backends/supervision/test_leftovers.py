from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_synebench.backends.supervision import leftovers
from pytest_synebench.backends.supervision.leftovers import (
    Order,
    OrdinaryLauncher,
    carries,
    end_leftovers,
    everything,
    kill,
    kill_all,
    look,
    tree,
    wait_all,
)
from pytest_synebench.errors import BackendError

TAG = f"SYNEBENCH_TEST={os.getpid()}"


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does nothing for long, and carries the tag."""
    name, _, value = TAG.partition("=")
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


def test_a_process_is_found_by_what_its_environment_says_to_the_letter(
    sleeper: subprocess.Popen[bytes],
) -> None:
    assert carries(sleeper.pid, TAG)
    assert carries(sleeper.pid, "A=1")
    assert carries(sleeper.pid, "Z=2")
    assert not carries(sleeper.pid, TAG[:-1])
    assert not carries(sleeper.pid, TAG[1:])
    assert [seen.pid for seen in tree(None, TAG)] == [sleeper.pid]


def test_children_that_shed_the_tag_belong_to_the_tree_while_their_parent_lives() -> None:
    name, _, value = TAG.partition("=")
    shell = "env -i setsid sleep 600 & echo; wait"
    with subprocess.Popen(
        ["/bin/sh", "-c", shell], env={**os.environ, name: value}, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        assert len(tree(None, TAG)) >= 2
        wait_all(kill_all(tree(None, TAG)), 60.0)
    assert tree(None, TAG) == []


@pytest.mark.parametrize("moves_to", ["os.setpgid(0, 0)", "pass"])
def test_orphans_without_the_tag_belong_to_the_session_or_group_of_their_tree(
    moves_to: str,
) -> None:
    fork = f"""
import os
if os.fork() == 0:
    {moves_to}
    os.write(1, b"x")
    os.execve("/bin/sleep", ["sleep", "600"], {{}})
"""
    leader = subprocess.Popen(
        [sys.executable, "-c", fork], stdout=subprocess.PIPE, start_new_session=True
    )
    with leader:
        assert leader.stdout is not None
        assert leader.stdout.read(1) == b"x"
        os.waitid(os.P_PID, leader.pid, os.WEXITED | os.WNOWAIT)
        left = tree(leader.pid, TAG)
        assert len(left) == 1
        assert wait_all(kill_all(left), 60.0)
        assert tree(leader.pid, TAG) == []


def test_the_old_cannot_belong_to_a_young_tree(sleeper: subprocess.Popen[bytes]) -> None:
    seen = look(sleeper.pid)
    assert seen is not None
    assert tree(None, TAG, since=seen.started) == [seen]
    assert tree(None, TAG, since=seen.started + 1) == []


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


def test_what_belongs_to_somebody_else_is_left_alone(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(fd: int, number: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(signal, "pidfd_send_signal", refuse)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names, not paths
    assert kill_all(tree(None, TAG)) == []
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


def test_a_process_that_cannot_be_watched_is_not_left_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(pid: int) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "pidfd_open", refuse)
    name, _, value = TAG.partition("=")
    with (tmp_path / "out").open("wb") as out:
        order = Order(
            script=Path("/dev/null"),
            arguments=(),
            environment={name: value},
            stdout=out.fileno(),
            stderr=out.fileno(),
            channel=out.fileno(),
        )
        with pytest.raises(OSError, match="Too many open files"):
            OrdinaryLauncher("/bin/yes").launch(order)
    assert tree(None, TAG) == []
