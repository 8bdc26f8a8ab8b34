"""The children of a supervisor: leaders of attempts, and what dead leaders left behind.

Every leader adopts the orphans below it, so as long as it lives they stay there. A child of this
process that is no leader is therefore what a dead one left: it is killed, what was below it comes
up, and so on until nothing is left. Only then is the leader itself let go.

Invariants (tests/backends/supervisor/test_sweeping.py holds each one):
- a leader is let go once nothing lives that was below it, and what is below another is untouched;
- a leader found dead while the children are listed is judged by a later list, and no list counts
  during which a child ended (the kernel may leave one out of it);
- what cannot be killed, or was seen while a leader lived, does not hold that leader up;
- one process is not ended at once: Python's resource tracker, which releases the shared memory and
  semaphores of its dead attempt, and has a second for it;
- nothing here waits; what counts as swept was ended by force.

Source: Linux, proc(5) /proc/pid/task/tid/children; prctl(2) PR_SET_CHILD_SUBREAPER;
CPython, Lib/multiprocessing/resource_tracker.py.
"""

from __future__ import annotations

import os
import signal

from pytest_synebench.clock import SystemClock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_synebench.clock import Clock

_LOOK = os.WEXITED | os.WNOHANG
_TRACKER = b"multiprocessing.resource_tracker"  # in the command line of one
_TRACKER_S = 1.0  #: that it has after its attempt
_CROWD = 64  #: so many processes are not looked at one by one


class Leader:
    """The first process of an attempt. Its number is its own until it is let go."""

    __slots__ = ("code", "ended", "pid", "swept")

    def __init__(self, pid: int) -> None:
        """Take a child of this process."""
        self.pid = pid
        self.ended = False
        self.code = 0  #: exit code, or minus a signal's number; valid once it is let go
        self.swept = 0  #: processes below it that were ended by force

    def signal(self, number: int) -> bool:
        """Send a signal to its group; return whether one may.

        9 goes to the process itself: what was below it is ended by the sweep that follows.
        """
        if number == signal.SIGKILL:
            alone = _send(os.kill, self.pid, number)
            return alone or (_send(os.killpg, self.pid, number) and alone)
        # Before it has a group of its own it is alone, with its signals blocked: none is lost.
        return _send(os.killpg, self.pid, number) or _send(os.kill, self.pid, number)


