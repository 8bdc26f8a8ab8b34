"""Real processes, most of them evil."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_synebench.backends.supervision import leftovers
from pytest_synebench.clock import SystemClock
from pytest_synebench.errors import SearcherError
from pytest_synebench.experiment.external import process as module
from pytest_synebench.experiment.external.process import Command, Process

ASK = [b'{"ask": 0}\n']
PATIENCE_S = 60.0  #: that is never needed
ECHO = "import sys\nfor line in sys.stdin: print(line, end='')"
Begin = Callable[..., Process]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    begun: list[Process] = []

    def begin(program: str, **more: object) -> Process:
        line = (sys.executable, "-c", program)
        given = {"line": line, "owner": str(tmp_path), "log": tmp_path / "searcher.log", **more}
        begun.append(Process(Command(**given)))  # type: ignore[arg-type] # a test's own words
        return begun[-1]

    yield begin
    for one in begun:
        one.close()


def test_it_answers_and_its_prints_go_to_the_log(begin: Begin, tmp_path: Path) -> None:
    told = "import sys, os\nprint('pid', os.getpid())\nsys.stderr.write('words')\n"
    process = begin(told + ECHO)
    assert process.ask(ASK, PATIENCE_S) == b'{"ask": 0}'
    assert process.ask([b'{"tell": 1}\n'], PATIENCE_S) == b'{"tell": 1}'
    process.close()
    log = (tmp_path / "searcher.log").read_text()
    assert f"pid {process.pid}\n" in log
    assert "words" in log


COUNT = """
import sys
sys.stderr.write("w" * 2**20)
n = 0
for line in sys.stdin:
    n += len(line)
    if "ask" in line:
        print("{", n, "}")
"""


def test_pipes_that_are_full_on_both_sides_hold_nobody_up(begin: Begin) -> None:
    history = b"x" * 2**22 + b"\n"
    answer = begin(COUNT).ask([history, *ASK], PATIENCE_S)
    assert answer == b"{ %d }" % (len(history) + len(ASK[0]))


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import sys; sys.exit('no such sampler')", r"ended .*: exit code 1; its last lines:\nno "),
        ("import os; os.kill(os.getpid(), 9)", r"has ended without an answer: signal 9 \(SIGKILL"),
        ("print('nothing')", r"ended without an answer: exit code 0; its last lines:\nnothing"),
        ("import os; os.close(0); os._exit(3)", r"exit code 3"),
        ("import sys; sys.stdin.readline(); print(1/0)", r"ZeroDivisionError: division by zero"),
        ("print('{' * 2**22); input(); input()", r"a line of more than 1048576 bytes"),
    ],
)
def test_one_that_cannot_answer_is_told_by_its_last_words(
    begin: Begin, program: str, said: str
) -> None:
    with pytest.raises(SearcherError, match=said):
        begin(program).ask(ASK, PATIENCE_S)


def test_what_was_answered_before_the_end_counts(begin: Begin) -> None:
    process = begin("print('{1}')")
    assert process.ask(ASK, PATIENCE_S) == b"{1}"
    with pytest.raises(SearcherError, match="exit code 0"):
        process.ask(ASK, PATIENCE_S)


class Hasty(SystemClock):
    """Ten seconds go by whenever somebody looks."""

    def __init__(self) -> None:
        self.looks = 0

    def now_s(self) -> float:
        self.looks += 1
        return 10.0 * self.looks


@pytest.mark.parametrize(
    "program",
    ["while True: print('x' * 1000)", "import sys\nwhile True: sys.stderr.write('x' * 1000)"],
)
def test_one_that_prints_on_and_on_is_told_by_the_deadline(begin: Begin, program: str) -> None:
    process = begin(program, clock=Hasty(), log_cap_bytes=10_000)
    with pytest.raises(SearcherError, match="not answered within 100 s, which is searcher_timeout"):
        process.ask(ASK, 100.0)
    process.close()
    assert process._given.log is not None
    assert process._given.log.stat().st_size < 11_000


def test_one_that_says_nothing_is_told_by_the_deadline_and_ended_at_once(begin: Begin) -> None:
    process = begin("while True: input()")
    with pytest.raises(SearcherError, match=r"not answered within 0\.05 s, which is"):
        process.ask(ASK, 0.05)
    process.close()
    assert leftovers.look(process.pid) is None


BEGETTING = """
import subprocess, sys
child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
for line in sys.stdin:
    print("{%d}" % child.pid)
