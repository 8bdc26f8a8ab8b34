"""How a process that ran a script ends: nothing is lost, and the code is an interpreter's."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest
from warm_runs import variables

from pytest_synebench.backends.supervisor.warm.ending import exit_code


@pytest.mark.parametrize(
    ("value", "code"),
    [(None, 0), (0, 0), (True, 1), (7, 7), (256, 0), (-1, 255), (2**70, 255), ("why", 1), ([], 1)],
)
def test_a_code_is_what_an_interpreter_makes_of_it(value: object, code: int) -> None:
    assert exit_code(SystemExit(value)) == code


def test_a_text_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    exit_code(SystemExit("bad config"))
    assert capsys.readouterr().err == "bad config\n"


def ended(body: str, code: str = "0") -> tuple[int, str, str]:
    """Run a body, then the end; return exit code, stdout and stderr."""
    text = f"""
import sys
from pytest_synebench.backends.supervisor.warm.ending import INTERRUPTED, end, newest_module
newest = newest_module()
{textwrap.dedent(body)}
end({code}, newest)
"""
    done = subprocess.run(
        [sys.executable, "-c", text],
        env=variables(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


def test_an_interrupt_ends_by_its_signal() -> None:
    assert ended("print('x')", "INTERRUPTED") == (-2, "x\n", "")


def test_threads_are_waited_for_before_the_work_for_the_exit() -> None:
    body = """
        import atexit, threading
        main_is_done = threading.Event()
        def work():
            main_is_done.wait(); print("thread")
        threading.Thread(target=work).start()
        atexit.register(print, "exit")
        main_is_done.set()
    """
    assert ended(body) == (0, "thread\nexit\n", "")


FRESH = """
    import threading, types
    class Last:
        def __del__(self): print("gone")
    sys.modules["fresh"] = types.ModuleType("fresh")
    sys.modules["fresh"].last = Last()
    out = open(1, "w", closefd=False)
    out.write("kept ")
"""
DAEMON = "    threading.Thread(target=threading.Event().wait, daemon=True).start()"


def test_modules_stay_while_a_thread_runs_and_files_are_written_out() -> None:
    assert sorted(ended(FRESH)[1].split()) == ["gone", "kept"]
    assert ended(FRESH + DAEMON) == (0, "kept ", "")


def test_the_buffer_of_the_c_library_is_written_out() -> None:
    assert ended("import ctypes; ctypes.CDLL(None).printf(b'from C')") == (0, "from C", "")


def test_a_file_that_a_library_holds_is_written_out() -> None:
    body = """
        import json
        newest = newest_module()
        json.held = open(1, "w", closefd=False)
        json.held.write("held")
    """
    assert ended(body) == (0, "held", "")


def test_something_odd_among_the_modules_does_no_harm() -> None:
    body = """
        sys.modules["odd"] = 3
        sys.modules["none"] = None
        sys.modules["more"] = type("Lazy", (), {"__slots__": ()})()
    """
    assert ended(body) == (0, "", "")


def test_output_that_cannot_be_written_is_said() -> None:
    body = """
        import os
        print("lost")
        os.dup2(os.open("/dev/full", os.O_WRONLY), 1)
    """
    code, _, errors = ended(body, "3")
    assert code == 120
    assert errors.startswith("Exception ignored in: <_io.TextIOWrapper name='<stdout>'")
    assert errors.endswith("OSError: [Errno 28] No space left on device\n")
    assert ended(body, "INTERRUPTED")[0] == -2
