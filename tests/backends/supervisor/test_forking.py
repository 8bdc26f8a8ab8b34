"""What a process of an attempt is made of, and what is said when there can be none."""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from fresh_process import output_of
from supervisor_bench import Bench


def test_an_attempt_has_four_descriptors_and_the_supervisor_as_its_parent(bare: Bench) -> None:
    attempt = bare.launch("""
        import json, os
        fds = {fd: os.readlink(f"/proc/self/fd/{fd}") for fd in sorted(os.listdir("/proc/self/fd"))
               if os.path.exists(f"/proc/self/fd/{fd}")}
        os.write(3, b"report")
        print(json.dumps([fds, os.getppid(), os.environ["SYNEBENCH_PARENT"], os.getcwd(),
              os.getsid(0) == os.getpgid(0) == os.getpid()]))
    """)
    bare.begun(attempt)
    fds, parent, told, directory, leads = json.loads(attempt.line())
    assert sorted(fds) == ["0", "1", "2", "3"]
    assert fds["0"] == "/dev/null"
    assert (parent, told) == (bare.process.pid, str(bare.process.pid))
    assert (directory, leads) == (str(bare.directory), True)
    assert attempt.rest(attempt.channel) == "report"


def test_signals_are_those_of_a_fresh_process(bare: Bench) -> None:
    bare.process.send_signal(signal.SIGHUP)
    attempt = bare.launch("""
        for line in open("/proc/self/status"):
            if line.startswith(("SigBlk", "SigIgn", "SigCgt")):
                print(line.split()[1])
    """)
    bare.begun(attempt)
    plain = output_of(["/bin/sh", "-c", f"exec {sys.executable} {bare.directory}/train_1.py"])
    assert attempt.rest() == plain


@pytest.mark.parametrize("interpreter", [sys.executable, None])
def test_what_a_controller_ignores_an_attempt_does_not(
    bench: Bench, interpreter: str | None
) -> None:
    before = signal.signal(signal.SIGQUIT, signal.SIG_IGN)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    try:
        bench.start(*(["import_me"] if interpreter is None else []), path=[bench.modules("")])
    finally:
        signal.signal(signal.SIGQUIT, before)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    assert bench.hear() == {"is": "warm"}
    for number in (signal.SIGQUIT, signal.SIGUSR1):
        text = f"import os; os.kill(os.getpid(), {number.value})"
        attempt = bench.launch(text, interpreter=interpreter)
        bench.begun(attempt)
        assert bench.ended(attempt) == (-number, 0)


def test_a_command_is_looked_up_on_the_path_of_the_order(bare: Bench) -> None:
    folder = bare.directory / "bin"
    folder.mkdir()
    command = folder / "mypython"
    command.write_text(f'#!/bin/sh\necho mine\nexec {sys.executable} "$@"\n')
    command.chmod(0o755)
    environment = {**os.environ, "PATH": f"/nowhere:{folder}"}
    attempt = bare.launch("print('ran')", interpreter="mypython", environment=environment)
    bare.begun(attempt)
    assert attempt.rest() == "mine\nran\n"
    assert bare.ended(attempt) == (0, 0)


def no_program(directory: Path) -> str:
    path = directory / "text"
    path.write_text("no program")
    path.chmod(0o755)
    return str(path)


def locked(directory: Path) -> str:
    path = directory / "locked"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o644)
    return str(path)


@pytest.mark.parametrize(
    ("interpreter", "number"),
    [
        (lambda directory: "/nowhere/python", errno.ENOENT),
        (lambda directory: "no-such-python", errno.ENOENT),
        (locked, errno.EACCES),
        (no_program, errno.ENOEXEC),
        (lambda directory: "py\0thon", errno.EINVAL),
    ],
)
def test_a_program_that_cannot_be_run_is_named_with_the_reason(
    bare: Bench, interpreter: Any, number: int
) -> None:
    name = interpreter(bare.directory)
    attempt = bare.launch("print('ran')", interpreter=name)
    said = {"is": "failed", "job": attempt.job, "errno": number, "file": name}
    assert bare.hear() == said
    assert attempt.rest() == ""
    # The process that tried is no attempt: nothing more is said about it.
    second = bare.launch("")
    bare.begun(second)
    assert bare.ended(second) == (0, 0)


def test_arguments_that_do_not_fit_are_a_reason(bare: Bench) -> None:
    attempt = bare.launch("", "x" * 3_000_000)
    said = {"is": "failed", "job": 1, "errno": errno.E2BIG, "file": sys.executable}
    assert bare.hear() == said
    assert attempt.rest() == ""


def test_a_directory_that_is_missing_is_named(bare: Bench) -> None:
    bare.launch("", directory="/no/where")
    assert bare.hear() == {"is": "failed", "job": 1, "errno": errno.ENOENT, "file": "/no/where"}


def test_forked_attempts_have_the_signals_of_a_fresh_one_and_what_imports_set(
    bench: Bench,
) -> None:
    show = """
        import import_me, json, signal
        print(json.dumps([str(signal.getsignal(n)) for n in sorted(signal.valid_signals())]))
        print(len(signal.pthread_sigmask(signal.SIG_BLOCK, ())))
    """
    folder = bench.modules("from signal import *; signal(SIGUSR1, default_int_handler)")
    bench.start("import_me", path=[folder])
    assert bench.hear() == {"is": "warm"}
    attempt = bench.launch(show, interpreter=None)
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    plain = output_of([sys.executable, bench.directory / "train_1.py"], environment)
    bench.begun(attempt)
    assert attempt.rest() == plain
