"""An emulator in a process of its own, as a test sees it.

Invariants (tests/emulator/test_handle.py holds each one):
- the process ends when this one does, however that happens;
- a wait that is in vain says where the job is and what it printed last.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pytest_synebench.errors import SynebenchError, UsageError

_WAIT_S = 60.0
_MARGIN_S = 30.0  #: for an answer, beyond what it waits for
_RESET_S = 60.0  #: for jobs that were killed to be gone
_ENDING_S = 30.0  #: for the process to end by itself


class EmulatorError(SynebenchError):
    """What was asked of the emulator is not so, or did not come to be; the text says what."""


class Emulator:
    """Drives a running emulator."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """Speak to the emulator that these environment variables lead to."""
        self.variables = dict(variables)
        self.url = variables["AWS_ENDPOINT_URL"]

    def client(self, service: str, **options: Any) -> Any:
        """Return a boto3 client; ``options`` are those of ``boto3.client``."""
        import boto3.session

        told = {
            "endpoint_url": self.url,
            "region_name": self.variables["AWS_DEFAULT_REGION"],
            "aws_access_key_id": self.variables["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": self.variables["AWS_SECRET_ACCESS_KEY"],
        }
        return boto3.session.Session().client(service, **{**told, **options})

    def wait(self, job: str, *states: str, timeout_s: float = _WAIT_S) -> dict[str, Any]:
        """Wait until a job is, or was, in one of the states; return how it is described then.

        Args:
            job: its name.
            states: statuses or secondary statuses: "Training", "Stopped".
            timeout_s: of the machine's time, in seconds.

        Raises:
            EmulatorError: it was not, in time.
        """
        told = {"job": job, "states": states, "timeout_s": timeout_s}
        return self._waited("wait", told, f"{job} did not become {' or '.join(states)}")

    def wait_for_line(self, job: str, text: str, timeout_s: float = _WAIT_S) -> dict[str, Any]:
        """Wait until a job has printed a line that contains a text; else as ``wait``."""
        told = {"job": job, "text": text, "timeout_s": timeout_s}
        return self._waited("wait_line", told, f"{job} did not print {text!r}")

    def lines(self, job: str) -> list[str]:
        """Return what a job has printed."""
        out: list[str] = self._order("lines", {"job": job})
        return out

    def advance(self, seconds: float) -> None:
        """Move the emulator's clock; what was due is done when this returns."""
        self._order("advance", {"seconds": seconds})

    def now_s(self) -> float:
        """Return the emulator's time, in seconds since 1970."""
        return float(self._order("now", {}))

    def faults(self, *rules: Mapping[str, Any]) -> None:
        """Have these faults, and no others: see ``jobs/faults.py`` for the fields of one."""
        self._order("faults", {"faults": rules})

    def fault_hits(self) -> list[int]:
        """Return how often each fault was met, in the order in which they were told."""
        return [rule["hits"] for rule in self._order("faults", {})]

    def quota(self, instance_type: str, instances: int, *, spot: bool = False) -> None:
        """Have at most so many instances of a type at once."""
        kind = "spot training job" if spot else "training job"
        self._order("quotas", {"quotas": {f"{instance_type} for {kind} usage": instances}})

    def calls(self) -> dict[str, int]:
        """Return how often each operation was asked for: ``CreateTrainingJob``, ``s3.PUT``."""
        out: dict[str, int] = self._order("calls", {})
        return out

    def job_calls(self) -> dict[str, int]:
        """Return how often jobs have asked for each operation: ``s3:PutObject``."""
        out: dict[str, int] = self._order("job_calls", {})
        return out

    def reclaim(self, job: str) -> None:
        """Take the Spot instance of a job away."""
        self._order("reclaim", {"job": job})

    def kill(self, job: str) -> None:
        """Kill every process of a job; where it has none yet, its next one as soon as it runs."""
        self._order("kill", {"job": job})

    def sync(self, job: str) -> None:
        """Have the checkpoints of a job in S3 when this returns."""
        self._order("sync", {"job": job})

    def reset(self) -> None:
        """Kill every job, and have an account in which nothing ever was."""
        self._order("reset", {"timeout_s": _RESET_S}, timeout_s=_RESET_S + _MARGIN_S)

    def _waited(self, order: str, told: Mapping[str, Any], failed: str) -> dict[str, Any]:
        answer = self._order(order, told, timeout_s=told["timeout_s"] + _MARGIN_S)
        job: dict[str, Any] = answer["job"]
        if not answer["in_time"]:
            shown = f"it is {job['SecondaryStatus']} {job.get('FailureReason', '')}".rstrip()
            lines = "\n".join(answer["lines"])
            raise EmulatorError(f"{failed} within {told['timeout_s']:g} s; {shown}\n{lines}")
        return job

    def _order(self, order: str, told: Mapping[str, Any], timeout_s: float = _MARGIN_S) -> Any:
        request = urllib.request.Request(
            f"{self.url}/_emulator/{order}",
            json.dumps(told).encode(),
            {"Authorization": f"Credential={self.variables['AWS_ACCESS_KEY_ID']}/-/-/control/"},
        )
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                text = json.loads(error.read())
            raise EmulatorError(text.get("error") or text.get("message")) from None


@contextmanager
def emulating(
    *,
    grace_s: float = 120.0,
    startup_s: float = 0.0,
    sync_s: float = 2.0,
    driven_clock: bool = False,
    entrypoint: Sequence[str] = (),
) -> Iterator[Emulator]:
    """Run an emulator in a process of its own.

    Args:
        grace_s: between SIGTERM and SIGKILL, in seconds of its clock.
        startup_s: until a job has a machine, in seconds of its clock.
        sync_s: between two looks at checkpoints, in seconds of the machine.
        driven_clock: its clock stands still until ``advance``.
        entrypoint: what runs where a request names no ContainerEntrypoint.

    Raises:
        UsageError: it cannot run on this machine; the text says why.
    """
    argv = [sys.executable, "-m", "pytest_synebench.emulator", "--json", "--until-stdin-ends"]
    argv += [f"--grace={grace_s}", f"--startup={startup_s}", f"--sync={sync_s}"]
    argv += ["--driven-clock"] if driven_clock else []
    argv += [f"--entrypoint={word}" for word in entrypoint]
    process = subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a Ctrl-C is for pytest, which ends this then
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )
    try:
        if process.stdout is None or process.stderr is None or process.stdin is None:
            raise AssertionError("they were opened as pipes")
        line = process.stdout.readline()
        if not line:
            raise UsageError(process.stderr.read().strip())
        yield Emulator(json.loads(line))
    finally:
        _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    try:
        process.communicate(timeout=_ENDING_S)  # ends its stdin first
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
