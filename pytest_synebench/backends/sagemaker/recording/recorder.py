"""Writes down what clients of AWS ask, what they are answered, and how long it took.

A line of JSON per call, redacted. It is on where ``SYNEBENCH_RECORD`` names a folder. The lines are
for holding the emulator to what AWS did, and for the policy that the calls need.

Invariants (tests/backends/sagemaker/recording/test_recorder.py holds each one):
- a call that fails is written down too, by its code;
- recording changes no call;
- without the variable no client is touched.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pytest_synebench.backends.sagemaker.recording.redaction import Redaction
from pytest_synebench.clock import Clock, SystemClock
from pytest_synebench.errors import BackendError, UsageError

VARIABLE = "SYNEBENCH_RECORD"
_MARK = "synebench_recorded"  #: of a call's context


class Recorder:
    """Writes one file."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        """Begin a file of this process.

        Args:
            folder: where it is written; made where it is missing.
            clock: for times.

        Raises:
            BackendError: nothing can be written there.
        """
        self._clock = clock or SystemClock()
        self._begun_s = self._clock.now_s()
        self._redaction = Redaction(self._clock.utc().timestamp())
        self._lock = threading.Lock()
        path = folder / f"calls-{os.getpid()}.jsonl"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a", encoding="utf-8")
        except OSError as error:
            raise BackendError(
                f"{VARIABLE} is {str(folder)!r}, and {path.name} cannot be written there "
                f"({error.strerror}); name another folder, or unset it"
            ) from None

    def attach(self, client: Any) -> None:
        """Write down the calls of a client of boto3 from now on."""
        service = client.meta.service_model.service_id.hyphenize()
        events = client.meta.events
        events.register(f"provide-client-params.{service}", self._on_begin)
        events.register(f"after-call.{service}", self._on_answer)
        events.register(f"after-call-error.{service}", self._on_error)

    def close(self) -> None:
        """Write no more."""
        self._file.close()

    def _on_begin(self, params: Any, context: dict[str, Any], **_: Any) -> None:
        context[_MARK] = (self._clock.now_s(), dict(params))

    def _on_answer(
        self, parsed: Mapping[str, Any], context: dict[str, Any], event_name: str, **_: Any
    ) -> None:
        meta = parsed.get("ResponseMetadata", {})
        answer = {key: value for key, value in parsed.items() if key != "ResponseMetadata"}
        error = answer.pop("Error", {}).get("Code")
        self._write(event_name, context, meta.get("HTTPStatusCode"), error, answer)

    def _on_error(
        self, exception: Exception, context: dict[str, Any], event_name: str, **_: Any
    ) -> None:
        self._write(event_name, context, None, type(exception).__name__, {})

    def _write(
        self,
        event: str,
        context: dict[str, Any],
        status: Any,
        error: Any,
        answer: Mapping[str, Any],
    ) -> None:
        _, service, operation = event.split(".")
        now_s = self._clock.now_s()
        began_s, request = context.pop(_MARK, (now_s, {}))
        with self._lock:
            line = {
                "service": service,
                "operation": operation,
                "at_s": round(began_s - self._begun_s, 4),
                "took_s": round(now_s - began_s, 4),
                "status": status,
                "error": error,
                "request": self._redaction(request),
                "answer": self._redaction(answer),
            }
            self._file.write(f"{json.dumps(line)}\n")
            self._file.flush()


_RECORDERS: dict[str, Recorder] = {}  #: of this process, by their folders


def record(client: Any) -> Any:
    """Return the client; its calls are written down, where the variable says so.

    Raises:
        BackendError: they cannot be.
    """
    folder = os.environ.get(VARIABLE)
    if folder:
        if folder not in _RECORDERS:
            _RECORDERS[folder] = Recorder(Path(folder))
        _RECORDERS[folder].attach(client)
    return client


def calls(folder: Path) -> list[dict[str, Any]]:
    """Return what was recorded in a folder: file by file, each in order.

    Raises:
        UsageError: there is nothing, or a file is none of ours.
    """
    paths = sorted(folder.glob("calls-*.jsonl"))
    if not paths:
        raise UsageError(
            f"{folder} has no calls-*.jsonl; record some: {VARIABLE}={folder} pytest --synebench …"
        )
    return [line for path in paths for line in _read(path)]


def _read(path: Path) -> Iterator[dict[str, Any]]:
    for number, text in enumerate(_lines(path), start=1):
        try:
            told = json.loads(text)
        except ValueError:
            raise UsageError(f"{path}:{number} is no JSON; the recording is damaged") from None
        yield told


def _lines(path: Path) -> Iterable[str]:
    return path.read_text(encoding="utf-8").splitlines()
