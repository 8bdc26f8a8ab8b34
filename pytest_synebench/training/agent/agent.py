"""Runs one attempt's script in a job: its reports and checkpoints go to the store as they come.

The script is a process of its own that speaks the ordinary channel: it is the same file, with the
same arguments, that runs on the user's machine. One thread selects over its pipes, its end and the
keeper's; while a letter is on its way the script goes on until its pipe is full.

Invariants (tests/training/agent/test_agent.py holds each one):
- when the job ends, all that the script said was delivered, and its last checkpoint is kept;
- a level that a lost machine has cost is reported again by the life that follows;
- a polite request to end reaches the script, and what it says until its end is delivered;
- a store that cannot be used ends the script and the job, with the reason.
"""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pytest_synebench.channel import Message, Receiver, new_nonce
from pytest_synebench.checkpoints.freezing import freeze
from pytest_synebench.errors import StoreError
from pytest_synebench.training.agent.keeper import Keeper
from pytest_synebench.training.agent.orders import Orders
from pytest_synebench.training.agent.outbox import Outbox
from pytest_synebench.training.agent.post import Post
from pytest_synebench.training.attempt import CHECKPOINTS, PARENT, SCHEMA, VARIABLE

_READ_BYTES = 64 * 1024
_TAIL_LINES = 20


