from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_synebench.backends.supervision import label

#: A copy of a process wears a label; the original looks at the environment it shows.
FORKS = """
import os, sys
from pathlib import Path
from pytest_synebench.backends.supervision import label

shows, hold = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
    os.environ.clear()
    worn = label.wear(sys.argv[1:])
    os.write(shows[1], b"1" if worn else b"0")
    os.read(hold[0], 1)
    os._exit(0)
worn = os.read(shows[0], 1)
sys.stdout.buffer.write(worn + Path(f"/proc/{child}/environ").read_bytes())
sys.stdout.flush()
os.write(hold[1], b"x")
os.waitpid(child, 0)
sys.stdout.buffer.write(b"\\n" + Path("/proc/self/environ").read_bytes())
"""


def shown(environment: Mapping[str, str], *worn: str) -> tuple[bool, bytes, bytes]:
    """Return whether the label was worn, and what child and parent show."""
    ran = subprocess.run(
        [sys.executable, "-c", FORKS, *worn], env=environment, stdout=subprocess.PIPE, check=True
    )
    child, _, parent = ran.stdout.partition(b"\n")
    return child[:1] == b"1", b"\0" + child[1:], b"\0" + parent


def test_a_label_is_shown_by_the_child_and_by_nobody_else() -> None:
    worn, child, parent = shown({"A": "1", **label.room(), "Z": "2"}, "RUN=/a b/é", "X=")
    assert worn
    for variable in ("A=1", "RUN=/a b/é", "X=", "Z=2"):
        assert b"\0" + os.fsencode(variable) + b"\0" in child
    assert b"SYNEBENCH_LABEL" not in child
    assert b"\0RUN=" not in parent
    assert b"\0Z=2\0" in parent


@pytest.mark.parametrize("room", [0, 1])
def test_what_has_no_room_changes_nothing(room: int) -> None:
    environment = {"A": "1", **(label.room() if room else {}), "Z": "2"}
    worn, child, parent = shown(environment, "RUN=" + "x" * (13_000 if room else 1))
    assert not worn
    assert child == parent


def test_the_longest_paths_fit() -> None:
    worn, child, _ = shown(label.room(), *(f"{name}={'x' * 4095}" for name in "AB"))
    assert worn
    assert b"\0B=" + b"x" * 4095 + b"\0" in child


def test_a_system_that_does_not_let_it_be_written_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(path: str) -> bytes:
        raise PermissionError(13, "Permission denied")

    before = Path("/proc/self/environ").read_bytes()
    monkeypatch.setattr(label, "_whole", refuse)
    assert not label.wear(["RUN=1"])
    assert Path("/proc/self/environ").read_bytes() == before
