"""The supervisor, spoken to as a controller does; every process is real."""

from __future__ import annotations

import errno
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from supervisor_bench import ESCAPE, PROGRAM, WAIT, Attempt, Bench, gone, parent_of

from pytest_synebench.backends.supervision.interpreter import command


def escape(bench: Bench, gate: str, code: int) -> tuple[Attempt, int, int]:
    """Launch one that waits at a gate; return it, its number, and the escaped one's number."""
    os.mkfifo(bench.directory / gate)
    attempt = bench.launch(ESCAPE, str(bench.directory / gate), str(code))
    pid = bench.begun(attempt)
    said = {attempt.line(), attempt.line()}
    said.remove("up")
    return attempt, pid, int(said.pop())


def test_an_attempt_runs_and_its_end_is_told(bare: Bench) -> None:
    attempt = bare.launch("import sys; print(sys.argv[1:], file=sys.stderr)", "a b", "")
    pid = bare.begun(attempt)
    assert pid > 0
    assert bare.ended(attempt) == (0, 0)
    assert (attempt.rest(), attempt.rest(attempt.stderr)) == ("", "['a b', '']\n")


@pytest.mark.parametrize(
    ("last", "code"),
    [
        ("sys.exit(7)", 7),
        ("sys.exit(255)", 255),
        ("1 / 0", 1),
        ("os.kill(os.getpid(), signal.SIGKILL)", -9),
        ("os.kill(os.getpid(), signal.SIGTERM)", -15),
        ("os.abort()", -6),
    ],
)
def test_the_code_is_exact(bare: Bench, last: str, code: int) -> None:
    attempt = bare.launch(f"import os, signal, sys; {last}")
    bare.begun(attempt)
    assert bare.ended(attempt) == (code, 0)


def test_a_launch_that_lost_its_descriptors_fails(bare: Bench) -> None:
    bare.line.send({"do": "launch", "job": 5})
    assert bare.hear() == {"is": "failed", "job": 5, "errno": errno.EMFILE, "file": ""}


def test_what_got_away_dies_with_its_attempt_alone(bare: Bench) -> None:
    first, pid_1, escaped_1 = escape(bare, "gate_1", 3)
    second, pid_2, escaped_2 = escape(bare, "gate_2", 4)
    # An orphan of a living attempt stays below that.
    assert (parent_of(escaped_1), parent_of(escaped_2)) == (pid_1, pid_2)
    watch = os.pidfd_open(escaped_1)
    (bare.directory / "gate_1").write_text("")
    assert bare.ended(first) == (3, 1)
    # Not "soon": it was gone before its end was told.
    with pytest.raises(ProcessLookupError):
        os.kill(escaped_1, 0)
    assert gone(watch)
    assert parent_of(escaped_2) == pid_2
    (bare.directory / "gate_2").write_text("")
    assert bare.ended(second) == (4, 1)


def test_a_chain_of_forks_ends(bare: Bench) -> None:
    attempt = bare.launch("""
        import os
        if os.fork() == 0:
            os.setsid()
            while True:
                if os.fork():
                    os._exit(0)
    """)
    bare.begun(attempt)
    code, _ = bare.ended(attempt)
    assert code == 0
    assert attempt.rest() == ""  # nobody holds its stdout any more


def test_several_that_end_at_once_are_all_told(bare: Bench) -> None:
    body = """
        import os, sys
        for _ in range(3):
            if os.fork() == 0:
                os.setsid()
                os.execv("/bin/sleep", ["sleep", "1000"])
        print("up", flush=True)
        os.read(os.open(sys.argv[1], os.O_RDONLY), 1)
    """
    os.mkfifo(bare.directory / "gate")
    attempts = [bare.launch(body, str(bare.directory / "gate")) for _ in range(4)]
    answers = [bare.hear() for _ in attempts]
    assert sorted(a["job"] for a in answers if a["is"] == "begun") == [1, 2, 3, 4]
    for attempt in attempts:
        assert attempt.line() == "up"
    gate = os.open(bare.directory / "gate", os.O_RDWR)
    os.write(gate, b"1234")
    ends = [bare.hear() for _ in attempts]
    os.close(gate)
    assert sorted(end["job"] for end in ends) == [1, 2, 3, 4]
    assert {end["code"] for end in ends} == {0}
    assert sum(end["swept"] for end in ends) == 12


def test_a_signal_goes_to_the_group_and_nine_to_all(bare: Bench) -> None:
    body = f"""
        import os, signal, sys
        signal.signal(signal.SIGUSR1, lambda *_: os.write(1, b"heard\\n"))
        if os.fork() == 0:
            os.write(1, b"up\\n")
            {WAIT}
        {WAIT}
    """
    attempt = bare.launch(body)
    bare.begun(attempt)
    assert attempt.line() == "up"
    bare.signal(attempt, signal.SIGUSR1)
    assert (attempt.line(), attempt.line()) == ("heard", "heard")
    bare.signal(attempt, signal.SIGKILL)
    assert bare.ended(attempt) == (-9, 1)
    assert attempt.rest() == ""


