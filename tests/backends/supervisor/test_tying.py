"""A process that is tied: forked by a parent that may die, from a process full of handlers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from fresh_process import output_of
from supervisor_bench import gone

from pytest_synebench.backends.supervisor import tying

#: Forks one process that is tied and runs the text after it; says its number; waits to be killed.
PARENT = """
import os, signal, sys
from pytest_synebench.backends.supervisor import tying
me = os.getpid()
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
signal.signal(signal.SIGUSR2, print)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGALRM])
pid = os.fork()
if not pid:
    tying.tie({supervisor})
    os.execv(sys.executable, [sys.executable, "-c", {text!r}])
print(pid, flush=True)
{then}
"""
WAIT = "print('up', flush=True); import threading; threading.Event().wait()"
HEAR_OUT = "sys.stdin.read(); os.kill(me, signal.SIGKILL)"


def parent(text: str, supervisor: str = "me", then: str = HEAR_OUT) -> subprocess.Popen[str]:
    code = PARENT.format(text=text, supervisor=supervisor, then=then)
    return subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_a_tied_process_is_killed_when_its_parent_is() -> None:
    with parent(WAIT) as process:
        assert process.stdout is not None
        said = {process.stdout.readline(), process.stdout.readline()} - {"up\n"}
        fd = os.pidfd_open(int(said.pop()))
        process.communicate()
        assert process.returncode == -signal.SIGKILL
    assert gone(fd)


def test_a_parent_that_is_another_by_then_is_noticed() -> None:
    with parent("print('runs')", supervisor="1", then="sys.exit(os.waitpid(pid, 0)[1])") as process:
        said, _ = process.communicate()
        assert process.returncode == signal.SIGKILL
    assert "runs" not in said


def test_it_leads_a_session_and_orphans_come_to_it() -> None:
    text = """if True:
        import os
        print(os.getpid() == os.getsid(0) == os.getpgid(0), flush=True)
        if os.fork() == 0:
            above = os.getpid()
            if os.fork() == 0:
                while os.getppid() == above:
                    pass
                print(os.getppid(), flush=True)
            os._exit(0)
        os.wait(), os.wait()
    """
    with parent(text, then="os.waitpid(pid, 0)") as process:
        said, _ = process.communicate()
    pid, *rest = sorted(said.split(), key=str.isalpha)
    assert rest == [pid, "True"]


def test_signals_are_those_of_a_fresh_process() -> None:
    text = "print([s.split()[1] for s in open('/proc/self/status') if s[:3] == 'Sig'][1:])"
    with parent(text, then="os.waitpid(pid, 0)") as process:
        said, _ = process.communicate()
    assert output_of([sys.executable, "-c", text]) in said


def test_a_signal_sent_before_it_was_tied_is_delivered_to_the_handler_it_gets() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    pid = -1
    me = os.getpid()
    try:
        pid = os.fork()
        if pid == 0:
            os.kill(os.getpid(), signal.SIGTERM)
            tying.tie(me, {signal.SIGTERM: lambda *_: os._exit(42)})
            os._exit(1)
    finally:
        if pid == 0:
            os._exit(2)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 42


def test_a_signal_sent_before_an_exec_has_its_default() -> None:
    code = """if True:
        import os, signal
        from pytest_synebench.backends.supervisor import tying
        signal.signal(signal.SIGTERM, print)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        os.kill(os.getpid(), signal.SIGTERM)
        tying.tie(os.getppid())
    """
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        assert process.wait(30) == -signal.SIGTERM


def test_outliving_the_parent_again() -> None:
    text = f"""if True:
        import os
        from pytest_synebench.backends.supervisor import tying
        tying.outlive_parent()
        {WAIT}
    """
    with parent(text) as process:
        assert process.stdout is not None
        said = {process.stdout.readline(), process.stdout.readline()} - {"up\n"}
        pid = int(said.pop())
        assert process.stdin is not None
        process.stdin.close()
        process.wait()
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
            assert state not in "XZ"
        finally:
            os.kill(pid, signal.SIGKILL)
