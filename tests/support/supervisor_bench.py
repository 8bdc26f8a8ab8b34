"""A supervisor in a process of its own, and the controller's end of its line."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from pytest_synebench.backends.supervision.interpreter import command
from pytest_synebench.backends.supervision.leftovers import identity
from pytest_synebench.backends.supervision.wire import Line, Order, write_order

PROGRAM = "pytest_synebench.backends.supervisor.program"
PATIENCE_S = 30.0  #: for things that take milliseconds
WAIT = "import threading; threading.Event().wait()"
#: Leaves a process that did all it can to get away, waits at a gate, ends with a code.
ESCAPE = """
    import os, sys
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.setsid()
            os.write(1, b"%d\\n" % os.getpid())
            os.closerange(0, 100)
            os.execve("/bin/sleep", ["sleep", "1000"], {})
        os._exit(0)
    os.wait()
    os.write(1, b"up\\n")
    open(sys.argv[1]).read()
    sys.exit(int(sys.argv[2]))
"""


def readable(fd: int) -> bool:
    """Wait until a descriptor is readable (a pipe: at its end too); whether it came to that."""
    return bool(select.select([fd], [], [], PATIENCE_S)[0])


def gone(pidfd: int) -> bool:
    """Wait until a process is gone; whether it came to that."""
    try:
        return readable(pidfd)
    finally:
        os.close(pidfd)


def parent_of(pid: int) -> int:
    """Return the parent's process id."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    return int(stat[stat.rindex(")") + 2 :].split()[1])


class Attempt:
    """What the controller holds of one launch."""

    def __init__(self, job: int) -> None:
        self.job = job
        self.stdout, self._out = os.pipe()
        self.stderr, self._err = os.pipe()
        self.channel, self._sends = os.pipe()

    def hand_over(self) -> list[int]:
        return [self._out, self._err, self._sends]

    def handed_over(self) -> None:
        for fd in self.hand_over():
            os.close(fd)

    def line(self, fd: int | None = None) -> str:
        """Return the next line of stdout (or another stream), without its end."""
        said, fd = b"", self.stdout if fd is None else fd
        while not said.endswith(b"\n"):
            assert readable(fd), f"nothing came after {said!r}"
            byte = os.read(fd, 1)
            assert byte, f"the stream ended after {said!r}; stderr: {self.rest(self.stderr)!r}"
            said += byte
        return said.decode().rstrip("\n")

    def rest(self, fd: int | None = None) -> str:
        """Return what comes until every process has closed its end."""
        said, fd = b"", self.stdout if fd is None else fd
        while readable(fd) and (more := os.read(fd, 65536)):
            said += more
        return said.decode()

    def close(self) -> None:
        for fd in (self.stdout, self.stderr, self.channel):
            os.close(fd)


class Bench:
    """Starts supervisors and speaks with the newest; a context ends them all."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._jobs = 0
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def start(self, *modules: str, path: Sequence[Path] = ()) -> Self:
        """Start a supervisor; it and its attempts find modules on ``path``."""
        self.environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.line = Line(ours)
        self._stack.callback(ours.close)
        self.errors = self.directory / "supervisor.log"
        with self.errors.open("ab") as errors, its:
            self.process = self._stack.enter_context(
                subprocess.Popen(
                    command(sys.executable, PROGRAM, "--line", str(its.fileno()), *modules),
                    pass_fds=[its.fileno()],
                    start_new_session=True,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    env={**self.environment, "SYNEBENCH_SUPERVISOR": identity(os.getpid())},
                )
            )
        self._stack.callback(self.line.close)  # runs before the wait for the process
        return self

    def script(self, body: str, name: str = "train.py") -> Path:
        path = self.directory / name
        path.write_text(textwrap.dedent(body))
        return path

    def modules(self, body: str, name: str = "import_me") -> Path:
        """Write a module; return the folder it is in."""
        folder = self.directory / "modules"
        folder.mkdir(exist_ok=True)
        return self.script(body, f"modules/{name}.py").parent

    def hear(self) -> dict[str, Any]:
        """Return the next message of the supervisor."""
        assert readable(self.line.fileno()), "the supervisor says nothing"
        heard = self.line.receive()
        assert heard is not None, f"the supervisor is gone: {self.errors.read_text()}"
        message, descriptors = heard
        assert descriptors == []
        return message

    def launch(self, script: Path | str, *arguments: str, **order: Any) -> Attempt:
        """Order a process for a script's path or its text; the answer is not awaited."""
        self._jobs += 1
        if isinstance(script, str):
            script = self.script(script, f"train_{self._jobs}.py")
        told: dict[str, Any] = {
            "script": str(script),
            "arguments": arguments,
            "environment": self.environment,
            "directory": str(self.directory),
            "interpreter": sys.executable,
        }
        attempt = Attempt(self._jobs)
        self._stack.callback(attempt.close)
        order_fd = write_order(Order(**{**told, **order}))
        message = {"do": "launch", "job": attempt.job}
        self.line.send(message, [order_fd, *attempt.hand_over()])
        os.close(order_fd)
        attempt.handed_over()
        return attempt

    def begun(self, attempt: Attempt) -> int:
        """Hear that an attempt's process runs; return its process id."""
        said = self.hear()
        assert said == {"is": "begun", "job": attempt.job, "pid": said.get("pid")}
        return int(said["pid"])

    def ended(self, attempt: Attempt) -> tuple[int, int]:
        """Hear that an attempt has ended; return its code and how many it left behind."""
        said = self.hear()
        assert (said["is"], said["job"]) == ("ended", attempt.job), said
        return said["code"], said["swept"]

    def signal(self, attempt: Attempt, number: int) -> None:
        self.line.send({"do": "signal", "job": attempt.job, "number": number})