class Family:
    """The children of this process."""

    def __init__(self, stirred: Callable[[], bool], clock: Clock | None = None) -> None:
        """Begin with no leaders.

        Args:
            stirred: whether a signal came since it was asked last (SIGCHLD at least).
            clock: None: the system's.
        """
        self._stirred = stirred
        self._clock = clock or SystemClock()
        self._leaders: dict[int, Leader] = {}
        self._strays: dict[int, list[Leader]] = {}  # and the leaders that may have left them
        self._spared: set[int] = set()
        self._until: dict[int, float] = {}  # strays that may still end by themselves
        self.restless = True  #: whether another sweep is due, whatever happens

    @property
    def empty(self) -> bool:
        """Whether no child is left that could be ended."""
        return not self._leaders and not self._strays

    @property
    def patience_s(self) -> float | None:
        """In how many seconds a sweep is due; None: when something happens."""
        if self.restless:
            return 0
        if not self._until:
            return None
        return max(0, min(self._until.values()) - self._clock.now_s())

    def add(self, pid: int) -> Leader:
        """Take a process that was just forked as a leader."""
        leader = self._leaders[pid] = Leader(pid)
        return leader

    def end_all(self) -> None:
        """Kill every leader and its group; one that cannot be killed is let go."""
        for leader in [*self._leaders.values()]:
            if not leader.signal(signal.SIGKILL):
                del self._leaders[leader.pid]
                self._spared.add(leader.pid)

    def sweep(self) -> list[Leader]:
        """End what dead leaders left, as far as it is seen; return the leaders that are let go."""
        self._stirred()
        self._end_late()
        judged = self._dead_leaders()
        listed = children()
        suspects = self._dead_leaders()
        for pid in listed:
            if pid not in self._leaders and pid not in self._strays and pid not in self._spared:
                self._end(pid, suspects)
        disturbed = self._reap() | self._stirred()
        # A list that was disturbed says nothing; nor does one about a leader that died after it.
        self.restless = disturbed or len(suspects) > len(judged)
        if disturbed:
            return []
        held = {leader for left_by in self._strays.values() for leader in left_by}
        return [self._let_go(leader) for leader in judged if leader not in held]

    def _dead_leaders(self) -> list[Leader]:
        for leader in self._leaders.values():
            if not leader.ended and os.waitid(os.P_PID, leader.pid, _LOOK | os.WNOWAIT):
                leader.ended = True
                if not any(_is_tracker(pid) for pid in self._below()):
                    _send(os.killpg, leader.pid, signal.SIGKILL)
        return [leader for leader in self._leaders.values() if leader.ended]

    def _below(self) -> list[int]:
        """Return what is below dead leaders, some of it if it is many."""
        found = [pid for pid in children() if pid not in self._leaders]
        for pid in found:  # grows
            if len(found) > _CROWD:
                break
            found += _children_of(pid)
        return found[:_CROWD]

    def _end(self, pid: int, suspects: list[Leader]) -> None:
        if _is_tracker(pid):
            self._strays[pid] = suspects
            self._until[pid] = self._clock.now_s() + _TRACKER_S
        elif _send(os.kill, pid, signal.SIGKILL):
            self._strays[pid] = suspects
        else:
            self._spared.add(pid)  # another user's (setuid): nobody waits for it

    def _end_late(self) -> None:
        now = self._clock.now_s()
        for pid in [pid for pid, until in self._until.items() if until <= now]:
            del self._until[pid]
            if not _send(os.kill, pid, signal.SIGKILL):
                del self._strays[pid]
                self._spared.add(pid)

    def _reap(self) -> bool:
        """Let strays go that have ended; return whether there were any."""
        before = len(self._strays)
        for pid in [*self._strays, *self._spared]:
            code = _reaped(pid)
            if code is None:
                continue
            self._spared.discard(pid)
            self._until.pop(pid, None)
            suspects = self._strays.pop(pid, [])
            if suspects and code == -signal.SIGKILL:
                suspects[0].swept += 1
        return len(self._strays) < before

    def _let_go(self, leader: Leader) -> Leader:
        leader.code = _reaped(leader.pid) or 0
        del self._leaders[leader.pid]
        return leader


def _reaped(pid: int) -> int | None:
    """Let a child go that has ended; return its exit code, or minus a signal; None: it lives."""
    status = os.waitid(os.P_PID, pid, _LOOK)
    if status is None:
        return None
    return status.si_status if status.si_code == os.CLD_EXITED else -status.si_status


def _send(how: Callable[[int, int], None], pid: int, number: int) -> bool:
    try:
        how(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def children() -> list[int]:
    """Return the process ids of this process's children, those that wait to be reaped too."""
    try:
        return listed_children()
    except FileNotFoundError:  # a kernel without CONFIG_PROC_CHILDREN
        return scanned_children()


def listed_children() -> list[int]:
    """Return the children as the kernel lists them, for each thread.

    Raises:
        FileNotFoundError: this kernel has no such list.
    """
    found = []
    for thread in os.listdir("/proc/self/task"):  # noqa: PTH208 - pathlib is not imported here
        found += [int(pid) for pid in _content(f"/proc/self/task/{thread}/children").split()]
    return found


def _children_of(pid: int) -> list[int]:
    """Return the children of a process's first thread; none if that cannot be seen."""
    try:
        return [int(child) for child in _content(f"/proc/{pid}/task/{pid}/children").split()]
    except OSError:
        return []


def _is_tracker(pid: int) -> bool:
    """Whether a process is one that releases what a program of Python's has left behind."""
    try:
        return _TRACKER in _content(f"/proc/{pid}/cmdline")
    except OSError:
        return False


def scanned_children() -> list[int]:
    """Return the children by a look at every process there is."""
    names = [name for name in os.listdir("/proc") if name.isdecimal()]  # noqa: PTH208 - as above
    return [int(name) for name in names if _parent(name) == os.getpid()]


def _parent(pid: str) -> int:
    try:
        stat = _content(f"/proc/{pid}/stat")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0
    return int(stat[stat.rindex(b")") + 2 :].split(maxsplit=2)[1])


def _content(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - as above
        return file.readall()
