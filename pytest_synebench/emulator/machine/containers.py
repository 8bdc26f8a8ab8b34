"""Containers without a container engine: a job's program, alone with its ``/opt/ml``.

Images are not run: the program finds the files of this machine, its own folders at ``/opt/ml``,
itself as process 1, and no process but its own. It is no sandbox against a program that means
harm.

Invariants (tests/emulator/machine/test_containers.py holds each one):
- a container that has ended has left no process, whatever its program started;
- SIGTERM reaches process 1 only, and not before the program is there to take it;
- what a program prints is told line by line, however long or broken a line is.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pytest_synebench.errors import UsageError

LINE_BYTES = 250_000  #: of one line; CloudWatch takes 256 KB for an event
_PROGRAM = Path(__file__).with_name("inside.py")
_READ_BYTES = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to run."""

    root: Path  #: holds ml/, opt/ml/ and hosts
    argv: Sequence[str]
    environment: Mapping[str, str]
    network: bool = True


class NotStartedError(Exception):
    """A container could not be started; the text says why."""


class Container:
    """One that runs, or has."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def terminate(self) -> None:
        """Send SIGTERM to process 1; nothing if it has ended."""
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL to process 1, and so to all of them."""
        self._process.send_signal(signal.SIGUSR1)

    def read(self, take: Callable[[list[str]], None]) -> int:
        """Hand over lines as they are printed; return the exit code when all is gone."""
        assert self._process.stdout is not None  # noqa: S101 - it was opened as a pipe
        descriptor = self._process.stdout.fileno()
        rest = b""
        while chunk := os.read(descriptor, _READ_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) >= LINE_BYTES:
                lines, rest = [*lines, rest], b""
            if lines:
                take([line.decode(errors="replace") for line in lines])
        if rest:
            take([rest.decode(errors="replace")])
        self._process.stdout.close()
        code = self._process.wait()
        return code if code >= 0 else 128 - code


class Engine:
    """Starts containers; all of them die with this process."""

    def __init__(self) -> None:
        # The kernel ends a child with the thread that made it: this one lives as long as we do.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="containers")
        self._running: set[Container] = set()
        self._lock = threading.Lock()
        self._closed = False

    def run(self, order: Order) -> Container:
        """Start a container; its program runs when this returns.

        Raises:
            NotStartedError: it does not.
        """
        return self._starter.submit(self._run, order).result()

    def _run(self, order: Order) -> Container:
        if self._closed:
            raise NotStartedError("the emulator is ending")
        read_end, write_end = os.pipe()
        description = order.root / "container.json"
        description.write_text(
            json.dumps(
                {
                    "status": write_end,
                    "emulator": os.getpid(),
                    "root": str(order.root),
                    "argv": list(order.argv),
                    "environment": dict(order.environment),
                    "network": order.network,
                }
            )
        )
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_PROGRAM), str(description)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(write_end,),
                start_new_session=True,
                bufsize=0,
            )
        finally:
            os.close(write_end)
        with open(read_end, "rb") as status:  # noqa: PTH123 - a descriptor
            said = status.read().decode(errors="replace")
        container = Container(process)
        if said:
            container.kill()
            container.read(lambda _: None)
            raise NotStartedError(said)
        with self._lock:
            self._running.add(container)
        return container

    def attend(self, container: Container, take: Callable[[list[str]], None]) -> int:
        """Hand over what a container prints; return its exit code when all of it is gone."""
        try:
            return container.read(take)
        finally:
            with self._lock:
                self._running.discard(container)

    def kill_all(self) -> None:
        """Kill every container that runs."""
        with self._lock:
            running = list(self._running)
        for container in running:
            container.kill()

    def close(self) -> None:
        """Kill every container, and start no other."""
        self._closed = True
        self.kill_all()
        self._starter.shutdown(wait=False)


def lay_out(root: Path) -> Path:
    """Make the folders of a container; return what will be ``/opt/ml``."""
    ml = root / "ml"
    for name in ("input/config", "input/data", "model", "output/data", "checkpoints", "code"):
        (ml / name).mkdir(parents=True)
    (root / "opt" / "ml").mkdir(parents=True)
    (root / "hosts").write_text("127.0.0.1 localhost algo-1\n")
    return ml


def remove(root: Path) -> None:
    """Remove the folders of a container; what cannot be removed stays."""
    with contextlib.suppress(OSError):
        shutil.rmtree(root)


def check_machine(scratch: Path) -> None:
    """Refuse a machine on which no container can be made, by making one.

    Raises:
        UsageError: it cannot; the text says why and what to do.
    """
    engine = Engine()
    root = scratch / "check"
    lay_out(root)
    order = Order(root=root, argv=["true"], environment={"PATH": os.defpath})
    try:
        code = engine.attend(engine.run(order), lambda _: None)
    except (NotStartedError, OSError) as error:
        raise _refusal(str(error)) from None
    finally:
        engine.close()
        remove(root)
    if code != 0:
        raise _refusal(f"`true` ended with code {code} in one")


def _refusal(why: str) -> UsageError:
    return UsageError(
        f"the emulator runs each job in namespaces of its own, and this machine gives it none "
        f"({why}). It takes Linux, a folder /opt, and user namespaces: `sysctl "
        "kernel.unprivileged_userns_clone=1`, `sysctl kernel.apparmor_restrict_unprivileged_userns"
        "=0`, or `docker run --privileged` where this is a container"
    )
