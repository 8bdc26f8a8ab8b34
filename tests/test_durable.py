from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_synebench import durable
from pytest_synebench.durable import LineLog, frame, read_lines, replace_file, unframe
from pytest_synebench.errors import JournalError

LINES = st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"").replace(b"\0", b""))
PAYLOADS = st.lists(LINES, min_size=1, max_size=6)


def log_of(folder: Path, payloads: list[bytes]) -> Path:
    path = folder / "log"
    path.write_bytes(b"".join(map(frame, payloads)))
    return path


def read_again(path: Path) -> list[bytes]:
    log = LineLog(path)
    log.close()
    return log.payloads


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of the disk, in order: the names of the system calls that count."""
    seen: list[str] = []
    for name in ("write", "fsync", "replace", "ftruncate"):
        real = getattr(os, name)

        def noted(*args: object, _real: object = real, _name: str = name) -> object:
            seen.append(_name)
            return _real(*args)  # type: ignore[operator] # the function it stands for

        monkeypatch.setattr(os, name, noted)
    return seen


# -- lines ---------------------------------------------------------------------------------------


@given(payload=LINES)
def test_a_framed_line_is_read_back(payload: bytes) -> None:
    assert unframe(frame(payload).removesuffix(b"\n")) == payload


@settings(max_examples=40)  # each waits for the disk
@given(payloads=PAYLOADS)
def test_what_was_appended_is_read_back_in_order(payloads: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log")
        for payload in payloads:
            log = LineLog(path, sync=False)
            log.append(payload)
            log.close()
        assert read_again(path) == payloads


@settings(max_examples=40)  # each waits for the disk
@given(payloads=PAYLOADS, data=st.data())
def test_any_truncation_is_repaired_and_appended_to(
    payloads: list[bytes], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = log_of(Path(folder), payloads)
        size = path.stat().st_size
        cut = data.draw(st.integers(0, size))
        os.truncate(path, cut)
        ends = [0]
        for payload in payloads:
            ends.append(ends[-1] + len(frame(payload)))
        whole = max(i for i, end in enumerate(ends) if end <= cut)

        log = LineLog(path, sync=False)
        assert log.payloads == payloads[:whole]
        assert log.torn_bytes == cut - ends[whole]
        log.append(b"next")
        log.close()
        assert read_again(path) == [*payloads[:whole], b"next"]


@given(payloads=st.lists(LINES, min_size=2, max_size=5), data=st.data())
def test_each_byte_flipped_before_the_last_line_raises_with_line_and_offset(
    payloads: list[bytes], data: st.DataObject
) -> None:
    frames = list(map(frame, payloads))
    raw = bytearray(b"".join(frames))
    line = data.draw(st.integers(0, len(payloads) - 2))
    offset = sum(map(len, frames[:line]))
    place = offset + data.draw(st.integers(0, len(frames[line]) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(
        JournalError, match=rf"^J: line {line + 1} \(byte {offset}\) does not match"
    ):
        read_lines(bytes(raw), "J")


@pytest.mark.parametrize("place", range(len(frame(b"third")) - 1))
def test_a_byte_flipped_in_a_whole_last_line_raises_too(place: int) -> None:
    # It was durable before anyone acted on it: to cut it off would forget a decision.
    good, last = frame(b"first") + frame(b"second"), bytearray(frame(b"third"))
    for mask in (1, 128, 255):
        bad = bytearray(last)
        bad[place] ^= mask
        with pytest.raises(
            JournalError, match=r"line 3 .*give up what follows line 2: truncate -s"
        ):
            read_lines(good + bytes(bad), "J")


def test_a_last_line_without_its_end_cannot_be_told_from_a_torn_one() -> None:
    raw = frame(b"first") + frame(b"second").replace(b"\n", b"\x8a")
    assert read_lines(raw, "J") == ([b"first"], len(frame(b"first")))


@pytest.mark.parametrize("end", [b"", b'cond"}\n'])
def test_a_last_line_with_a_hole_is_torn(end: bytes) -> None:
    # After a power cut, blocks that were never written may read as zeros.
    raw = frame(b"first") + frame(b"second")[:10] + bytes(64) + end
    assert read_lines(raw, "J") == ([b"first"], len(frame(b"first")))


def test_a_hole_before_good_lines_is_damage() -> None:
    raw = frame(b"first")[:6] + bytes(16) + b"\n" + frame(b"second")
    with pytest.raises(JournalError, match=r"line 1 \(byte 0\)"):
        read_lines(raw, "J")


def test_opening_a_damaged_log_changes_nothing_and_lets_go_of_it(tmp_path: Path) -> None:
    path = log_of(tmp_path, [b"first", b"second"])
    raw = path.read_bytes().replace(b"first", b"fyrst")
    path.write_bytes(raw)
    for _ in range(2):  # the lock of the first failure is gone
        with pytest.raises(JournalError, match="line 1"):
            LineLog(path)
    assert path.read_bytes() == raw


# -- durability ----------------------------------------------------------------------------------


def test_append_returns_after_fsync(tmp_path: Path, calls: list[str]) -> None:
    log = LineLog(tmp_path / "log")
    calls.clear()
    log.append(b"{}")
    assert calls == ["write", "fsync"]
    log.close()


def test_without_sync_append_does_not_wait_and_close_does(tmp_path: Path, calls: list[str]) -> None:
    log = LineLog(tmp_path / "log", sync=False)
    calls.clear()
    log.append(b"{}")
    assert calls == ["write"]
    log.sync()
    assert calls == ["write", "fsync"]
    log.close()
    assert calls == ["write", "fsync", "fsync"]


def test_a_torn_line_is_cut_off_durably_before_anything_is_appended(
    tmp_path: Path, calls: list[str]
) -> None:
    path = log_of(tmp_path, [b"first"])
    with path.open("ab") as file:
        file.write(b"0123")
    log = LineLog(path)
    assert (calls, log.torn_bytes) == (["ftruncate", "fsync"], 4)
    log.close()


def test_the_name_of_a_new_log_is_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[object] = []
    monkeypatch.setattr(durable, "sync_directory", synced.append)
    log = LineLog(tmp_path / "log")
    log.close()
    # A crash may have come between the making of the file and that of its name.
    again = LineLog(tmp_path / "log")
    again.append(b"{}")
    again.close()
    LineLog(tmp_path / "log").close()
    assert synced == [str(tmp_path), str(tmp_path)]


def test_replace_file_writes_aside_syncs_renames_and_syncs_the_name(
    tmp_path: Path, calls: list[str]
) -> None:
    replace_file(tmp_path / "f", b"new")
    assert calls == ["write", "fsync", "replace", "fsync"]
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_several_lines_are_one_write(tmp_path: Path, calls: list[str]) -> None:
    log = LineLog(tmp_path / "log")
    del calls[:]
    log.extend([b"one", b"two"])
    assert calls == ["write", "fsync"]
    log.close()
    assert read_lines((tmp_path / "log").read_bytes(), "log")[0] == [b"one", b"two"]


@pytest.mark.parametrize("name", ["write", "fsync", "replace"])
def test_replace_file_that_fails_leaves_the_old_and_nothing_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, name, refuse)
    with pytest.raises(OSError, match="No space left"):
        replace_file(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_sync_file_and_directory_leave_no_descriptor_behind(tmp_path: Path) -> None:
    durable.write_file(tmp_path / "f", b"x")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counts descriptors
    durable.sync_file(tmp_path / "f")
    durable.sync_directory(tmp_path)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - counts descriptors


def test_write_all_goes_on_after_a_short_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data[:2])))
    durable.write_file(tmp_path / "f", b"seven..")
    assert (tmp_path / "f").read_bytes() == b"seven.."


@example(data=b"")
@given(data=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_never_anything_else(data: bytes) -> None:
    try:
        payloads, whole = read_lines(data, "J")
    except JournalError:
        return
    assert b"".join(map(frame, payloads)) == data[:whole]
