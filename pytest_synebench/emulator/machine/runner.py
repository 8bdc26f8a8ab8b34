"""Carries out what the lives of jobs demand: the edge between the account and the processes.

Each demand is a thread of its own, and ends by feeding the account what came of it.

Invariants (tests/emulator/{test_clients,machine/test_runner}.py hold each one, with jobs that run):
- a demand that fails for whatever reason ends its job as Failed, with the reason;
- a signal that comes while a container is being started reaches it, and a kill that comes earlier
  kills the job's first process as soon as it is there;
- the last checkpoint and the last line are in S3 and CloudWatch before a job is seen to end.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from pytest_synebench.emulator.api.views import model_uri
from pytest_synebench.emulator.jobs.account import Account, Entry
from pytest_synebench.emulator.jobs.lifecycle import (
    Broken,
    Downloaded,
    Effect,
    Exited,
    IllegalEventError,
    Secondary,
    Uploaded,
)
from pytest_synebench.emulator.machine import briefing, containers, storage
from pytest_synebench.emulator.machine.containers import Container, Engine, Order
from pytest_synebench.emulator.machine.logs import Metrics, Stream

FAILURE_CHARACTERS = 1024  #: of a FailureReason


class Machine:
    """What belongs to one job that was given a machine."""

    def __init__(self, entry: Entry, root: Path) -> None:
        self.entry = entry
        self.root = root
        self.ml = root / "ml"
        self.container: Container | None = None
        self.checkpoints: storage.Checkpoints | None = None
        self.terminated = False  #: SIGTERM was asked for
        self.killed = False  #: SIGKILL was
        self.over = False  #: its container has ended
        self.lock = threading.Lock()

    def terminate(self) -> None:
        """Send SIGTERM to process 1, now or once it is there."""
        with self.lock:
            self.terminated = True
            if self.container is not None:
                self.container.terminate()

    def kill(self) -> bool:
        """Kill all processes, now or once they are there; return whether any are or will be."""
        with self.lock:
            self.killed = True
            if self.container is not None:
                self.container.kill()
            return not self.over

    def begun(self, container: Container) -> None:
        """Take the container that was started, and pass on what was asked for meanwhile."""
        with self.lock:
            self.container = container
            if self.terminated:
                container.terminate()
            if self.killed:
                container.kill()

    def ended(self) -> None:
        """Take note that the container is gone."""
        with self.lock:
            self.container, self.over = None, True


class Runner:
    """The machines of an account."""

    def __init__(self, account: Account, clients: Any, aws: dict[str, str], scratch: Path) -> None:
        """Be ready.

        Args:
            account: whose jobs run here.
            clients: gives a boto3 client of this emulator by the service's name.
            aws: variables that lead a job's own clients to this emulator.
            scratch: folder for the files of jobs.
        """
        self._account = account
        self._clients = clients
        self._aws = aws
        self._scratch = scratch
        self._engine = Engine()
        self._machines: dict[str, Machine] = {}
        self._doomed: set[str] = set()  #: jobs that were killed while they had no machine
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def carry_out(self, entry: Entry, effect: Effect) -> None:
        """Begin what a job's life demands; returns at once."""
        match effect:
            case Effect.DOWNLOAD:
                root = Path(tempfile.mkdtemp(prefix=f"{entry.name}-", dir=self._scratch))
                machine = Machine(entry, root)
                with self._lock:
                    self._machines[entry.name] = machine
                    machine.killed = entry.name in self._doomed
                    self._doomed.discard(entry.name)
                self._begin(self._download, entry)
            case Effect.RUN:
                self._begin(self._run, entry)
            case Effect.UPLOAD:
                self._begin(self._upload, entry)
            case Effect.TERMINATE:
                self._machines[entry.name].terminate()
            case Effect.KILL:
                self.kill(entry.name)

    def kill(self, name: str) -> None:
        """Kill a job's processes: those that run, else those that it will start next."""
        with self._lock:
            machine = self._machines.get(name)
            if machine is None or not machine.kill():
                self._doomed.add(name)

    def forget(self) -> None:
        """Know nothing of jobs that were; all of them must have ended."""
        with self._lock:
            self._machines.clear()
            self._doomed.clear()

    def sync(self, name: str) -> None:
        """Have the checkpoints of a job in S3 when this returns."""
        machine = self._machines.get(name)
        if machine is not None and machine.checkpoints is not None:
            machine.checkpoints.sync()

    def keep_syncing(self) -> None:
        """Sync the checkpoints of all jobs that run, time and again, until closed."""
        while not self._ended.wait(self._account.settings.sync_s):
            for name, machine in list(self._machines.items()):
                if machine.container is not None:
                    with contextlib.suppress(Exception):  # the next round, or the end, says it
                        self.sync(name)

    def close(self) -> None:
        """Kill all."""
        self._ended.set()
        self._engine.close()

    def _begin(self, work: Callable[[Machine], None], entry: Entry) -> None:
        machine = self._machines[entry.name]

        def worked() -> None:
            try:
                work(machine)
            except Exception as error:
                self._broken(entry, error)

        threading.Thread(target=worked, name=f"{work.__name__} {entry.name}", daemon=True).start()

    def _broken(self, entry: Entry, error: Exception) -> None:
        kind = "ClientError" if isinstance(error, _CLIENT_ERRORS) else "InternalServerError"
        reason = f"{kind}: {error}"[:FAILURE_CHARACTERS]
        with contextlib.suppress(IllegalEventError):
            self._account.feed(entry, Broken(reason=reason))

    def _download(self, machine: Machine) -> None:
        request = machine.entry.request
        containers.lay_out(machine.root)
        briefing.write_config(request, machine.ml)
        client = self._clients("s3")
        for channel in request.get("InputDataConfig", ()):
            folder = machine.ml / "input" / "data" / channel["ChannelName"]
            folder.mkdir()
            uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
            if not storage.download(client, uri, folder):
                raise storage.UnreadableError(f"No S3 objects found under {uri}")
        config = request.get("CheckpointConfig")
        if config is not None:
            folder = _folder(machine, config.get("LocalPath", "/opt/ml/checkpoints"))
            machine.checkpoints = storage.Checkpoints(client, config["S3Uri"], folder)
            machine.checkpoints.restore()
        self._account.feed(machine.entry, Downloaded())

    def _run(self, machine: Machine) -> None:
        entry, settings = machine.entry, self._account.settings
        argv = briefing.program(entry.request, settings.entrypoint)
        if not argv:
            raise storage.UnreadableError(
                "the emulator runs no images: give a ContainerEntrypoint, or start it with "
                "--entrypoint, which stands for that of every image"
            )
        isolated = entry.request.get("EnableNetworkIsolation", False)
        stream = Stream(self._clients("logs"), entry.name, self._account.clock.machine_s())
        metrics = Metrics(entry.request["AlgorithmSpecification"].get("MetricDefinitions", ()))
        order = Order(
            root=machine.root,
            argv=argv,
            environment=briefing.environment(
                entry.request, self._account.arn(entry.name), self._aws, settings.python
            ),
            network=not isolated,
        )
        container = self._engine.run(order)
        machine.begun(container)
        take = partial(self._take, entry, stream, metrics)
        code = self._engine.attend(container, take)
        machine.ended()
        self.sync(entry.name)
        self._account.feed(entry, Exited(code=code, words=_failure(machine.ml)))
        if entry.life.status != "Stopping" and entry.life.secondary is not Secondary.UPLOADING:
            containers.remove(machine.root)

    def _take(self, entry: Entry, stream: Stream, metrics: Metrics, lines: list[str]) -> None:
        now_s = self._account.clock.now_s()
        stream.put(lines, self._account.clock.machine_s())
        for name, value in metrics.found(lines).items():
            entry.metrics[name] = (value, now_s)
        self._account.add_lines(entry, lines)

    def _upload(self, machine: Machine) -> None:
        storage.upload_model(self._clients("s3"), model_uri(machine.entry), machine.ml / "model")
        self._account.feed(machine.entry, Uploaded())
        containers.remove(machine.root)


def _folder(machine: Machine, path: str) -> Path:
    below = Path(path).relative_to("/opt/ml") if path.startswith("/opt/ml/") else None
    if below is None or ".." in below.parts:
        raise storage.UnreadableError(
            f"the emulator has checkpoints below /opt/ml only, not at {path}"
        )
    folder = machine.ml / below
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _failure(ml: Path) -> str:
    path = ml / "output" / "failure"
    try:
        text = path.read_text(errors="replace") if path.is_file() else ""
    except OSError:
        return ""
    return text.strip()[: FAILURE_CHARACTERS - 100]


_CLIENT_ERRORS = (storage.UnreadableError, containers.NotStartedError, re.error)
