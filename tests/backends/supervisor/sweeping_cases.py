"""Cases of sweeping: the process that runs them is made a subreaper (see test_sweeping)."""

from __future__ import annotations

import ctypes
import os
import select
import signal
from collections.abc import Callable, Iterator

import pytest

from pytest_synebench.backends.supervisor import sweeping
from pytest_synebench.backends.supervisor.forking import fork
from pytest_synebench.backends.supervisor.program import Bell
from pytest_synebench.backends.supervisor.sweeping import Family, Leader
from pytest_synebench.backends.supervisor.tying import adopt_orphans, tie
from pytest_synebench.clock import VirtualClock

_PR_SET_CHILD_SUBREAPER = 36
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)


@pytest.fixture
def bell() -> Iterator[Bell]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    fd = signal.set_wakeup_fd(-1)
    bell = Bell()
    adopt_orphans()
    yield bell
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
    for number, handler in before.items():
        signal.signal(number, handler)
    signal.set_wakeup_fd(fd)
    bell.close()


@pytest.fixture
def family(bell: Bell) -> Iterator[Family]:
    family = Family(bell.rang)
    yield family
    family.end_all()
    while not family.empty:
        sweep(family, bell)


def sweep(family: Family, bell: Bell) -> list[Leader]:
    """Sweep once, as soon as there is a reason for it."""
    patience_s = 30 if family.patience_s is None else family.patience_s
    select.select([bell], [], [], patience_s)
    return family.sweep()


def swept(family: Family, bell: Bell) -> list[Leader]:
    """Sweep until somebody is let go."""
    while not (let_go := sweep(family, bell)):
        pass
    return let_go


def forked(body: Callable[[], None]) -> int:
    """Return the number of a tied process that runs a function and ends."""
    me = os.getpid()
    pid = fork()
    if pid == 0:
        try:
            tie(me)
            body()
        finally:
            os._exit(7)
    return pid


def asleep() -> None:
    os.execv("/bin/sleep", ["sleep", "1000"])


def leaves_two(gate: int) -> Callable[[], None]:
    """Return what starts two sessions of processes, then waits at a gate."""

    def body() -> None:
        reads, writes = os.pipe()
        for _ in range(2):
            if os.fork() == 0:
                os.setsid()
                asleep()
        os.close(writes)
        os.read(reads, 1)  # its end: both are programs in sessions of their own
        os.read(gate, 1)

    return body


