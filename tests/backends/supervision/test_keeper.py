from __future__ import annotations

import os
import resource
import select
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from pytest_synebench.backends.supervision.keeper import Keeper
from pytest_synebench.backends.supervision.leftovers import look
from pytest_synebench.backends.supervision.wire import Order

from .scripted_supervisor import Ear, Played, descriptors, launch, order, played

# -- what is said --------------------------------------------------------------------------------


def test_an_order_and_three_descriptors_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    with played(monkeypatch) as (keeper, supervisor):
        reads, writes = os.pipe()
        job = keeper.launch(order(A="1"), writes, writes, writes, Ear())
        os.close(writes)
        told = supervisor.hears()
        assert told is not None
        assert told[0] == {"do": "launch", "job": job}
        assert len(told[1]) == 4
        for fd in told[1][1:]:
            os.write(fd, b"x")
        assert os.read(reads, 9) == b"xxx"
        for fd in (*told[1], reads):
            os.close(fd)


def test_each_job_hears_its_own_story_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    with played(monkeypatch) as (keeper, supervisor):
        jobs = [launch(keeper, order()) for _ in range(3)]
        (a, first), (b, second), (c, third) = jobs
        assert [supervisor.hears_order()[0] for _ in jobs] == [a, b, c]
        supervisor.say(**{"is": "warm"})
        supervisor.say(**{"is": "begun", "job": b, "pid": 7})
        supervisor.say(**{"is": "failed", "job": a, "errno": 2, "file": "python"})
        supervisor.say(**{"is": "ended", "job": b, "code": -9, "swept": 2})
        supervisor.say(**{"is": "declined", "job": c, "why": "two threads"})
        assert first.heard == second.heard == third.heard == []
        keeper.receive()
        assert first.heard == [("failed", 2, "python")]
        assert second.heard == [("begun", 7), ("ended", -9, 2)]
        assert third.heard == [("declined", "two threads")]


def test_a_signal_is_sent_while_the_job_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    with played(monkeypatch) as (keeper, supervisor):
        job, ear = launch(keeper, order())
        supervisor.hears_order()
        keeper.signal(job, signal.SIGTERM)
        keeper.signal(job + 1, signal.SIGTERM)
        assert supervisor.hears() == ({"do": "signal", "job": job, "number": 15}, [])
        supervisor.say(**{"is": "begun", "job": job, "pid": 7})
        supervisor.say(**{"is": "ended", "job": job, "code": 0, "swept": 0})
        keeper.receive()
        keeper.signal(job, signal.SIGKILL)
        assert supervisor.hears() is None
        assert ear.heard[-1] == ("ended", 0, 0)


def test_what_a_full_socket_does_not_take_is_sent_later(monkeypatch: pytest.MonkeyPatch) -> None:
    with played(monkeypatch) as (keeper, supervisor):
        job, _ = launch(keeper, order())
        supervisor.hears_order()
        for _ in range(2000):
            keeper.signal(job, signal.SIGTERM)
        last, _ = launch(keeper, order(LAST="1"))
        heard = 0
        while supervisor.hears():
            heard += 1
        assert 0 < heard < 2000
        while heard < 2000:
            keeper.receive()
            while heard < 2000 and supervisor.hears():
                heard += 1
        keeper.receive()
        assert supervisor.hears_order() == (last, named(keeper, order(LAST="1")))


def test_without_a_free_descriptor_nothing_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with played(monkeypatch) as (keeper, supervisor):
        before = descriptors()
        null = os.open("/dev/null", os.O_RDWR)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        try:
            for room in range(1, 5):
                resource.setrlimit(resource.RLIMIT_NOFILE, (null + room, hard))
                with pytest.raises(OSError, match="Too many open files"):
                    keeper.launch(order(), null, null, null, Ear())
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            os.close(null)
        assert descriptors() == before
        assert supervisor.hears() is None


