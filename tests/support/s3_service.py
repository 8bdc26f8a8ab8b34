"""S3 on loopback, in a process of its own: moto, behind a door that breaks what it is told to.

``python s3_service.py`` prints its port and serves until its stdin ends; ``plain`` leaves the door
out, for figures. Faults are a server's: the client's whole stack meets them. They are set per
bucket, by ``PUT /_faults/<bucket>``; what was asked of a bucket is counted at ``GET
/_asked/<bucket>``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

REFUSALS = {
    "503": (503, "SlowDown"),
    "500": (500, "InternalError"),
    "409": (409, "ConditionalRequestConflict"),
    "429": (429, "TooManyRequests"),
    "expired": (400, "ExpiredToken"),
    "denied": (403, "AccessDenied"),
    "digest": (400, "BadDigest"),
}
#: Whatever a careful client lives through.
PASSING = (
    "503", "500", "409", "429", "drop before", "drop after", "truncate", "flip", "flip upload",
    "delay",
)  # fmt: skip
DELAY_S = 0.003
PAGE = 10  #: keys of one answer to a listing; S3 gives 1,000


class Door:
    """Lets requests through to moto, or does not."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._deciding = threading.Lock()
        self._plans: dict[str, dict[str, Any]] = {}
        self._asked: dict[str, list[list[str]]] = {}

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        _, bucket, *rest = path.split("/", 2)
        if bucket == "_faults":
            self._plans[rest[0]] = json.loads(environ["wsgi.input"].read(_length(environ)))
            return _answer(start, 200, b"")
        if bucket == "_asked":
            return _answer(start, 200, json.dumps(self._asked.pop(rest[0], [])).encode())
        key = rest[0] if rest else ""
        query = environ.get("QUERY_STRING", "")
        with self._lock:
            fault = self._fault(bucket, method, key, query)
            asked = [method, f"{key}?{query}" if query else key, fault]
            self._asked.setdefault(bucket, []).append(asked)
        return self._serve(environ, start, fault)

    def _fault(self, bucket: str, method: str, key: str, query: str) -> str:
        plan = self._plans.get(bucket)
        if plan is None:
            return ""
        for rule in plan.get("rules", ()):
            fits = method in rule["methods"] and rule["part"] in f"{key}?{query}"
            if fits and rule["times"] and rule.get("skip", 0) <= 0:
                rule["times"] -= 1
                return str(rule["kind"])
            rule["skip"] = rule.get("skip", 0) - fits
        chance = plan.setdefault("chance", random.Random(plan.get("seed", 0)))
        if chance.random() < plan.get("rate", 0.0):
            return str(chance.choice(plan["kinds"]))
        return ""

    def _serve(self, environ: dict[str, Any], start: Any, fault: str) -> Iterable[bytes]:
        if fault == "delay":
            threading.Event().wait(DELAY_S)
        body = environ["wsgi.input"].read(_length(environ))
        if fault == "drop before":
            return _hang_up(environ, start)
        if fault in REFUSALS:
            return _refuse(environ, start, *REFUSALS[fault])
        if fault == "flip upload" and body:
            body = _flipped(body)
        told = environ.get("HTTP_X_AMZ_CHECKSUM_SHA256")
        # As S3 does; moto takes any body.
        if told and base64.b64encode(hashlib.sha256(body).digest()).decode() != told:
            return _refuse(environ, start, *REFUSALS["digest"])
        return self._through(environ, start, fault, body)

    def _through(
        self, environ: dict[str, Any], start: Any, fault: str, body: bytes
    ) -> Iterable[bytes]:
        import io

        environ["wsgi.input"] = io.BytesIO(body)
        seen: list[Any] = []
        # A condition and the write that depends on it are one step in S3, and two in moto.
        alone = self._deciding if "HTTP_IF_NONE_MATCH" in environ else nullcontext()
        with alone:
            chunks = b"".join(self._app(environ, lambda *told: seen.append(told)))
        if fault == "drop after":
            return _hang_up(environ, start)
        if fault == "flip" and environ["REQUEST_METHOD"] == "GET" and chunks:
            chunks = _flipped(chunks)
        start(*seen[0][:2])
        if fault == "truncate" and len(chunks) > 1:
            return _cut(environ, chunks)
        return [chunks]


def _length(environ: dict[str, Any]) -> int:
    return int(environ.get("CONTENT_LENGTH") or 0)


def _answer(start: Any, status: int, body: bytes) -> Iterable[bytes]:
    start(f"{status} Told", [("Content-Length", str(len(body)))])
    return [body]


def _refuse(environ: dict[str, Any], start: Any, status: int, code: str) -> Iterable[bytes]:
    text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>told to</Message></Error>"
    return _answer(start, status, b"" if environ["REQUEST_METHOD"] == "HEAD" else text.encode())


def _hang_up(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    start("200 Gone", [("Content-Length", "0")])
    return [b""]


def _cut(environ: dict[str, Any], body: bytes) -> Iterator[bytes]:
    yield body[: len(body) // 2]
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)


def _flipped(body: bytes) -> bytes:
    changed = bytearray(body)
    changed[len(body) // 2] ^= 1
    return bytes(changed)


def main() -> None:
    """Serve until stdin ends."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    moto = DomainDispatcherApplication(create_backend_app)
    app = moto if sys.argv[1:] == ["plain"] else Door(moto)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGKILL)


class Service:
    """A running service, seen by a test."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.environment = {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def break_at(
        self, bucket: str, rate: float, kinds: Sequence[str] = PASSING, seed: int = 0
    ) -> None:
        """Have a share of the requests of a bucket meet a fault."""
        self._set(bucket, {"rate": rate, "kinds": list(kinds), "seed": seed})

    def break_when(self, bucket: str, *rules: dict[str, Any]) -> None:
        """Have the requests that fit a rule (methods, part of the key, times, kind) meet it."""
        self._set(bucket, {"rules": list(rules)})

    def mend(self, bucket: str) -> None:
        """Have no more faults."""
        self._set(bucket, {})

    def asked(self, bucket: str) -> list[tuple[str, str, str]]:
        """Return method, key and fault of each request since the last call."""
        with urllib.request.urlopen(f"{self.url}/_asked/{bucket}") as answer:
            return [(method, key, fault) for method, key, fault in json.load(answer)]

    def _set(self, bucket: str, plan: dict[str, Any]) -> None:
        request = urllib.request.Request(
            f"{self.url}/_faults/{bucket}", json.dumps(plan).encode(), method="PUT"
        )
        urllib.request.urlopen(request).close()


@contextmanager
def serving(*how: str) -> Iterator[Service]:
    """Run the service in a process of its own: ``"plain"``, without a door, or with one."""
    process = subprocess.Popen(
        [sys.executable, __file__, *how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "MOTO_S3_DEFAULT_MAX_KEYS": str(PAGE)},
    )
    try:
        assert process.stdout is not None
        url = f"http://127.0.0.1:{int(process.stdout.readline())}"
        # moto loads what it needs at its first request: no test is to meet it half loaded.
        urllib.request.urlopen(url).close()
        yield Service(url)
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    main()
