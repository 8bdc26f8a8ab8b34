"""The emulator as a whole: made, served on loopback, and ended without a trace.

Invariants (tests/emulator/test_program.py holds each one):
- it is reached from this machine only;
- when it ends, by whatever, no process of any job is left; unless it was killed, no file either.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import tempfile
import threading
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_synebench.emulator.api.operations import Operations
from pytest_synebench.emulator.clock import Clock
from pytest_synebench.emulator.jobs.account import Account, Settings
from pytest_synebench.emulator.jobs.faults import Faults
from pytest_synebench.emulator.jobs.lifecycle import IllegalEventError, StopAsked
from pytest_synebench.emulator.machine import containers
from pytest_synebench.emulator.machine.runner import Runner
from pytest_synebench.emulator.serving.calls import Calls
from pytest_synebench.emulator.serving.control import Control
from pytest_synebench.emulator.serving.door import IN_JOB, INSIDE, Door
from pytest_synebench.errors import UsageError

LOOPBACK = "127.0.0.1"


def new_access_key() -> str:
    """Return an access key that cannot be guessed."""
    return "EMULATED" + secrets.token_hex(12).upper()


def variables(url: str, access_key: str, region: str) -> dict[str, str]:
    """Return what leads any AWS client to an emulator, and to nothing else."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": "emulated",
        "AWS_DEFAULT_REGION": region,
        "AWS_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


class Program:
    """One emulator in this process."""

    def __init__(self, *, settings: Settings, clock: Clock, access_key: str, port: int = 0) -> None:
        """Make and check everything; nothing is served yet.

        Args:
            settings: of the service.
            clock: its time.
            access_key: what requests must carry.
            port: on loopback; 0: a free one.

        Raises:
            UsageError: no containers can be made on this machine, or the port is taken.
        """
        self._folder = tempfile.TemporaryDirectory(
            prefix="sagemaker-emulator-", ignore_cleanup_errors=True
        )
        scratch = Path(self._folder.name)
        containers.check_machine(scratch)
        self._socket = _bound(port)
        url = f"http://{LOOPBACK}:{self._socket.getsockname()[1]}"
        self.variables = variables(url, access_key, settings.region)
        self._inside = Clients(variables(url, INSIDE + access_key, settings.region))
        self._account = Account(clock, settings)
        in_jobs = variables(url, IN_JOB + access_key, settings.region)
        self._runner = Runner(self._account, self._inside, in_jobs, scratch)
        self._account.use(self._runner)
        self._faults, self._calls = Faults(), Calls()
        self._server = self._made_server(access_key)
        self._ended = threading.Event()

    def _made_server(self, access_key: str) -> Any:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        control = Control(self._account, self._faults, self._calls, self._runner, self._reset)
        door = Door(
            access_key=access_key,
            operations=Operations(self._account, self._faults),
            control=control,
            faults=self._faults,
            calls=self._calls,
            quotas=self._account.quotas,
            others=DomainDispatcherApplication(create_backend_app),
        )
        descriptor = self._socket.fileno()
        return make_server(
            LOOPBACK, 0, door, threaded=True, request_handler=_quiet(), fd=descriptor
        )

    def serve(self) -> None:
        """Answer requests from now on, in threads of their own."""
        for work in (
            self._server.serve_forever,
            self._runner.keep_syncing,
            lambda: self._account.keep_time(self._ended),
        ):
            threading.Thread(target=work, daemon=True).start()

    def _reset(self, timeout_s: float) -> None:
        """Have an account in which nothing ever was.

        Args:
            timeout_s: for jobs that are killed to be gone.

        Raises:
            IllegalEventError: a job does not end, although it was killed.
        """
        self._faults.replace(())
        for entry in self._account.jobs():
            with contextlib.suppress(IllegalEventError):
                self._account.feed(entry, StopAsked())
            self._runner.kill(entry.name)
        jobs = self._account.jobs()
        if not self._account.wait(lambda: all(e.life.ended_s is not None for e in jobs), timeout_s):
            left = ", ".join(one.name for one in jobs if one.life.ended_s is None)
            raise IllegalEventError(f"{left} did not end within {timeout_s:g} s of being killed")
        self._account.forget()
        self._runner.forget()
        self._inside.reset()
        self._calls.clear()

    def close(self) -> None:
        """End every job, and serve no more."""
        self._ended.set()
        self._account.note(lambda: None)
        self._runner.close()
        self._server.shutdown()
        self._server.server_close()
        self._socket.close()
        self._folder.cleanup()


class Clients:
    """The emulator's own clients of itself, one of a kind."""

    def __init__(self, told: Mapping[str, str]) -> None:
        self._told = told
        self._made: dict[str, Any] = {}
        self._lock = threading.Lock()

    def __call__(self, service: str) -> Any:
        """Return the client of a service."""
        import boto3.session
        from botocore.config import Config

        with self._lock:
            if service not in self._made:
                self._made[service] = boto3.session.Session().client(
                    service,
                    endpoint_url=self._told["AWS_ENDPOINT_URL"],
                    region_name=self._told["AWS_DEFAULT_REGION"],
                    aws_access_key_id=self._told["AWS_ACCESS_KEY_ID"],
                    aws_secret_access_key=self._told["AWS_SECRET_ACCESS_KEY"],
                    config=Config(max_pool_connections=32),
                )
            return self._made[service]

    def reset(self) -> None:
        """Have moto forget everything."""
        key = self._told["AWS_ACCESS_KEY_ID"]
        request = urllib.request.Request(
            f"{self._told['AWS_ENDPOINT_URL']}/moto-api/reset",
            method="POST",
            headers={"Authorization": f"Credential={key}/0/0/moto/"},
        )
        urllib.request.urlopen(request).close()


def _bound(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((LOOPBACK, port))
    except OSError as error:
        bound.close()
        raise UsageError(
            f"port {port} of {LOOPBACK} cannot be had ({error.strerror}); leave --port out to "
            "take a free one"
        ) from None
    bound.listen(128)
    return bound


def _quiet() -> Any:
    from werkzeug.serving import WSGIRequestHandler

    class Quiet(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    return Quiet