def named(keeper: Keeper, one: Order) -> Order:
    """As the supervisor is told it: what is made carries the name of who keeps it."""
    return replace(one, environment={**one.environment, "SYNEBENCH_KEEPER": keeper.name})


# -- a warm one ----------------------------------------------------------------------------------


def test_a_warm_one_gets_its_orders_once_it_has_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    with played(monkeypatch, ("torch",)) as (keeper, supervisor):
        job, ear = launch(keeper, order(None))
        assert supervisor.hears() is None
        before = keeper.importing
        supervisor.say(**{"is": "warm"})
        keeper.receive()
        assert (before, keeper.importing) == (True, False)
        assert supervisor.hears_order() == (job, named(keeper, order(None)))
        assert (ear.heard, keeper.why_cold) == ([], "")


def test_what_is_withdrawn_before_it_was_sent_never_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    with played(monkeypatch, ("torch",)) as (keeper, supervisor):
        (first, ear), (second, _) = (launch(keeper, order(None)) for _ in range(2))
        keeper.signal(first, signal.SIGTERM)
        assert ear.heard == [("ended", -15, 0)]
        supervisor.say(**{"is": "warm"})
        keeper.receive()
        assert supervisor.hears_order()[0] == second
        assert supervisor.hears() is None


def test_one_that_cannot_fork_says_so_to_everybody_and_is_let_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with played(monkeypatch, ("torch",)) as (keeper, supervisor):
        _, ear = launch(keeper, order(None))
        supervisor.say(**{"is": "cold", "why": "2 threads\nafter import"})
        keeper.receive()
        assert ear.heard == [("declined", "2 threads after import")]
        assert keeper.why_cold == "2 threads after import"
        assert supervisor.hung_up()
        keeper.receive()
        assert keeper.dead


def test_one_whose_imports_end_it_is_cold_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with played(monkeypatch, ("torch",)) as (keeper, supervisor):
        _, ear = launch(keeper, order(None))
        supervisor.die(b"no license")
        keeper.receive()
        why = (
            "its imports end the process: the supervisor of this machine's trials has ended: "
            "exit code 3 no license"
        )
        assert keeper.why_cold == why
        assert ear.heard == [("declined", why)]
        keeper.receive()
        assert len(ear.heard) == 1


# -- its end -------------------------------------------------------------------------------------


def test_when_it_dies_every_unfinished_job_is_told_how_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with played(monkeypatch) as (keeper, supervisor):
        (a, first), (b, second), (_, third) = (launch(keeper, order()) for _ in range(3))
        supervisor.say(**{"is": "begun", "job": a, "pid": 7})
        supervisor.say(**{"is": "begun", "job": b, "pid": 8})
        supervisor.say(**{"is": "ended", "job": a, "code": 0, "swept": 0})
        supervisor.die(b"out of\x1b[2J luck")  # with three orders unread
        keeper.receive()
        keeper.receive()
        words = "the supervisor of this machine's trials has ended: exit code 3\nout of?[2J luck"
        assert first.heard == [("begun", 7), ("ended", 0, 0)]
        assert second.heard == [("begun", 8), ("lost", words)]
        assert third.heard == [("lost", words)]
        with pytest.raises(BrokenPipeError, match="supervisor has ended"):
            launch(keeper, order())


def test_what_is_sent_to_a_dead_one_is_lost_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with played(monkeypatch) as (keeper, supervisor):
        supervisor.kill()
        job, ear = launch(keeper, order())
        keeper.signal(job, signal.SIGTERM)
        keeper.receive()
        assert ear.heard[-1][0] in ("lost", "ended")
        assert len(ear.heard) == 1


def test_a_status_that_somebody_else_took_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    with played(monkeypatch) as (keeper, supervisor):
        _, ear = launch(keeper, order())
        supervisor.kill()
        os.waitpid(supervisor.process.pid, 0)
        keeper.receive()
        assert "exit status unknown" in ear.heard[0][1]


