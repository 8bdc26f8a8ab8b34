"""The emulator as a command: ``python -m pytest_synebench.emulator``; Ctrl-C ends it."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import sys
import threading
from collections.abc import Sequence
from importlib.util import find_spec

from pytest_synebench.emulator.clock import Clock
from pytest_synebench.emulator.jobs.account import Settings
from pytest_synebench.emulator.serving.program import Program, new_access_key
from pytest_synebench.errors import UsageError


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    made = argparse.ArgumentParser(
        prog="python -m pytest_synebench.emulator",
        description=(
            "Emulates SageMaker training jobs on loopback; jobs are real processes. Prints the "
            "environment variables that lead any AWS client to it; Ctrl-C ends it and every job."
        ),
    )
    made.add_argument("--port", type=int, default=0, help="on 127.0.0.1; default: a free one")
    made.add_argument("--region", default="us-east-1", help="default: %(default)s")
    made.add_argument(
        "--access-key",
        default="",
        help="what AWS_ACCESS_KEY_ID must be; default: a new one that nobody can guess. Whoever "
        "knows it can run programs as you",
    )
    for name, default, meaning in (
        ("grace", 120.0, "seconds between SIGTERM and SIGKILL"),
        ("startup", 0.0, "seconds until a job has a machine"),
        ("sync", 2.0, "seconds between two looks at checkpoints"),
    ):
        made.add_argument(
            f"--{name}", type=_seconds, default=default, help=f"{meaning}; default: %(default)g"
        )
    made.add_argument(
        "--entrypoint",
        action="append",
        default=[],
        metavar="WORD",
        help="stands for the entry point of every image, which is called with the argument "
        "'train'; once per word of the command",
    )
    made.add_argument(
        "--driven-clock", action="store_true", help="time stands still until it is advanced"
    )
    made.add_argument("--json", action="store_true", help="print the variables as one line of JSON")
    made.add_argument(
        "--until-stdin-ends", action="store_true", help="end when the standard input does"
    )
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run until Ctrl-C, SIGTERM or the end of stdin; return an exit code."""
    told = parser().parse_args(argv)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]  # of some real account: nothing here is to meet it
    try:
        program = _made(told)
    except UsageError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    ending, order = os.pipe()
    # A handler must not take locks that the main thread may hold: a pipe has none.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os.write(order, b"x"))
    program.serve()
    _tell(program.variables, as_json=told.json)
    if told.until_stdin_ends:
        threading.Thread(target=_watch_stdin, args=(order,), daemon=True).start()
    os.read(ending, 1)
    program.close()
    return 0


def _made(told: argparse.Namespace) -> Program:
    if find_spec("moto") is None or find_spec("flask") is None:
        raise UsageError(
            "the emulator needs moto[server], which is not installed: "
            "pip install 'pytest-synebench[emulator]'"
        )
    settings = Settings(
        region=told.region,
        grace_s=told.grace,
        startup_s=told.startup,
        sync_s=told.sync,
        python=os.path.dirname(sys.executable),  # noqa: PTH120 - as written: no link is followed
        entrypoint=tuple(told.entrypoint),
    )
    return Program(
        settings=settings,
        clock=Clock(driven=told.driven_clock),
        access_key=told.access_key or new_access_key(),
        port=told.port,
    )


def _tell(variables: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(f"{json.dumps(variables)}\n")
    else:
        sys.stdout.writelines(
            f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()
        )
    sys.stdout.flush()


def _watch_stdin(order: int) -> None:
    while sys.stdin.buffer.read(4096):
        pass
    os.write(order, b"x")


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from 0 up")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
