"""S3 on loopback, in a process of its own: moto, which asks nobody who they are.

``python -m pytest_synebench.emulator.s3 BUCKET`` makes the bucket, prints the port, and serves
until its stdin ends: so it dies with whoever started it, ``kill -9`` included.

Invariants (tests/emulator/test_s3.py):
- the environment of the process that starts it, which trials inherit, is left alone;
- without the extra, the error names it;
- when the block ends, or the process that began it, no service is left.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from pytest_synebench.errors import BackendError

_BUCKET = "checkpoints"
_NEEDS = ("moto", "boto3", "flask")
_OURS = {
    "AWS_ACCESS_KEY_ID": "emulated",
    "AWS_SECRET_ACCESS_KEY": "emulated",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@contextmanager
def s3_on_loopback() -> Iterator[str]:
    """Serve an S3 with one empty bucket; yield it as ``checkpoint_store`` takes it.

    Raises:
        BackendError: the extra is not installed, or it does not start.
    """
    for name in _NEEDS:
        if find_spec(name) is None:
            raise BackendError(
                f"an S3 on loopback needs {name}, which is not installed: "
                "pip install 'pytest-synebench[emulator]', or name a store: "
                "--checkpoint_store FOLDER"
            )
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "COV_CORE_"))}
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, _BUCKET],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**kept, **_OURS},
        start_new_session=True,  # Ctrl-C is for who uses it
    )
    try:
        yield f"s3+http://127.0.0.1:{_port(process)}/{_BUCKET}"
    finally:
        process.kill()
        process.communicate()


def _port(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None  # noqa: S101 - it was asked for
    told = process.stdout.readline()
    if not told.strip().isdecimal():
        process.kill()
        _, said = process.communicate()
        last = said.strip().splitlines()[-1:] or ["it said nothing"]
        raise BackendError(
            f"the S3 on loopback does not start: {last[0]}; name a store instead: "
            "--checkpoint_store FOLDER"
        )
    return int(told)


def main(bucket: str) -> None:
    """Serve until stdin ends."""
    import signal
    import threading

    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from moto.s3.models import s3_backends
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    s3_backends["123456789012"]["aws"].create_bucket(bucket, "us-east-1")
    app = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1])