class Agent:
    """One life of a job."""

    def __init__(
        self, post: Post, orders: Orders, keeper: Keeper, *, script: Path, work: Path
    ) -> None:
        """Be ready; the post has begun.

        Args:
            post: delivers letters.
            orders: of the attempt.
            keeper: of its checkpoints.
            script: what it runs.
            work: folder for the attempt's files and checkpoints.
        """
        self._post = post
        self._orders = orders
        self._keeper = keeper
        self._script = script
        self._work = work
        self._outbox = Outbox(orders.resource_attr)
        self._nonce = new_nonce()
        self._receiver = Receiver(self._nonce)
        self._tail: deque[bytes] = deque(maxlen=_TAIL_LINES)
        self._stopping = False
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Run the script; return its exit code, negative where a signal ended it.

        Raises:
            StoreError: the store cannot be used; the script's processes are gone.
        """
        restored, refused = self._restore()
        for line in refused:
            self._outbox.put(Message("refused", 0, {"remark": line}))
        reads, writes = os.pipe2(os.O_CLOEXEC)
        errors, stderr = os.pipe2(os.O_CLOEXEC)
        try:
            process = self._start(restored, writes, stderr)
            os.close(writes)
            os.close(stderr)
            code = self._attend(process, reads, errors)
            self._finish(code)
        except StoreError:
            self.signal(signal.SIGKILL)
            raise
        finally:
            self._keeper.close()
            for fd in (reads, errors):
                os.close(fd)
        return code

    def stop(self) -> None:
        """Pass a polite request to end on to the script's processes. May come at any time."""
        self._stopping = True
        self.signal(signal.SIGTERM)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the script and what it started."""
        if self._process is not None:
            try:
                os.killpg(self._process.pid, number)
            except ProcessLookupError:
                return

    def tail(self) -> str:
        """Return the last lines of the script's stderr."""
        return b"\n".join(self._tail).decode(errors="replace").strip()

    # -- its start -------------------------------------------------------------------------------

    @property
    def _checkpoints(self) -> Path:
        return self._work / "checkpoints"

    def _restore(self) -> tuple[int, tuple[str, ...]]:
        if self._orders.checkpoint_at is None:
            return 0, ()
        return self._keeper.restore(self._checkpoints)

    def _start(self, restored: int, channel: int, stderr: int) -> subprocess.Popen[bytes]:
        saving = self._orders.checkpoint_at is not None
        file = self._write_attempt(restored, channel)
        arguments = list(self._orders.arguments)
        if saving:
            arguments += [f"--{CHECKPOINTS}", str(self._checkpoints)]
        bootstrap = [sys.executable, "-m", "pytest_synebench.training.bootstrap"]
        process = self._process = subprocess.Popen(
            [*bootstrap, str(self._script), *arguments],
            cwd=self._script.parent,
            env={**os.environ, **self._variables(file)},
            pass_fds=(channel,),
            stdin=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
        )
        if self._stopping:  # it was asked to end before there was anything to pass that on to
            self.signal(signal.SIGTERM)
        return process

    def _variables(self, file: Path) -> dict[str, str]:
        package = Path(__file__).resolve().parents[3]
        path = os.pathsep.join(filter(None, (str(package), os.environ.get("PYTHONPATH", ""))))
        return {
            "PYTHONHASHSEED": os.environ.get("PYTHONHASHSEED", "0"),
            "PYTHONPATH": path,
            VARIABLE: str(file),
            PARENT: str(os.getpid()),
        }

    def _write_attempt(self, restored: int, channel: int) -> Path:
        import json

        orders = self._orders
        saving = orders.checkpoint_at is not None
        told: dict[str, Any] = {
            "schema": SCHEMA,
            "trial": orders.trial,
            "attempt": orders.attempt,
            "fd": channel,
            "nonce": self._nonce,
            "seed": orders.seed,
            "resource_attr": orders.resource_attr,
            "until": orders.until,
            "resume_at_most": restored,
            "checkpoint_at": orders.checkpoint_at,
            "checkpoint_dir": str(self._checkpoints) if saving else None,
            "config": orders.config,
            "script": str(self._script),
        }
        self._work.mkdir(parents=True, exist_ok=True)
        file = self._work / "attempt.json"
        file.write_text(json.dumps(told, allow_nan=False), encoding="utf-8")
        return file

    # -- while it runs ---------------------------------------------------------------------------

    def _attend(self, process: subprocess.Popen[bytes], channel: int, errors: int) -> int:
        """Pass on what comes until the script has ended; return its exit code."""
        readers: dict[int, Callable[[bytes], None]] = {channel: self._hear, errors: self._show}
        ended = os.pidfd_open(process.pid)
        with ExitStack() as undo:
            undo.callback(os.close, ended)
            selector = undo.enter_context(selectors.DefaultSelector())
            for fd in (*readers, ended, self._keeper.fileno()):
                os.set_blocking(fd, False)
                selector.register(fd, selectors.EVENT_READ)
            while ended not in (ready := {key.fd for key, _ in selector.select()}):
                for fd in ready & readers.keys():
                    if not _pour(fd, readers[fd]):
                        selector.unregister(fd)
                if self._keeper.fileno() in ready:
                    self._note_kept()
                self._deliver()
                self._keep_due()
        code = process.wait()
        self.signal(signal.SIGKILL)  # what it left behind would hold the machine
        for fd, reader in readers.items():
            while _pour(fd, reader):
                pass
        return code

    def _hear(self, data: bytes) -> None:
        for message in self._receiver.feed(data):
            self._outbox.put(message)
            if message.kind == "report":
                _print_report(message)
            level = message.fields.get("level")
            if message.kind == "saved" and type(level) is int:
                self._freeze(level)

    def _freeze(self, level: int) -> None:
        frozen = freeze(self._work, self._orders.attempt, level)
        if frozen is not None:
            self._outbox.freeze(level, frozen)

    def _show(self, data: bytes) -> None:
        sys.stderr.buffer.write(data)
        sys.stderr.buffer.flush()
        self._tail.extend(line[:1000] for line in data.splitlines())

    def _deliver(self) -> None:
        while letter := self._outbox.letter():
            self._post.send(letter)
            self._outbox.delivered(letter)

    def _keep_due(self) -> None:
        if self._keeper.busy:
            return
        due, passed = self._outbox.due()
        for frozen in passed:
            shutil.rmtree(frozen, ignore_errors=True)
        if due is not None:
            self._keeper.keep(*due)

    def _note_kept(self) -> None:
        kept = self._keeper.take()
        if kept.sha256:
            told: dict[str, Any] = {"level": kept.level, "sha256": kept.sha256}
            self._outbox.put(Message("kept", 0, told))
        else:
            remark = f"its checkpoint of level {kept.level} is not kept: {kept.problem}"
            self._outbox.put(Message("refused", 0, {"remark": remark}))

    # -- its end ---------------------------------------------------------------------------------

    def _finish(self, code: int) -> None:
        """Deliver what is left, keep the last checkpoint, and say how it ended."""
        self._outbox.end()
        self._deliver()
        self._keep_due()
        while self._keeper.busy:
            self._note_kept()
            self._keep_due()
        ended = {
            "code": code,
            "stopped": self._stopping,
            "rejected": self._receiver.rejected,
            "tail": self.tail()[-4000:] if code else "",
        }
        self._outbox.put(Message("ended", 0, ended))
        self._deliver()


def _print_report(message: Message) -> None:
    """Show a report in the log, where the platform's console finds its numbers."""
    metrics = message.fields.get("metrics")
    if isinstance(metrics, dict):
        shown = " ".join(f"{name}={value}" for name, value in metrics.items())
        print(f"[report] {shown}", flush=True)


def _pour(fd: int, reader: Callable[[bytes], None]) -> bool:
    """Pass on a bounded part of a pipe; return whether there may be more."""
    try:
        data = os.read(fd, _READ_BYTES)
    except BlockingIOError:
        return False
    if data:
        reader(data)
    return bool(data)