def test_a_signal_for_an_unknown_job_does_nothing(bare: Bench) -> None:
    first = bare.launch("")
    bare.begun(first)
    bare.ended(first)
    bare.signal(first, signal.SIGKILL)
    bare.line.send({"do": "signal", "job": 99, "number": 15})
    second = bare.launch("")
    bare.begun(second)
    assert bare.ended(second) == (0, 0)


def test_signals_to_the_supervisor_change_nothing(bare: Bench) -> None:
    attempt = bare.launch(f"print('up', flush=True); input(); {WAIT}")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        bare.process.send_signal(number)
    bare.begun(attempt)
    assert attempt.line() == "up"
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        bare.process.send_signal(number)
    assert bare.ended(attempt)[0] == 1  # input() met the end of /dev/null
    assert bare.process.poll() is None


def test_nothing_outlives_the_line(bare: Bench) -> None:
    attempt, pid, escaped = escape(bare, "gate", 0)
    fds = [os.pidfd_open(pid), os.pidfd_open(escaped)]
    bare.line.close()
    assert bare.process.wait(30) == 0
    for fd in fds:  # gone before the supervisor, so at once
        assert select_now(fd)
        os.close(fd)
    assert attempt.rest() == ""
    assert bare.errors.read_text() == ""


def select_now(fd: int) -> bool:
    return bool(select.select([fd], [], [], 0)[0])


def test_the_leaders_die_with_a_killed_supervisor(bare: Bench) -> None:
    attempt = bare.launch(f"print('up', flush=True); {WAIT}")
    fd = os.pidfd_open(bare.begun(attempt))
    assert attempt.line() == "up"
    bare.process.kill()
    assert gone(fd)


def test_nothing_outlives_a_killed_controller(bench: Bench) -> None:
    os.mkfifo(bench.directory / "gate")
    code = f"""if True:
        import os, sys
        from pathlib import Path
        from supervisor_bench import Bench
        bench = Bench(Path({str(bench.directory)!r})).start()
        bench.hear()
        attempt = bench.launch({ESCAPE!r}, {str(bench.directory / "gate")!r}, "0")
        pid = bench.begun(attempt)
        said = {{attempt.line(), attempt.line()}} - {{"up"}}
        print(bench.process.pid, pid, said.pop(), flush=True)
        sys.stdin.read()
    """
    with controller(code) as process:
        assert process.stdout is not None
        fds = [os.pidfd_open(int(pid)) for pid in process.stdout.readline().split()]
        assert len(fds) == 3
        process.kill()
    for fd in fds:
        assert gone(fd)


def controller(code: str) -> subprocess.Popen[str]:
    support = Path(__file__).parents[2] / "support"
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(support)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_an_import_that_hangs_ends_with_a_killed_controller(bench: Bench) -> None:
    said = bench.directory / "said"
    os.mkfifo(said)
    folder = bench.modules(f"print('in', file=open({str(said)!r}, 'w'), flush=True); {WAIT}")
    code = f"""if True:
        import sys
        from pathlib import Path
        from supervisor_bench import Bench
        bench = Bench(Path({str(bench.directory)!r}))
        bench.start("import_me", path=[{str(folder)!r}])
        print(bench.process.pid, flush=True)
        sys.stdin.read()
    """
    with controller(code) as process:
        assert process.stdout is not None
        fd = os.pidfd_open(int(process.stdout.readline()))
        assert said.read_text() == "in\n"
        process.kill()
    assert gone(fd)


