from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_synebench.backends.local.logs import CappedLog, Tail


@settings(deadline=None)
@given(
    attempts=st.lists(st.lists(st.binary(max_size=40), max_size=5), max_size=4),
    cap=st.integers(0, 100),
)
def test_a_log_holds_the_first_bytes_and_says_once_that_there_were_more(
    tmp_path_factory: pytest.TempPathFactory, attempts: list[list[bytes]], cap: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "stdout.log"
    for parts in attempts:
        log = CappedLog(path, cap)
        for part in parts:
            log.write(part)
        log.close()

    whole = b"".join(part for parts in attempts for part in parts)
    note = b"\n[synebench: %d bytes reached, the rest is dropped]\n" % cap
    kept = path.read_bytes() if attempts else b""
    assert kept == whole[:cap] + (note if len(whole) > cap else b"")


def test_room_that_comes_back_is_used_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    log = CappedLog(tmp_path / "log", 100)
    log.write(b"one ")
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        log.write(b"lost ")
    log.write(b"two")
    log.close()
    assert (tmp_path / "log").read_bytes() == b"one two"
    assert log.trouble == "No space left on device"


@settings(deadline=None)
@given(parts=st.lists(st.binary(max_size=3000), max_size=6))
def test_the_tail_is_short_and_harmless(parts: list[bytes]) -> None:
    tail = Tail()
    for part in parts:
        tail.write(part)
    text = tail.text()
    assert len(text) <= 4096
    assert text.count("\n") < 20
    assert all(char.isprintable() or char in "\t\n" for char in text)


@settings(deadline=None)
@given(parts=st.lists(st.sampled_from([b"a", b"b\n" * 9, b"long line " * 50, b"\n"]), max_size=30))
def test_the_tail_is_the_end_however_it_came(parts: list[bytes]) -> None:
    in_parts, at_once = Tail(), Tail()
    for part in parts:
        in_parts.write(part)
    at_once.write(b"".join(parts))
    assert in_parts.text() == at_once.text()
    assert in_parts.text().count("\n") < 20
