"""What a crash, a full disk or a second process does to files that must stay."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_synebench.durable import LineLog, frame, write_file
from pytest_synebench.errors import RunError


def read_again(path: Path) -> list[bytes]:
    log = LineLog(path)
    log.close()
    return log.payloads


def run_python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


CRASH = """
import os, sys
from pytest_synebench import durable
step, path = int(sys.argv[1]), sys.argv[2]
def crashing(real):
    def call(*args):
        global step
        if step == 0:
            os._exit(9)
        step -= 1
        return real(*args)
    return call
for name in ("open", "write", "fsync", "replace", "close"):
    setattr(os, name, crashing(getattr(os, name)))
durable.replace_file(path, b"new" * 5000)
os._exit(0)
"""


def test_a_crash_at_any_step_of_replace_file_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    path = tmp_path / "f"
    found = []
    for step in range(20):
        path.write_bytes(b"old")
        done = run_python(CRASH, step, path)
        found.append(path.read_bytes())
        if done.returncode == 0:
            break
        assert done.returncode == 9, done.stderr
    # open write fsync close replace | open fsync close: old before the rename, new after it.
    assert found == [b"old"] * 5 + [b"new" * 5000] * 4


# -- a disk that refuses -------------------------------------------------------------------------

FULL = """
import resource, signal, sys
from pytest_synebench.durable import LineLog
from pytest_synebench.errors import RunError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
log = LineLog(sys.argv[1])
log.append(b"x" * 50)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    log.append(b"y" * 80)
except OSError as error:
    print(type(error).__name__, error.strerror)
try:
    log.append(b"z")
except RunError as error:
    print(error)
log.close()
"""


def test_a_full_disk_is_an_error_and_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "log"
    done = run_python(FULL, path)
    assert done.stderr == ""
    first, second = done.stdout.splitlines()
    assert first == "OSError File too large"
    assert "takes no line after one that was refused" in second
    # The 41 bytes that fitted are taken back: what was durable is all that is there.
    assert path.read_bytes() == frame(b"x" * 50)


def test_a_file_on_a_full_disk_is_an_error() -> None:
    with pytest.raises(OSError, match="No space left on device"):
        write_file("/dev/full", b"x")


def test_after_a_failed_fsync_no_line_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = LineLog(tmp_path / "log")
    log.append(b"durable")
    with monkeypatch.context() as patch:

        def refuse(_: int) -> None:
            raise OSError(5, "Input/output error")

        patch.setattr(os, "fsync", refuse)
        with pytest.raises(OSError, match="Input/output error"):
            log.append(b"unknown")
    with pytest.raises(RunError, match=r"refused: .*Input/output error; close it, mend that"):
        log.append(b"later")
    log.close()
    assert read_again(tmp_path / "log") == [b"durable"]


def test_a_failed_sync_takes_back_what_was_appended_since_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = LineLog(tmp_path / "log", sync=False)
    log.append(b"durable")
    log.sync()
    log.append(b"unknown")
    log.append(b"unknown, too")
    with monkeypatch.context() as patch:

        def refuse(_: int) -> None:
            raise OSError(5, "Input/output error")

        patch.setattr(os, "fsync", refuse)
        with pytest.raises(OSError, match="Input/output error"):
            log.sync()
    with pytest.raises(RunError, match=r"refused: .*Input/output error; close it, mend that"):
        log.append(b"later")
    log.close()
    assert read_again(tmp_path / "log") == [b"durable"]


def test_an_append_that_is_interrupted_is_taken_back_and_the_next_one_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = LineLog(tmp_path / "log")
    real = os.write
    with monkeypatch.context() as patch:

        def interrupted(fd: int, data: bytes) -> int:
            real(fd, bytes(data[:5]))
            raise KeyboardInterrupt("Ctrl-C")

        patch.setattr(os, "write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            log.append(b"half")
    log.append(b"closed")
    log.close()
    assert read_again(tmp_path / "log") == [b"closed"]


def test_close_lets_go_even_where_the_disk_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = LineLog(tmp_path / "log")
    with monkeypatch.context() as patch:

        def refuse(_: int) -> None:
            raise OSError(5, "Input/output error")

        patch.setattr(os, "fsync", refuse)
        with pytest.raises(OSError, match="Input/output error"):
            log.close()
        log.close()
    LineLog(tmp_path / "log").close()