def test_a_supervisor_whose_controller_died_before_it_began_ends(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    done = subprocess.run(
        command(sys.executable, PROGRAM, "--line", "0"),
        env={**os.environ, "SYNEBENCH_SUPERVISOR": f"{dead.pid}-0"},
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL


def test_a_bare_supervisor_forks_nothing(bare: Bench) -> None:
    bare.launch("", interpreter=None)
    assert bare.hear() == {"is": "declined", "job": 1, "why": "it has imported nothing"}


def test_a_warm_one_forks_attempts_that_have_its_imports(bench: Bench) -> None:
    folder = bench.modules("import os; WHERE = os.getpid()")
    bench.start("import_me", path=[folder])
    assert bench.hear() == {"is": "warm"}
    attempt = bench.launch(
        """
        import import_me, os, sys
        told = os.environ["SYNEBENCH_PARENT"]
        print(import_me.WHERE, os.getppid(), told, sys.argv[1], flush=True)
        fds = os.listdir("/proc/self/fd")
        print(sorted(fd for fd in fds if os.path.exists(f"/proc/self/fd/{fd}")))
        sys.exit(5)
        """,
        "a b",
        interpreter=None,
    )
    bench.begun(attempt)
    supervisor = str(bench.process.pid)
    assert attempt.line().split(" ", 3) == [supervisor, supervisor, supervisor, "a b"]
    assert attempt.line() == "['0', '1', '2', '3']"
    assert bench.ended(attempt) == (5, 0)


def test_what_got_away_from_a_forked_one_dies_with_it(bench: Bench) -> None:
    bench.start("import_me", path=[bench.modules("")])
    assert bench.hear() == {"is": "warm"}
    os.mkfifo(bench.directory / "gate")
    attempt = bench.launch(ESCAPE, str(bench.directory / "gate"), "6", interpreter=None)
    pid = bench.begun(attempt)
    said = {attempt.line(), attempt.line()} - {"up"}
    escaped = int(said.pop())
    assert parent_of(escaped) == pid
    (bench.directory / "gate").write_text("")
    assert bench.ended(attempt) == (6, 1)
    with pytest.raises(ProcessLookupError):
        os.kill(escaped, 0)


@pytest.mark.parametrize(
    "body",
    [
        "import os; os.fork() or os.execv('/bin/sleep', ['sleep', '1000'])",
        "import threading as t; t.Thread(target=t.Event().wait, daemon=True).start()",
    ],
)
def test_imports_that_leave_company_make_it_cold(bench: Bench, body: str) -> None:
    bench.start("import_me", path=[bench.modules(body)])
    said = bench.hear()
    assert said["is"] == "cold"
    assert "importing import_me" in said["why"]
    bench.launch("", interpreter=None)
    assert bench.hear() == {"is": "declined", "job": 1, "why": said["why"]}
    # It still executes programs, and nothing that was started is left.
    attempt = bench.launch("")
    bench.begun(attempt)
    assert bench.ended(attempt) == (0, 0)
    children = Path(f"/proc/{bench.process.pid}/task/{bench.process.pid}/children")
    assert children.read_text() == ""


def test_a_warm_up_that_fails_is_the_reason(bench: Bench) -> None:
    bench.start("import_me", path=[bench.modules("raise KeyboardInterrupt('stop')")])
    why = "importing import_me raised KeyboardInterrupt: stop"
    assert bench.hear() == {"is": "cold", "why": why}


# A tracker's start is no part of the second that it has: it is over where SIGINT is ignored.
SHARED = """
    import re, sys
    from multiprocessing import resource_tracker, shared_memory
    from pathlib import Path
    held, found = shared_memory.SharedMemory(create=True, size=4096), None
    seen = Path(f"/proc/{resource_tracker._resource_tracker._pid}")
    while not (found and int(found[1], 16) & 2):
        if "resource_tracker" in (seen / "cmdline").read_text():
            found = re.search("SigIgn:\\s*(\\w+)", (seen / "status").read_text())
    print(held.name, flush=True)
    open(sys.argv[1]).read()
"""


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("forced", [False, True])
def test_shared_memory_does_not_outlive_its_attempt(bench: Bench, warm: bool, forced: bool) -> None:
    bench.start(*(["import_me"] if warm else []), path=[bench.modules("")])
    assert bench.hear() == {"is": "warm"}
    gate = bench.directory / "gate"
    os.mkfifo(gate)
    attempt = bench.launch(SHARED, str(gate), interpreter=None if warm else sys.executable)
    bench.begun(attempt)
    memory = Path("/dev/shm") / attempt.line()
    assert memory.exists()
    if forced:
        bench.signal(attempt, signal.SIGKILL)
    else:
        gate.write_text("")
    assert bench.ended(attempt) == (-signal.SIGKILL if forced else 0, 0)
    assert not memory.exists()


def test_shared_memory_does_not_outlive_the_line(bare: Bench) -> None:
    os.mkfifo(bare.directory / "gate")
    attempt = bare.launch(SHARED, str(bare.directory / "gate"))
    bare.begun(attempt)
    memory = Path("/dev/shm") / attempt.line()
    bare.line.close()
    assert bare.process.wait(30) == 0
    assert not memory.exists()


def test_a_tracker_that_does_not_end_is_ended(bare: Bench) -> None:
    os.mkfifo(bare.directory / "gate")
    attempt = bare.launch(f"""
        import subprocess, sys
        text = "import signal; print('multiprocessing.resource_tracker', flush=True); "
        held = subprocess.Popen([sys.executable, "-c", text + "signal.pause()"])
        open({str(bare.directory / "gate")!r}).read()
    """)
    bare.begun(attempt)
    assert attempt.line() == "multiprocessing.resource_tracker"
    (bare.directory / "gate").write_text("")
    assert bare.ended(attempt) == (0, 1)


HIDING = ("selectors", "socket", "signal", "random", "ctypes", "json")


@pytest.mark.parametrize("modules", [(), ("import_me",)])
def test_files_in_the_folder_it_is_started_in_are_no_modules(
    bench: Bench, modules: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = bench.directory / "here"
    here.mkdir()
    for name in HIDING:
        (here / f"{name}.py").write_text(f"raise SystemExit('the wrong {name}')")
    path = [bench.modules("")]
    monkeypatch.chdir(here)
    bench.start(*modules, path=path)
    assert bench.hear() == {"is": "warm"}
    attempt = bench.launch(
        "import os, random, socket; print(os.getcwd())",
        directory=str(here),
        interpreter=None if modules else sys.executable,
    )
    bench.begun(attempt)
    assert bench.ended(attempt) == (0, 0)
    assert attempt.rest() == f"{here}\n"