"""


def begotten(process: Process) -> leftovers.Seen:
    seen = leftovers.look(int(process.ask(ASK, PATIENCE_S).strip(b"{}")))
    assert seen is not None
    return seen


def test_nothing_that_it_started_is_left(begin: Begin) -> None:
    process = begin(BEGETTING)
    child = begotten(process)
    process.close()
    process.close()
    assert leftovers.look(process.pid) is None
    assert leftovers.look(child.pid) is None


def test_what_an_earlier_run_of_the_same_owner_left_is_ended_before_another_starts(
    begin: Begin,
) -> None:
    earlier = begin(BEGETTING)
    child = begotten(earlier)
    os.kill(earlier.pid, signal.SIGKILL)
    later = begin(ECHO)
    assert leftovers.look(child.pid) is None
    assert later.ask(ASK, PATIENCE_S)


def test_one_that_does_not_end_when_its_stdin_does_is_ended(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CLOSING_S", 0.05)
    process = begin("print('{}')\nimport signal\nwhile True: signal.pause()")
    assert process.ask(ASK, PATIENCE_S) == b"{}"
    process.close()
    assert leftovers.look(process.pid) is None


def test_at_the_end_it_hears_the_rest_and_has_time_to_write_it_down(
    begin: Begin, tmp_path: Path
) -> None:
    process = begin(f"{ECHO}\nopen({str(tmp_path / 'state')!r}, 'w').write(line)")
    process.ask(ASK, PATIENCE_S)
    process.close([b'{"tell": "last"}\n'])
    assert (tmp_path / "state").read_text() == '{"tell": "last"}\n'


CONTROLLER = f"""
import os, sys
from pytest_synebench.experiment.external.process import Command, Process
line = (sys.executable, "-c", "print('{{}}')\\nimport signal\\nwhile True: signal.pause()")
process = Process(Command(line=line, owner=str(os.getpid())))
process.ask({ASK!r}, {PATIENCE_S})
print(process.pid, flush=True)
input()
"""


def test_it_ends_with_the_controller_however_that_ends() -> None:
    controller = subprocess.Popen(
        [sys.executable, "-c", CONTROLLER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with controller:
        assert controller.stdout is not None
        seen = leftovers.look(int(controller.stdout.readline()))
        assert seen is not None
        held = leftovers.hold(seen)
        controller.kill()
    assert held is None or leftovers.wait_all([held], 10.0)


def test_a_program_that_cannot_be_run_is_named(tmp_path: Path) -> None:
    program = tmp_path / "opt"
    program.write_text("no header")
    program.chmod(0o755)
    process = Process(Command(line=(str(program),), owner="x", directory=tmp_path))
    with pytest.raises(SearcherError, match="opt cannot be executed: Exec format error"):
        process.ask(ASK, PATIENCE_S)
    process.close()
    with pytest.raises(SearcherError, match=r"it cannot be started: .*No such file"):
        Process(Command(line=("true",), owner="x", directory=tmp_path / "gone"))


def test_it_runs_where_it_is_told_in_a_session_of_its_own(begin: Begin, tmp_path: Path) -> None:
    told = "import os; print('{', os.getcwd(), os.getsid(0) == os.getpid(), '}')"
    answer = begin(told, directory=tmp_path).ask(ASK, PATIENCE_S)
    assert answer == b"{ %s True }" % os.fsencode(tmp_path)