def test_children_are_those_the_kernel_lists_and_a_scan_finds(bell: Bell) -> None:
    pids = {forked(asleep) for _ in range(3)}
    try:
        assert pids <= set(sweeping.listed_children())
        assert set(sweeping.listed_children()) == set(sweeping.scanned_children())
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def test_a_kernel_without_the_list_is_scanned(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> list[int]:
        raise FileNotFoundError

    monkeypatch.setattr(sweeping, "listed_children", missing)
    monkeypatch.setattr(sweeping, "scanned_children", lambda: [1, 2])
    assert sweeping.children() == [1, 2]


def test_one_that_leaves_nothing_is_let_go_at_once(family: Family, bell: Bell) -> None:
    leader = family.add(forked(lambda: None))
    assert swept(family, bell) == [leader]
    assert (leader.code, leader.swept, family.empty) == (7, 0, True)


def test_what_is_left_is_ended_first_and_others_are_untouched(family: Family, bell: Bell) -> None:
    reads, writes = os.pipe()
    first = family.add(forked(leaves_two(reads)))
    second = family.add(forked(leaves_two(reads)))
    os.write(writes, b"x")
    (gone,) = swept(family, bell)
    (other,) = {first, second} - {gone}
    assert (gone.swept, other.ended) == (2, False)
    assert sweeping.listed_children() == [other.pid]
    os.close(reads)
    os.close(writes)


def test_a_list_during_which_a_child_ended_does_not_count() -> None:
    answers = iter([False, True])
    family = Family(lambda: next(answers))
    family.add(forked(lambda: None))
    os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
    assert family.sweep() == []
    assert family.restless
    answers = iter([True, False])
    assert len(family.sweep()) == 1


def test_a_leader_that_dies_while_children_are_listed_waits_for_the_next_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    family = Family(lambda: False)
    leader = family.add(forked(asleep))

    def dies() -> list[int]:
        os.kill(leader.pid, signal.SIGKILL)
        os.waitid(os.P_PID, leader.pid, os.WEXITED | os.WNOWAIT)
        return []

    monkeypatch.setattr(sweeping, "children", dies)
    assert family.sweep() == []
    assert (leader.ended, family.restless) == (True, True)
    assert family.sweep() == [leader]


def test_what_may_not_be_killed_holds_nobody_up(
    family: Family, bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads, writes = os.pipe()
    leader = family.add(forked(leaves_two(reads)))
    kill = os.kill
    refused: list[int] = []

    def refusing(pid: int, number: int) -> None:
        if pid != leader.pid and (not refused or pid in refused):
            refused.append(pid)
            raise PermissionError
        kill(pid, number)

    monkeypatch.setattr(os, "kill", refusing)
    os.write(writes, b"x")
    assert swept(family, bell) == [leader]
    assert (leader.swept, family.empty) == (1, True)
    assert sweeping.listed_children() == refused[:1]
    # It is let go when it ends by itself.
    kill(refused[0], signal.SIGKILL)
    while sweeping.listed_children():
        sweep(family, bell)
    os.close(reads)
    os.close(writes)


def test_a_stray_seen_while_a_leader_lived_does_not_hold_that_one_up(
    bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = Family(bell.rang)
    stuck = forked(asleep)
    leader = family.add(forked(lambda: None))
    late = family.add(forked(asleep))
    kill = os.kill
    # One that does not die (a dead file system): the signal has no effect.
    monkeypatch.setattr(os, "kill", lambda pid, number: pid == stuck or kill(pid, number))
    os.waitid(os.P_PID, leader.pid, os.WEXITED | os.WNOWAIT)
    for _ in range(3):
        assert family.sweep() == []  # the stray may be this leader's
    kill(late.pid, signal.SIGKILL)
    assert swept(family, bell) == [late]
    kill(stuck, signal.SIGKILL)
    assert swept(family, bell) == [leader]
    assert leader.swept == 1
    assert family.empty


def test_a_leader_in_another_session_is_signalled_with_its_group(
    family: Family, bell: Bell
) -> None:
    leader = family.add(forked(asleep))
    assert leader.signal(signal.SIGTERM)
    assert swept(family, bell) == [leader]
    assert leader.code == -signal.SIGTERM


def test_a_signal_to_one_that_is_not_tied_yet_is_not_lost(family: Family, bell: Bell) -> None:
    reads, writes = os.pipe()
    me, pid = os.getpid(), fork()
    if pid == 0:
        os.read(reads, 1)
        tie(me)
        asleep()
    leader = family.add(pid)
    leader.signal(signal.SIGTERM)
    os.write(writes, b"x")
    assert swept(family, bell) == [leader]
    assert leader.code == -signal.SIGTERM
    os.close(reads)
    os.close(writes)


TRACKER = "multiprocessing.resource_tracker"


def leaves(gate: int, ready: int, *commands: list[str]) -> Callable[[], None]:
    """Return what starts programs, says that they run, and waits at a gate."""

    def body() -> None:
        reads, writes = os.pipe()
        for command in commands:
            if os.fork() == 0:
                os.dup2(gate, 0)
                os.execv(f"/bin/{command[0]}", command[1:])
        os.close(writes)
        os.read(reads, 1)  # its end: all are programs
        os.write(ready, b"x")
        os.read(gate, 1)

    return body


@pytest.mark.parametrize("forced", [False, True])
def test_a_resource_tracker_alone_has_a_second(bell: Bell, forced: bool) -> None:
    clock = VirtualClock()
    family = Family(bell.rang, clock)
    (gate, opens), (hears, ready) = os.pipe(), os.pipe()
    two = ["sleep", TRACKER, "1000"], ["sleep", "sleep", "1000"]
    leader = family.add(forked(leaves(gate, ready, *two)))
    os.read(hears, 1)
    if forced:
        family.end_all()
    os.write(opens, b"x")
    others: set[int] = set()
    while not leader.ended or len(others) != 1 or family.restless:
        assert family.sweep() == []
        others = set(sweeping.listed_children()) - {leader.pid}
    clock.advance(0.75)
    assert (family.patience_s, family.sweep(), leader.swept) == (0.25, [], 1)
    clock.advance(0.25)
    assert (family.patience_s, leader.ended) == (0, True)
    assert swept(family, bell) == [leader]
    assert (leader.swept, family.empty) == (2, True)
    assert family.patience_s is None
    for fd in (gate, opens, hears, ready):
        os.close(fd)


def test_a_tracker_that_ends_by_itself_was_not_ended_by_force(family: Family, bell: Bell) -> None:
    (gate, opens), (hears, ready) = os.pipe(), os.pipe()
    waits = ["sh", "sh", "-c", "read line; read line; exit 0", TRACKER]
    leader = family.add(forked(leaves(gate, ready, waits)))
    os.read(hears, 1)
    leader.signal(signal.SIGKILL)
    while not leader.ended or family.restless:
        assert family.sweep() == []
    os.write(opens, b"one\ntwo\n")
    assert swept(family, bell) == [leader]
    assert (leader.swept, family.patience_s) == (0, None)
    for fd in (gate, opens, hears, ready):
        os.close(fd)


def test_a_crowd_is_ended(family: Family, bell: Bell) -> None:
    reads, writes = os.pipe()

    def many() -> None:
        for _ in range(80):
            if os.fork() == 0:
                os.read(reads, 1)
                os._exit(0)

    leader = family.add(forked(many))
    assert swept(family, bell) == [leader]
    assert leader.swept == 80
    os.close(reads)
    os.close(writes)
