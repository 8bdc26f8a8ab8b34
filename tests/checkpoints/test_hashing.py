"""One name for equal bytes, however they are read."""

from __future__ import annotations

from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from threading import Barrier, get_ident

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.checkpoints import hashing
from pytest_synebench.checkpoints.hashing import PART_BYTES, Digest, is_called, is_name, name_of

LONG = bytes(range(251)) * (2 * PART_BYTES // 251 + 2)  # two parts, and a little of a third


def by_hand(data: bytes) -> str:
    """Return a name as the module's docstring says it is made."""
    if len(data) <= PART_BYTES:
        return sha256(data).hexdigest()
    parts = [data[at : at + PART_BYTES] for at in range(0, len(data), PART_BYTES)]
    joined = b"".join(sha256(part).digest() for part in parts)
    return f"{sha256(joined).hexdigest()}-{len(parts)}"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


@pytest.mark.parametrize("processors", [1, 2, 4])
@pytest.mark.parametrize(
    "size", [0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES, len(LONG)]
)
def test_a_file_is_called_by_its_bytes_whoever_reads_it(
    path: Path, monkeypatch: pytest.MonkeyPatch, size: int, processors: int
) -> None:
    monkeypatch.setattr(hashing, "_processors", lambda: processors)
    path.write_bytes(LONG[:size])
    name = name_of(str(path))
    assert name == by_hand(LONG[:size])
    assert is_called(str(path), name)
    assert is_name(name, size)


def test_a_long_file_is_read_by_several_threads_at_once(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both, who = Barrier(2), set[int]()
    of_range = hashing._of_range

    def watched(fd: int, at: int, end: int) -> bytes:
        if get_ident() not in who:
            who.add(get_ident())
            both.wait(20.0)
        return of_range(fd, at, end)

    monkeypatch.setattr(hashing, "_of_range", watched)
    monkeypatch.setattr(hashing, "_processors", lambda: 2)
    path.write_bytes(LONG)
    assert name_of(str(path)) == by_hand(LONG)
    assert len(who) == 2


@given(at=st.lists(st.integers(0, 2000), max_size=12), size=st.integers(0, 2000))
def test_bytes_that_come_in_chunks_have_the_name_of_the_file(at: list[int], size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashing, "PART_BYTES", 300)
        data = LONG[:size]
        cuts = [0, *sorted(cut for cut in at if cut < size), size]
        whole, parts = Digest("0" * 64), Digest("0" * 64 + "-1")
        for begin, end in pairwise(cuts):
            whole.update(data[begin:end])
            parts.update(memoryview(data)[begin:end])
        assert whole.name() == sha256(data).hexdigest()
        found = [data[i : i + 300] for i in range(0, size, 300)] or [b""]
        joined = b"".join(sha256(part).digest() for part in found)
        assert parts.name() == f"{sha256(joined).hexdigest()}-{len(found)}"


def test_a_file_of_an_earlier_version_is_called_by_its_whole(path: Path) -> None:
    path.write_bytes(LONG)
    assert is_called(str(path), sha256(LONG).hexdigest())
    assert not is_called(str(path), sha256(LONG[1:]).hexdigest())


@pytest.mark.parametrize("at", [0, PART_BYTES - 1, PART_BYTES, len(LONG) - 1])
def test_a_changed_byte_is_another_name(path: Path, at: int) -> None:
    path.write_bytes(LONG)
    name = name_of(str(path))
    with path.open("r+b") as file:
        file.seek(at)
        file.write(bytes([LONG[at] ^ 1]))
    assert not is_called(str(path), name)


def test_a_byte_more_or_less_and_parts_in_another_order_are_other_names(path: Path) -> None:
    path.write_bytes(LONG)
    name = name_of(str(path))
    two = PART_BYTES
    for other in (LONG + b"x", LONG[:-1], LONG[two : 2 * two] + LONG[:two] + LONG[2 * two :]):
        path.write_bytes(other)
        assert not is_called(str(path), name)


def test_what_is_appended_while_it_is_read_is_found(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_bytes(LONG[: 2 * PART_BYTES])  # whose last part is full
    name = name_of(str(path))
    of_range = hashing._of_range

    def late(fd: int, at: int, end: int) -> bytes:
        if not at:
            with path.open("ab") as file:
                file.write(b"more")
        return of_range(fd, at, end)

    monkeypatch.setattr(hashing, "_of_range", late)
    monkeypatch.setattr(hashing, "_processors", lambda: 1)
    assert not is_called(str(path), name)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        (None, 1),
        (7, 1),
        ("", 1),
        ("0" * 63, 1),
        ("0" * 65, 1),
        ("A" * 64, 1),
        ("0" * 64 + "\n", 1),
        ("0" * 64 + "-", 9 << 20),
        ("0" * 64 + "-1", 1),
        ("0" * 64 + "-1", 9 << 20),
        ("0" * 64 + "-02", 9 << 20),
        ("0" * 64 + "-3", 9 << 20),
        ("0" * 64 + "-2/..", 9 << 20),
    ],
)
def test_what_so_many_bytes_cannot_be_called_is_no_name(name: object, size: int) -> None:
    assert not is_name(name, size)


def test_a_file_that_is_not_there_is_an_error(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        name_of(str(path))
    for name in ("0" * 64, "0" * 64 + "-2"):
        with pytest.raises(FileNotFoundError):
            is_called(str(path), name)