@pytest.mark.parametrize("kept_by", ["this one", "another one"])
def test_what_a_dead_one_left_is_gone_before_anybody_is_told_and_no_other_is(
    monkeypatch: pytest.MonkeyPatch, kept_by: str
) -> None:
    class Looking(Ear):
        def lost(self, text: str) -> None:
            super().lost(text)
            assert (look(left.pid) is None) == (kept_by == "this one")

    with played(monkeypatch) as (keeper, supervisor):
        left = subprocess.Popen(
            ["/bin/cat"],
            env={"SYNEBENCH_KEEPER": keeper.name if kept_by == "this one" else "0"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        with left:
            assert left.stdin is not None
            assert left.stdout is not None
            left.stdin.write(b"?\n")
            left.stdin.flush()
            left.stdout.readline()  # its exec is over
            ear, null = Looking(), os.open("/dev/null", os.O_RDWR)
            keeper.launch(order(), null, null, null, ear)
            os.close(null)
            supervisor.kill()
            keeper.receive()
            assert len(ear.heard) == 1
            left.kill()


def test_closing_is_hanging_up_and_then_force(monkeypatch: pytest.MonkeyPatch) -> None:
    with played(monkeypatch) as (keeper, supervisor):
        _, ear = launch(keeper, order())
        supervisor.hears_order()
        keeper.close(0.0)
        keeper.close(0.0)
        assert supervisor.hung_up()
        assert supervisor.process.returncode == -signal.SIGKILL
        assert [what for what, *_ in ear.heard] == ["lost"]


@pytest.mark.parametrize(("modules", "patience_s"), [((), 7.0), (("torch",), 0.0)])
def test_one_that_still_imports_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, modules: tuple[str, ...], patience_s: float
) -> None:
    with played(monkeypatch, modules) as (keeper, _):
        waits: list[float] = []
        monkeypatch.setattr(Keeper, "_gone_within", lambda _, wait_s: waits.append(wait_s))
        keeper.close(7.0)
        assert waits == [patience_s]


def test_what_cannot_be_started_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int) -> int:
        raise OSError(24, "Too many open files")

    before, supervisor = descriptors(), Played()
    with monkeypatch.context() as patch:
        patch.setattr(Keeper, "_spawn", lambda *told: supervisor.spawn(*told))
        patch.setattr(os, "pidfd_open", refuse)
        with pytest.raises(OSError, match="Too many open files"):
            Keeper()
    assert supervisor.process.returncode == -signal.SIGKILL
    assert supervisor.hung_up()
    supervisor.line.close()
    assert supervisor.process.stdin is not None
    supervisor.process.stdin.close()
    assert descriptors() == before


# -- real ones -----------------------------------------------------------------------------------

#: A controller that forks, and whose child lives on; the child writes what its keeper says.
FORKING = """
import os, signal, sys
from pytest_synebench.backends.supervision.keeper import Keeper

keeper = Keeper()
if os.fork() == 0:
    keeper.close()
    os.write(1, b"%r\\n" % keeper.dead)
    signal.pause()
os.write(1, b"%d\\n" % keeper.pid)
signal.pause()
"""


def test_a_fork_of_the_controller_neither_harms_the_supervisor_nor_keeps_it_alive() -> None:
    controller = subprocess.Popen(
        [sys.executable, "-c", FORKING],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with controller:
        try:
            assert controller.stdout is not None
            lines = {controller.stdout.readline().strip() for _ in range(2)}
            assert "True" in lines
            fd = os.pidfd_open(int(max(lines - {"True"})))
            waiter = select.poll()
            waiter.register(fd, select.POLLIN)
            assert not waiter.poll(0)
            controller.kill()
            assert waiter.poll(60_000)
            os.close(fd)
        finally:
            os.killpg(controller.pid, signal.SIGKILL)


def test_a_real_one_ends_by_itself_when_its_keeper_hangs_up() -> None:
    keeper = Keeper()
    pid = keeper.pid
    keeper.close(60.0)
    assert look(pid) is None
    assert keeper.code == 0
