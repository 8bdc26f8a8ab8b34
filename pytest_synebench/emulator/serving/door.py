"""Every request comes in here: it is let in, broken as told, and brought to who answers it.

Who can create a job can run programs as the user of the emulator. So each request must carry the
access key that only those know who were given it, and come from no web page.

Invariants (tests/emulator/serving/test_door.py holds each one):
- without the emulator's own access key nothing is answered, and nothing is done;
- a request that a browser sends from elsewhere is refused, whatever it carries;
- requests of the emulator itself meet no fault.
"""

from __future__ import annotations

import io
import json
import re
import secrets
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pytest_synebench.emulator.api import quota_list
from pytest_synebench.emulator.api.operations import Operations
from pytest_synebench.emulator.jobs.faults import Faults, Kind
from pytest_synebench.emulator.refusal import Refusal
from pytest_synebench.emulator.serving.calls import Calls
from pytest_synebench.emulator.serving.control import PREFIX, Control
from pytest_synebench.emulator.serving.naming import s3_operation

INSIDE = "EMULATORITSELF"  #: begins the access key of the emulator's own requests
IN_JOB = "INSIDEOFAJOB"  #: begins the access key of those that jobs make
_CREDENTIAL = re.compile(r"Credential=([^/,%]+)(?:/|%2F)[^/%]*(?:/|%2F)[^/%]*(?:/|%2F)([^/%]*)")
_HOST = re.compile(r"(?:127\.0\.0\.1|(?:[a-z0-9.-]+\.)?localhost)(?::\d+)?")
_JSON = "application/x-amz-json-1.1"
_QUERY = frozenset({"sts", "iam"})  #: services that speak XML
_Environ = dict[str, Any]
_App = Callable[[_Environ, Any], Iterable[bytes]]

_ANSWERS = {
    Kind.THROTTLE: Refusal("ThrottlingException", "Rate exceeded"),
    Kind.UNAVAILABLE: Refusal("ServiceUnavailable", "The service is not available", 503),
}
_S3_ANSWERS = {Kind.THROTTLE: Refusal("SlowDown", "Please reduce your request rate.", 503)}


class Door:
    """A WSGI application in front of all others."""

    def __init__(
        self,
        *,
        access_key: str,
        operations: Operations,
        control: Control,
        faults: Faults,
        calls: Calls,
        quotas: Mapping[str, int],
        others: _App,
    ) -> None:
        """Be ready.

        Args:
            access_key: what requests must carry.
            operations: answers what is asked of SageMaker.
            control: answers those that drive the emulator.
            faults: what goes wrong.
            calls: counts.
            quotas: instances at most, by the name that Service Quotas has for it.
            others: answers all the rest: S3, logs, IAM, STS, ECR.
        """
        self._keys = {access_key, INSIDE + access_key, IN_JOB + access_key}
        self._operations = operations
        self._control = control
        self._faults = faults
        self._calls = calls
        self._quotas = quotas
        self._others = others

    def __call__(self, environ: _Environ, start: Any) -> Iterable[bytes]:
        """Answer one request."""
        # Read whole: an answer that leaves part of a body unread would spoil the connection.
        body = _body(environ)
        key, service = _credential(environ)
        refusal = self._refusal(environ, key)
        if refusal is not None:
            return _refuse(start, refusal, service)
        environ["wsgi.input"] = io.BytesIO(body)
        if environ["PATH_INFO"].startswith(PREFIX):
            return _answer(start, *self._control(environ["PATH_INFO"], body))
        operation = _operation(environ, service, body)
        if key.startswith(INSIDE):
            return self._others(environ, start)
        self._count(environ, key, service, operation)
        about = environ["PATH_INFO"] if service == "s3" else _name(body)
        kind = self._faults.request(operation, about)
        if kind in (Kind.THROTTLE, Kind.UNAVAILABLE):
            told = _S3_ANSWERS if service == "s3" else _ANSWERS
            return _refuse(start, told.get(kind, _ANSWERS[kind]), service)
        if kind is Kind.DROP_BEFORE:
            return _hang_up(environ, start)
        if kind is Kind.DROP_AFTER:
            for _ in self._through(environ, lambda *_: None, operation, service, body):
                pass
            return _hang_up(environ, start)
        return self._through(environ, start, operation, service, body)

    def _count(self, environ: _Environ, key: str, service: str, operation: str) -> None:
        self._calls.add(operation)
        if key.startswith(IN_JOB):
            self._calls.add_of_job(_in_full(environ, service, operation))

    def _refusal(self, environ: _Environ, key: str) -> Refusal | None:
        if "HTTP_ORIGIN" in environ or not _HOST.fullmatch(environ.get("HTTP_HOST", "")):
            return Refusal("AccessDenied", "The emulator answers programs of this machine", 403)
        if not any(secrets.compare_digest(key, known) for known in self._keys):
            return Refusal(
                "UnrecognizedClientException",
                "The security token included in the request is invalid: set AWS_ACCESS_KEY_ID as "
                "the emulator printed it",
                403,
            )
        return None

    def _through(
        self, environ: _Environ, start: Any, operation: str, service: str, body: bytes
    ) -> Iterable[bytes]:
        if operation == quota_list.OPERATION:
            return _answer(start, 200, json.dumps(quota_list.listing(self._quotas)).encode())
        if service != "sagemaker":
            return self._others(environ, start)
        try:
            request = json.loads(body or b"{}")
        except ValueError:
            return _refuse(start, Refusal("SerializationException", "no JSON"), service)
        try:
            out = self._operations(operation, request)
        except Refusal as refusal:
            return _refuse(start, refusal, service)
        return _answer(start, 200, json.dumps(out).encode())


def _body(environ: _Environ) -> bytes:
    length = environ.get("CONTENT_LENGTH")
    chunked = environ.get("wsgi.input_terminated")
    stream = environ["wsgi.input"]
    read: bytes = stream.read() if chunked and not length else stream.read(int(length or 0))
    return read


def _credential(environ: _Environ) -> tuple[str, str]:
    """Return the access key and the service that a request is signed for, "" where unknown."""
    told = environ.get("HTTP_AUTHORIZATION", "") or environ.get("QUERY_STRING", "")
    found = _CREDENTIAL.search(told)
    return (found[1], found[2]) if found else ("", "")


def _operation(environ: _Environ, service: str, body: bytes) -> str:
    """Return what is asked for: CreateTrainingJob, s3.PUT, logs.PutLogEvents."""
    target = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
    if service == "sagemaker":
        return str(target)
    action = re.search(rb"(?:^|&)Action=(\w+)", body[:4096])
    return f"{service}.{target or (action and action[1].decode()) or environ['REQUEST_METHOD']}"


def _in_full(environ: _Environ, service: str, operation: str) -> str:
    """Return an operation as AWS calls it, with its service: s3:PutObject."""
    if service == "s3":
        told = (environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("QUERY_STRING", ""))
        return f"s3:{s3_operation(*told)}"
    return f"{service}:{operation.rpartition('.')[2]}"


def _name(body: bytes) -> str:
    found = re.search(rb'"TrainingJobName"\s*:\s*"([^"]*)"', body)
    return found[1].decode(errors="replace") if found else ""


def _answer(start: Any, status: int, body: bytes, kind: str = _JSON) -> Iterable[bytes]:
    headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]
    start(f"{status} {'OK' if status < 400 else 'Refused'}", headers)
    return [body]


def _refuse(start: Any, refusal: Refusal, service: str) -> Iterable[bytes]:
    if service == "s3":
        text = (
            f"<?xml version='1.0'?><Error><Code>{refusal.code}</Code>"
            f"<Message>{refusal.message}</Message></Error>"
        )
        return _answer(start, refusal.status, text.encode(), "application/xml")
    if service in _QUERY:
        text = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{refusal.code}</Code>"
            f"<Message>{refusal.message}</Message></Error></ErrorResponse>"
        )
        return _answer(start, refusal.status, text.encode(), "text/xml")
    told = {"__type": refusal.code, "message": refusal.message}
    return _answer(start, refusal.status, json.dumps(told).encode())


def _hang_up(environ: _Environ, start: Any) -> Iterator[bytes]:
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    start("200 Gone", [("Content-Length", "0")])
    yield b""
